"""Tables of who there is and who is there: always true, and cheap to keep so."""

import json
import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.utils import timezone

from accounts import attempts, second_factor
from accounts.attempts import MOST_FAILURES, WINDOW
from accounts.models import Session, User

PEOPLE, PRESENT = "/accounts/people.json", "/accounts/present.json"
TABLES = [PEOPLE, PRESENT]
PAGES = ["/accounts/people/", "/accounts/present/"]


@pytest.fixture
def admin(client_of) -> Client:
    client = client_of("admin")
    assert client.get(PEOPLE).status_code == 200
    return client


def rows(client: Client, address: str) -> list[dict]:
    return client.get(address).json()["rows"]


def account(client: Client, name: str) -> dict:
    return next(row for row in rows(client, PEOPLE) if row["name"] == name)


def test_an_account_tells_what_it_is_and_how_it_is(admin, person):
    user = person("operator")
    user.first_name, user.last_name = "Ana", "Pop"
    user.save()
    user.groups.add(Group.objects.get(name="auditor"))
    assert account(admin, "operator") == {
        "id": user.pk,
        "name": "operator",
        "full_name": "Ana Pop",
        "roles": ["auditor", "operator"],
        "is_superuser": False,
        "is_active": True,
        "must_change_password": False,
        "has_second_factor": False,
        "last_sign_in": None,
        "sessions": 0,
        "locked_until": None,
    }


def test_what_happens_to_an_account_is_seen_with_the_next_look(admin, person):
    user = person("operator")
    Client().force_login(user)
    Client().force_login(user)
    user.refresh_from_db()
    row = account(admin, "operator")
    assert row["sessions"] == 2
    assert row["last_sign_in"] == user.last_login.isoformat()
    user.is_active, user.must_change_password = False, True
    user.save()
    row = account(admin, "operator")
    assert (row["is_active"], row["must_change_password"], row["sessions"]) == (False, True, 0)


def test_a_second_factor_is_told_and_its_key_is_not(admin):
    user = User.objects.get(username="admin")
    proposal = second_factor.Proposal.new(user)
    second_factor.TOTPDevice.objects.create(user=user, name="app", key=proposal.key.hex())
    text = admin.get(PEOPLE).content.decode()
    assert account(admin, "admin")["has_second_factor"]
    assert proposal.key.hex() not in text


def test_who_is_locked_is_told_with_until_when(admin, person):
    user = person("operator")
    wrong = {"username": "operator", "password": "wrong"}
    for address in ("192.0.2.7", "192.0.2.8"):
        for _ in range(MOST_FAILURES - 1):
            Client(REMOTE_ADDR=address).post("/accounts/login/", wrong)
    assert account(admin, "operator")["locked_until"] is None
    Client(REMOTE_ADDR="192.0.2.7").post("/accounts/login/", wrong)
    first = user.attempts.filter(address="192.0.2.7").earliest("at")
    assert account(admin, "operator")["locked_until"] == (first.at + WINDOW).isoformat()
    assert account(admin, "admin")["locked_until"] is None
    attempts.forgive("operator")
    assert account(admin, "operator")["locked_until"] is None


def test_who_is_there_is_told_with_where_and_since_when(admin, person):
    browser = Client(REMOTE_ADDR="192.0.2.7")
    browser.force_login(person("operator"))
    session = Session.objects.get(user__username="operator")
    Session.objects.filter(pk=session.pk).update(address="192.0.2.7", station="FG-01")
    [row] = [row for row in rows(admin, PRESENT) if row["name"] == "operator"]
    assert (row["station"], row["address"]) == ("FG-01", "192.0.2.7")
    assert row["signed_in_at"] == session.signed_in_at.isoformat()
    assert row["seen_at"] == session.seen_at.isoformat()
    browser.logout()
    assert "operator" not in [row["name"] for row in rows(admin, PRESENT)]


def test_a_session_that_is_over_is_none(admin, person):
    Client().force_login(person("operator"))
    Session.objects.filter(user__username="operator").update(
        expire_date=timezone.now() - timedelta(seconds=1)
    )
    assert "operator" not in [row["name"] for row in rows(admin, PRESENT)]
    assert account(admin, "operator")["sessions"] == 0


def test_no_key_that_opens_a_session_is_told(admin):
    key = admin.session.session_key
    for address in (*TABLES, *PAGES):
        assert key not in admin.get(address).content.decode()


# ----- Who may see it, and how


@pytest.mark.parametrize("role", ["operator", "quality", "auditor"])
@pytest.mark.parametrize("address", [*TABLES, *PAGES])
def test_nobody_else_sees_it(client_of, role, address):
    assert client_of(role).get(address).status_code == 403


@pytest.mark.parametrize("address", [*TABLES, *PAGES])
def test_it_is_only_read(admin, address):
    assert admin.post(address, {}, content_type="application/json").status_code == 405


@pytest.mark.parametrize("address", TABLES)
def test_nothing_is_sent_when_nothing_has_changed(admin, person, address):
    first = admin.get(address)
    again = admin.get(address, headers={"if-none-match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == first["ETag"]
    Client().force_login(person("operator"))
    changed = admin.get(address, headers={"if-none-match": first["ETag"]})
    assert changed.status_code == 200
    assert changed["ETag"] != first["ETag"]


@pytest.mark.parametrize("address", TABLES)
def test_no_browser_keeps_it(admin, address):
    assert "no-store" in admin.get(address)["Cache-Control"]


@pytest.mark.parametrize(("page", "table"), list(zip(PAGES, TABLES, strict=True)))
def test_a_page_comes_with_the_rows_and_their_tag(admin, page, table):
    shown = admin.get(page)
    assert json.loads(shown.context["rows"]) == admin.get(table).json()
    assert shown.context["tag"] == admin.get(table)["ETag"]


def test_no_name_ends_the_script_in_which_it_stands(admin):
    User.objects.create(username="</script><script>alert(1)</script>", first_name="<!--")
    page = admin.get("/accounts/people/").content.decode()
    assert "<script>alert" not in page
    assert "<!--" not in page
    assert account(admin, "</script><script>alert(1)</script>")["full_name"] == "<!--"


# ----- What it costs


@pytest.fixture
def crowd(admin) -> Callable[[int], None]:
    def make(size: int) -> None:
        have = User.objects.count()
        users = User.objects.bulk_create(User(username=f"user{n:05}") for n in range(have, size))
        Group.objects.get(name="operator").user_set.add(*users)
        now = timezone.now()
        Session.objects.bulk_create(
            Session(
                session_key=f"{user.pk:032}",
                session_data="x",
                expire_date=now + timedelta(hours=1),
                user=user,
                address="192.0.2.7",
                signed_in_at=now,
                seen_at=now,
                station="",
            )
            for user in users
        )

    return make


def test_it_is_one_statement_beside_the_sessions(admin, crowd, django_assert_num_queries):
    for size in (10, 300):
        crowd(size)
        for address in [*TABLES, *PAGES]:
            # Who got a role has changed what others may, as far as anybody knows.
            admin.get(address)
            with django_assert_num_queries(2, info=address):
                assert admin.get(address).status_code == 200


def test_a_thousand_accounts_hold_nobody_up(admin, crowd):
    crowd(1000)
    for address in [*TABLES, *PAGES]:
        began = time.perf_counter()
        answer = admin.get(address)
        # A tenth of it here; a browser asks once in 30 s.
        assert time.perf_counter() - began < 2, address
        assert answer.content.count(b'"name"') >= 1000, address
