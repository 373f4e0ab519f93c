"""Passwords are good ones, and nobody stays with the one that somebody else has given him."""

from collections.abc import Callable

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from accounts import entering
from accounts.models import User

FIRST = "given by somebody else"
OWN = "a right good password"


@pytest.fixture
def operator(person) -> User:
    """Somebody to whom an administrator has just given a password."""
    user = person("operator")
    user.set_password(FIRST)
    user.must_change_password = True
    user.save()
    return user


def sign_in(client: Client, password: str = FIRST, **more: str):
    form = {"username": "operator", "password": password} | more
    return client.post("/accounts/login/", form)


def choose(client: Client, new: str = OWN, **more: str):
    form = {"new_password1": new, "new_password2": new} | more
    return client.post("/accounts/password/", form)


# ----- A first password


def test_whoever_was_given_a_password_chooses_one_before_anything_else(operator):
    client = Client()
    assert sign_in(client, next="/scans/sheet/")["Location"] == "/accounts/password/"
    # From everywhere the way leads there, and nobody is signed in.
    for address in ("/", "/scans/station/", "/admin/"):
        assert "login" in client.get(address)["Location"]
    assert client.get("/accounts/login/")["Location"] == "/accounts/password/"
    assert choose(client)["Location"] == "/scans/sheet/"
    assert client.get("/scans/sheet/").status_code == 200
    operator.refresh_from_db()
    assert not operator.must_change_password
    assert operator.check_password(OWN)


def test_a_program_is_told_why(operator):
    client = Client()
    client.cookies["django_language"] = "en"
    assert client.get("/scans/recent/").status_code == 401
    sign_in(client)
    for answer in (
        client.get("/scans/recent/"),
        client.post("/scans/", {}, content_type="application/json"),
    ):
        assert answer.status_code == 403
        assert answer.json()["error"] == "Choose a new password first."
    choose(client)
    assert client.get("/scans/recent/").status_code == 200


def test_a_session_of_before_is_worth_nothing_then(client_of, person):
    client = client_of("operator")
    assert client.get("/scans/recent/").status_code == 200
    User.objects.update(must_change_password=True)
    assert client.get("/scans/recent/").status_code == 401


def test_who_gives_up_half_way_may_let_somebody_else_sign_in(operator):
    client = Client()
    sign_in(client)
    client.post("/accounts/logout/")
    assert client.get("/accounts/login/").status_code == 200
    assert "login" in client.get("/accounts/password/")["Location"]


def test_the_way_in_ends_after_a_while(operator, monkeypatch):
    client = Client()
    sign_in(client)
    monkeypatch.setattr(entering, "LONGEST_SECONDS", -1)
    assert "login" in choose(client)["Location"]
    operator.refresh_from_db()
    assert operator.check_password(FIRST)


@pytest.mark.parametrize(
    "change",
    [
        lambda user: user.set_password("changed by an administrator"),
        lambda user: setattr(user, "is_active", False),
    ],
)
def test_the_way_in_ends_when_the_account_changes(operator, change: Callable[[User], None]):
    client = Client()
    sign_in(client)
    change(operator)
    operator.save()
    assert "login" in choose(client)["Location"]
    operator.refresh_from_db()
    assert not operator.check_password(OWN)


def test_the_session_has_another_key_after_each_change_of_what_it_is_worth(operator):
    client = Client()
    keys = {client.session.session_key}
    sign_in(client)
    keys.add(client.session.session_key)
    choose(client)
    keys.add(client.session.session_key)
    assert len(keys) == 3


def test_what_an_administrator_gives_is_a_first_password(client_of, person):
    admin = client_of("admin")
    user = person("operator")
    form = {"password1": FIRST, "password2": FIRST, "usable_password": "true", "set-password": "1"}
    admin.post(f"/admin/accounts/user/{user.pk}/password/", form)
    admin.post("/admin/accounts/user/add/", form | {"username": "new"})
    for name in ("operator", "new"):
        them = User.objects.get(username=name)
        assert them.check_password(FIRST)
        assert them.must_change_password


def test_an_administrator_changes_his_own_password_where_all_do(client_of):
    admin = client_of("admin")
    number = User.objects.get(username="admin").pk
    for address in (f"/admin/accounts/user/{number}/password/", "/admin/password_change/"):
        assert admin.get(address)["Location"] == "/accounts/password/"


# ----- One's own


@pytest.fixture
def signed_in(operator) -> Client:
    operator.must_change_password = False
    operator.save()
    client = Client()
    assert sign_in(client)["Location"] == "/"
    return client


def test_who_is_signed_in_changes_the_password_and_is_out_everywhere_else(operator, signed_in):
    elsewhere = Client()
    sign_in(elsewhere)
    assert signed_in.get("/accounts/password/").status_code == 200
    assert choose(signed_in, password=FIRST).status_code == 200
    operator.refresh_from_db()
    assert operator.check_password(OWN)
    assert signed_in.get("/scans/recent/").status_code == 200
    assert elsewhere.get("/scans/recent/").status_code == 401
    assert "changed the password" in [entry.change_message for entry in LogEntry.objects.all()]


@pytest.mark.parametrize("old", ["", "wrong"])
def test_who_does_not_know_the_old_password_changes_nothing(operator, signed_in, old):
    assert choose(signed_in, password=old).context["form"].errors["password"]
    operator.refresh_from_db()
    assert operator.check_password(FIRST)


def test_guessing_the_old_password_counts_as_failed_sign_ins(signed_in, caplog):
    choose(signed_in, password="wrong")
    assert "operator failed to sign in" in caplog.text


@pytest.mark.parametrize(
    "bad",
    ["short", "1234567890123", "operator12", "qwertyuiop", "abababababab", FIRST, "x" * 5000],
)
def test_a_bad_password_is_refused(operator, signed_in, bad):
    assert choose(signed_in, bad, password=FIRST).context["form"].errors["new_password1"]
    operator.refresh_from_db()
    assert operator.check_password(FIRST)


def test_two_that_differ_are_refused(signed_in):
    answer = choose(signed_in, password=FIRST, new_password2="another right good one")
    assert answer.context["form"].errors["new_password2"]


def test_the_rules_are_told_before_they_are_broken(signed_in):
    signed_in.cookies["django_language"] = "en"
    rules = signed_in.get("/accounts/password/").content.decode()
    for words in ("at least 10 characters", "5 different characters", "of until now"):
        assert words in rules


def test_no_answer_with_secrets_is_kept_by_a_browser(signed_in):
    assert "no-store" in signed_in.get("/accounts/password/")["Cache-Control"]
