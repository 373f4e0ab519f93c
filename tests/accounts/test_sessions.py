"""A session is read by one statement, ends in time, and nothing passes for one that is none."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from accounts.models import Session, User
from accounts.sessions import IDLE_SECONDS, SessionStore, end_sessions
from scans.binding import COOKIE

ADDRESS = "/scans/recent/"
PAGE = "/admin/"
HOURS_14 = timedelta(hours=14)
MINUTES_30 = timedelta(minutes=30)
# How far the clock may get on in a test.
TOLERANCE = timedelta(minutes=2)


@pytest.fixture
def client(client_of) -> Client:
    client = client_of("operator")
    assert client.get(ADDRESS).status_code == 200
    return client


@pytest.mark.parametrize(
    ("left", "status"), [(timedelta(seconds=90), 200), (timedelta(seconds=-1), 401)]
)
def test_a_session_ends_at_its_time(client, left, status):
    Session.objects.update(expire_date=timezone.now() + left)
    assert client.get(ADDRESS).status_code == status


@pytest.mark.parametrize("key", ["a" * 32, "", "x", "'; --", "é", "a" * 500])
def test_a_key_that_nobody_was_given_is_nobodys_and_is_never_taken_over(db, key):
    client = Client()
    client.cookies["sessionid"] = key
    assert client.get(ADDRESS).status_code == 401
    session = SessionStore(key)
    session["chosen"] = "by somebody else"
    session.save()
    assert session.session_key != key
    assert SessionStore(session.session_key)["chosen"] == "by somebody else"


def test_what_a_session_says_is_looked_into_once_and_is_each_requests_own(db, monkeypatch):
    store = SessionStore()
    written = store.encode({"said": ["a"]})
    opened = store.decode(written)
    opened["said"].append("b")
    monkeypatch.setattr("accounts.sessions.signing.loads", None)
    assert SessionStore().decode(written) == {"said": ["a"]}


def test_what_nobody_signed_says_nothing(db, caplog):
    store = SessionStore()
    written = store.encode({"said": "a"})
    for forged in (written[:-1] + ("A" if written[-1] != "A" else "B"), "", "x:y:z"):
        for _ in range(2):
            caplog.clear()
            assert store.decode(forged) == {}
            assert [line.getMessage() for line in caplog.records] == ["Session data corrupted"]
    assert store.decode(written) == {"said": "a"}


def test_a_session_that_was_deleted_is_nobodys(client):
    Session.objects.all().delete()
    assert client.get(ADDRESS).status_code == 401


def test_a_changed_password_ends_all_sessions(client):
    user = User.objects.get(username="operator")
    user.set_password("another right good password")
    user.save()
    assert client.get(ADDRESS).status_code == 401


# ----- Whose it is


def test_a_session_tells_who_is_signed_in_where_and_since_when(person, master_data):
    client = bound(Client(REMOTE_ADDR="192.0.2.7"), person("operator"))
    session = Session.objects.get()
    assert (session.user.username, session.station) == ("operator", "FG-01")
    assert timezone.now() - session.signed_in_at < TOLERANCE
    # What a session keeps besides changes nothing of that.
    store = SessionStore(client.session.session_key)
    store["more"] = 1
    store.save()
    assert Session.objects.get().signed_in_at == session.signed_in_at
    assert session.session_key not in str(session)


def test_the_address_is_that_of_the_sign_in(person):
    user = person("operator")
    user.set_password("a right good password")
    user.save()
    form = {"username": "operator", "password": "a right good password"}
    Client(REMOTE_ADDR="192.0.2.7").post("/accounts/login/", form)
    assert Session.objects.get().address == "192.0.2.7"


def test_who_signs_in_gets_another_key_and_a_key_from_before_is_worth_nothing(person):
    """Whoever made a victim's browser use a known key is not signed in by the victim."""
    planted = SessionStore()
    planted["planted"] = True
    planted.save()
    user = person("operator")
    user.set_password("a right good password")
    user.save()
    victim, attacker = Client(), Client()
    for browser in (victim, attacker):
        browser.cookies["sessionid"] = planted.session_key
    form = {"username": "operator", "password": "a right good password"}
    victim.post("/accounts/login/", form)
    assert victim.get(ADDRESS).status_code == 200
    assert attacker.get(ADDRESS).status_code == 401


def test_ended_sessions_are_cleared_away_by_the_next_sign_in(client, person):
    Session.objects.update(expire_date=timezone.now() - timedelta(seconds=1))
    Client().force_login(person("quality"))
    assert [session.user.username for session in Session.objects.all()] == ["quality"]


# ----- How long it lasts


def bound(client: Client, user: User) -> Client:
    """A browser that an administrator has bound to a station, and in which `user` signs in."""
    administrator = Client()
    administrator.force_login(User.objects.get_or_create(username="root", is_superuser=True)[0])
    administrator.post("/scans/bind/", {"station": "FG-01"})
    client.cookies[COOKIE] = administrator.cookies[COOKIE].value
    Session.objects.all().delete()
    # As force_login of the test client, which sends no cookies to the sign-in.
    user.set_password("a right good password")
    user.save()
    form = {"username": user.username, "password": "a right good password"}
    assert client.post("/accounts/login/", form).status_code == 302
    return client


def left() -> timedelta:
    return Session.objects.get().expire_date - timezone.now()


def pass_time(minutes: int) -> None:
    """All that was, was so much earlier."""
    Session.objects.update(
        seen_at=Session.objects.get().seen_at - timedelta(minutes=minutes),
        expire_date=Session.objects.get().expire_date - timedelta(minutes=minutes),
    )


@pytest.mark.parametrize("role", ["operator", "quality", "auditor"])
def test_who_does_not_administer_has_14_hours(client_of, role):
    client_of(role)
    assert HOURS_14 - TOLERANCE < left() <= HOURS_14


def test_at_a_bound_station_an_administrator_has_them_too(person, master_data):
    bound(Client(), person("admin"))
    assert HOURS_14 - TOLERANCE < left() <= HOURS_14


def test_an_administrator_is_out_after_30_minutes_without_a_sign(client_of):
    client = client_of("admin")
    assert MINUTES_30 - TOLERANCE < left() <= MINUTES_30
    pass_time(minutes=29)
    assert client.get(PAGE).status_code == 200
    # It was a sign.
    assert left() > MINUTES_30 - TOLERANCE
    pass_time(minutes=31)
    assert client.get(PAGE).status_code == 302


def test_14_hours_are_the_end_also_for_who_was_never_away(client_of):
    client_of("admin")
    store = SessionStore(Session.objects.get().session_key)
    store["sign_in"] |= {"at": (timezone.now() - HOURS_14 + timedelta(minutes=5)).isoformat()}
    store.save()
    assert left() <= timedelta(minutes=5)


@pytest.mark.parametrize("address", ["/monitor/pool", "/admin/monitor/pool/", "/monitor/alerts"])
def test_what_a_page_asks_by_itself_is_no_sign(client_of, address):
    client = client_of("admin")
    pass_time(minutes=29)
    assert client.get(address).status_code == 200
    assert left() < TOLERANCE
    pass_time(minutes=2)
    client.cookies.pop("watcher")
    assert client.get(address).status_code in (302, 401)


def test_a_sign_is_written_once_a_minute_at_most(client_of, django_assert_num_queries):
    client = client_of("operator")
    client.get("/scans/sheet/")
    before = Session.objects.get().seen_at
    client.get("/scans/sheet/")
    assert Session.objects.get().seen_at == before
    pass_time(minutes=1)
    client.get("/scans/sheet/")
    assert Session.objects.get().seen_at > before - timedelta(seconds=1)


def test_polls_and_scans_write_nothing_and_a_heartbeat_once_a_minute(client, heartbeat):
    pass_time(minutes=5)
    before = Session.objects.get().seen_at
    client.get(ADDRESS)
    assert Session.objects.get().seen_at == before
    assert client.post("/scans/heartbeat/", heartbeat, "application/json").status_code == 200
    assert timezone.now() - Session.objects.get().seen_at < TOLERANCE


def test_a_heartbeat_is_no_sign_of_an_administrator(person, client_of, heartbeat):
    client = client_of("admin")
    person("admin").groups.set(person("operator").groups.all())
    pass_time(minutes=29)
    assert client.post("/scans/heartbeat/", heartbeat, "application/json").status_code == 200
    assert left() < TOLERANCE


@pytest.fixture
def heartbeat(master_data) -> dict[str, object]:
    return {
        "station": "FG-01",
        "device": "9b2f0f6e-7a53-4a0e-8f3e-0d7f3c1d8a11",
        "pending": 0,
        "oldest_pending_seconds": None,
        "attention": 0,
    }


def test_the_times_are_those_of_the_code():
    assert timedelta(seconds=IDLE_SECONDS) == MINUTES_30


# ----- Its end


ENDS = {
    "is disabled": "UPDATE accounts_user SET is_active = 0",
    "begins to administer": "UPDATE accounts_user SET is_staff = 1",
    "becomes a superuser": "UPDATE accounts_user SET is_superuser = 1",
}


@pytest.mark.parametrize("statement", ENDS.values(), ids=ENDS)
def test_the_sessions_of_who_is_another_now_end_however_it_was_changed(client, statement):
    with connection.cursor() as cursor:
        cursor.execute(statement)
    assert not Session.objects.exists()
    assert client.get(ADDRESS).status_code == 401
    # Nor does it come back with the right.
    User.objects.update(is_active=True)
    assert client.get(ADDRESS).status_code == 401


def test_other_changes_of_a_user_end_no_session(client):
    User.objects.update(first_name="Ana")
    assert client.get(ADDRESS).status_code == 200


def test_who_is_signed_out_everywhere_is_out_in_each_browser_and_nobody_else_is(client_of):
    browsers = [client_of("operator"), client_of("operator")]
    other = client_of("quality")
    assert end_sessions(User.objects.get(username="operator")) == 2
    assert [one.get(ADDRESS).status_code for one in browsers] == [401, 401]
    assert other.get("/scans/reports/").status_code == 200


def test_a_session_that_ends_during_a_request_does_not_come_back(client_of):
    client_of("admin")
    store = SessionStore(Session.objects.get().session_key)
    store.load()
    pass_time(minutes=5)
    store.seen_at = None
    Session.objects.all().delete()
    store.note_seen(by_person=True)
    assert not Session.objects.exists()


def test_a_watchers_pass_ends_with_the_session(client_of):
    client = client_of("admin")
    assert client.get("/monitor/pool").status_code == 200
    assert client.cookies["watcher"].value
    client.post("/accounts/logout/")
    assert not client.cookies["watcher"].value
    assert client.get("/monitor/pool").status_code == 401
