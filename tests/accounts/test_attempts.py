"""Whoever guesses passwords is locked out, learns nothing by it, and is seen."""

import logging
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth import authenticate
from django.contrib.auth.hashers import MD5PasswordHasher, PBKDF2PasswordHasher
from django.db import connection
from django.http import HttpRequest
from django.test import Client

from accounts import attempts
from accounts.models import Attempt, Session, User

PASSWORD = "a right good password"
WRONG = "a wrong password"
LOGIN = "/accounts/login/"
Outcome = Attempt.Outcome


@pytest.fixture
def operator(person) -> User:
    user = person("operator")
    user.set_password(PASSWORD)
    user.save()
    return user


def sign_in(password: str, *, name: str = "operator", address: str = "192.0.2.7") -> Client:
    client = Client(REMOTE_ADDR=address)
    client.response = client.post(LOGIN, {"username": name, "password": password})
    return client


def is_in(client: Client) -> bool:
    return "sessionid" in client.cookies


def fail(times: int, **where: str) -> None:
    for _ in range(times):
        assert not is_in(sign_in(WRONG, **where))


def outcomes() -> list[str]:
    return list(Attempt.objects.order_by("pk").values_list("outcome", flat=True))


def pass_time(minutes: float) -> None:
    """All that was, was so much earlier."""
    for attempt in Attempt.objects.all():
        Attempt.objects.filter(pk=attempt.pk).update(at=attempt.at - timedelta(minutes=minutes))


# ----- The lock


def test_after_five_failures_the_right_password_is_refused_too(operator):
    fail(4)
    assert is_in(sign_in(PASSWORD))
    fail(5)
    assert not is_in(sign_in(PASSWORD))
    assert outcomes()[-2:] == [Outcome.WRONG, Outcome.LOCKED]
    assert list(attempts.locked()) == [
        {"name": "operator", "address": "192.0.2.7", "failures": 5},
    ]


def test_a_lock_ends_after_15_minutes_however_often_it_was_tried_meanwhile(operator):
    fail(5)
    pass_time(minutes=14)
    for _ in range(10):
        assert not is_in(sign_in(PASSWORD))
    pass_time(minutes=1.1)
    assert is_in(sign_in(PASSWORD))


def test_failures_of_15_minutes_are_counted_and_no_older_ones(operator):
    for _ in range(9):
        fail(1)
        pass_time(minutes=4)
    assert is_in(sign_in(PASSWORD))


def test_who_shares_a_name_or_an_address_is_not_locked(operator, person):
    other = person("quality")
    other.set_password(PASSWORD)
    other.save()
    fail(5)
    assert not is_in(sign_in(PASSWORD))
    assert is_in(sign_in(PASSWORD, address="192.0.2.8"))
    assert is_in(sign_in(PASSWORD, name="quality"))


@pytest.mark.parametrize("name", ["OPERATOR", "operätor", "oper\x1bator", " operator"])
def test_another_spelling_of_a_name_is_no_way_past_the_lock(operator, name):
    fail(5)
    assert not is_in(sign_in(PASSWORD, name=name))
    assert set(Attempt.objects.values_list("name", flat=True)) == {"operator"}


@pytest.mark.django_db(transaction=True)
def test_many_that_try_at_once_are_heard_no_more_than_five_times(operator, monkeypatch):
    heard = []
    monkeypatch.setattr(User, "check_password", lambda self, password: heard.append(1))

    def guess(_: int) -> None:
        request = HttpRequest()
        request.META["REMOTE_ADDR"] = "192.0.2.7"
        try:
            assert authenticate(request, username="operator", password=WRONG) is None
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(guess, range(24)))
    assert len(heard) <= attempts.MOST_FAILURES
    assert not is_in(sign_in(PASSWORD))


def test_an_administrator_unlocks_a_name(operator, client_of):
    fail(5)
    administrator = client_of("admin")
    choice = {"action": "unlock", "_selected_action": [operator.pk]}
    assert administrator.post("/admin/accounts/user/", choice).status_code == 302
    assert is_in(sign_in(PASSWORD))
    assert "Unlocked, 5" in LogEntry.objects.get().change_message


def test_an_administrator_unlocks_nobody_more_powerful(operator, client_of, person):
    """Else he could guess at that one's password, five times after five times."""
    User.objects.filter(pk=operator.pk).update(is_superuser=True)
    fail(5)
    fail(5, name=person("quality").username)
    both = list(
        User.objects.filter(username__in=["operator", "quality"]).values_list("pk", flat=True)
    )
    choice = {"action": "unlock", "_selected_action": both}
    answer = client_of("admin").post("/admin/accounts/user/", choice, follow=True)
    assert "operator" in str(*answer.context["messages"])
    assert len(attempts.locked()) == 2


def test_what_is_old_is_forgotten(operator):
    fail(1)
    pass_time(minutes=181 * 24 * 60)
    assert is_in(sign_in(PASSWORD))
    assert outcomes() == [Outcome.ACCEPTED]


# ----- What a guesser learns


def situations(operator: User) -> dict[str, dict[str, str]]:
    """Sign-ins that must not be told apart."""
    User.objects.create_user("gone", password=PASSWORD, is_active=False)
    fail(5, address="192.0.2.66")
    return {
        "wrong": {"password": WRONG},
        "unknown": {"password": WRONG, "name": "nobody"},
        "disabled": {"password": PASSWORD, "name": "gone"},
        "locked": {"password": PASSWORD, "address": "192.0.2.66"},
    }


def test_every_failure_is_answered_alike(operator):
    answers = set()
    for one in situations(operator).values():
        response = sign_in(**one).response
        (error,) = response.context["form"].non_field_errors()
        text = response.content.decode().replace(one.get("name", "operator"), "NAME")
        # The token of the form is another each time.
        token = response.context["csrf_token"]
        answers.add((response.status_code, error, text.replace(str(token), "TOKEN")))
    assert len(answers) == 1
    assert outcomes()[-4:] == ["wrong", "unknown", "disabled", "locked"]


class SlowHasher(PBKDF2PasswordHasher):
    """Takes 0.1 s of a processor: what a failure costs beside it does not count."""

    iterations = PBKDF2PasswordHasher.iterations // 4


def test_every_failure_takes_as_long(operator, settings):
    """In processor time: how busy the machine is matters to nobody."""
    settings.PASSWORD_HASHERS = [f"{__name__}.SlowHasher"]
    operator.set_password(PASSWORD)
    operator.save()
    taken: dict[str, list[float]] = {}
    kinds = situations(operator)
    for _round in range(4):
        for kind, one in kinds.items():
            began = time.thread_time()
            sign_in(**one)
            taken.setdefault(kind, []).append(time.thread_time() - began)
    medians = {kind: statistics.median(times) for kind, times in taken.items()}
    assert max(medians.values()) < 1.3 * min(medians.values()), medians


class WatchfulHasher(MD5PasswordHasher):
    """Notes whether a connection is held while it hashes."""

    held: list[bool] = []

    def encode(self, password: str, salt: str) -> str:
        self.held.append(connection.connection is not None)
        return super().encode(password, salt)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["operator", "nobody"])
def test_hashing_holds_no_connection(operator, settings, name):
    settings.PASSWORD_HASHERS = [f"{__name__}.{WatchfulHasher.__qualname__}"]
    operator.set_password(PASSWORD)
    operator.save()
    WatchfulHasher.held.clear()
    sign_in(PASSWORD, name=name)
    operator.set_password(PASSWORD)
    assert WatchfulHasher.held == [False, False]


# ----- Who sees it


def test_each_attempt_is_kept_with_address_and_reason(operator, client_of):
    sign_in(WRONG)
    sign_in(PASSWORD)
    page = client_of("admin").get("/admin/accounts/attempt/").content.decode()
    assert page.count("192.0.2.7") >= 2
    kept = Attempt.objects.order_by("pk").values_list("name", "address", "outcome", "user")
    assert list(kept) == [
        ("operator", "192.0.2.7", "wrong", operator.pk),
        ("operator", "192.0.2.7", "accepted", operator.pk),
    ]


@pytest.mark.parametrize("path", ["add/", "1/delete/"])
def test_attempts_can_only_be_read(client_of, path, operator):
    sign_in(WRONG)
    Attempt.objects.update(id=1)
    client = client_of("admin")
    User.objects.update(is_superuser=True)
    client.force_login(User.objects.get(username="admin"))
    assert client.get(f"/admin/accounts/attempt/{path}").status_code == 403
    client.post("/admin/accounts/attempt/1/change/", {"outcome": "accepted"})
    assert outcomes() == ["wrong"]


@pytest.fixture
def said(caplog):
    caplog.set_level(logging.INFO)
    return lambda: [
        (record.getMessage(), record.fields)
        for record in caplog.records
        if record.name == "accounts.attempts"
    ]


def test_a_sign_in_and_its_end_are_logged_with_the_address(operator, said):
    client = sign_in(PASSWORD)
    client.post("/accounts/logout/")
    fields = {"user": operator.pk, "address": "192.0.2.7"}
    assert said() == [("operator signed in", fields), ("operator signed out", fields)]


def test_a_failure_is_logged_with_its_reason(operator, said):
    fail(5)
    sign_in(PASSWORD)
    sign_in(WRONG, name="nobody")
    fields = {"user": operator.pk, "address": "192.0.2.7"}
    assert said()[-3:] == [
        ("operator failed to sign in", {"reason": "wrong"} | fields),
        ("operator failed to sign in", {"reason": "locked"} | fields),
        ("somebody unknown failed to sign in", {"reason": "unknown"} | fields | {"user": None}),
    ]


def test_no_password_is_kept_or_logged_not_even_one_in_the_wrong_field(operator, caplog):
    caplog.set_level(logging.DEBUG)
    sign_in(WRONG)
    sign_in("operator", name=PASSWORD)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM accounts_attempt")
        kept = str(cursor.fetchall())
    for secret in (PASSWORD, WRONG):
        assert secret not in kept
        # The statements themselves are nobody's log.
        lines = [one.getMessage() for one in caplog.records if one.name != "django.db.backends"]
        assert not [line for line in lines if secret in line]
    # Who tries it again is seen to do so.
    sign_in("operator", name=PASSWORD)
    first, second = Attempt.objects.filter(outcome="unknown").values_list("name", flat=True)
    assert first == second


def test_what_a_browser_says_of_itself_is_kept_short_and_printable(operator):
    Client(HTTP_USER_AGENT="\x1b[31m" + "x" * 5000).post(
        LOGIN, {"username": "operator", "password": WRONG}
    )
    browser = Attempt.objects.get().browser
    assert browser.isprintable()
    assert len(browser) == 200


# ----- Signing out


def test_one_signs_out_in_each_browser_at_once(operator):
    here, there = sign_in(PASSWORD), sign_in(PASSWORD, address="192.0.2.8")
    page = here.get("/accounts/logout/everywhere/").content.decode()
    assert "192.0.2.7" in page
    assert "192.0.2.8" in page
    # A key is a secret, also from whoever looks over a shoulder.
    assert not [one for one in Session.objects.all() if one.session_key in page]
    assert here.post("/accounts/logout/everywhere/")["Location"] == LOGIN
    assert [one.get("/scans/recent/").status_code for one in (here, there)] == [401, 401]


def test_an_administrator_signs_somebody_out_after_being_asked(operator, client_of):
    client = sign_in(PASSWORD)
    administrator = client_of("admin")
    choice = {"action": "sign_out_everywhere", "_selected_action": [operator.pk]}
    question = administrator.post("/admin/accounts/user/", choice)
    assert question.status_code == 200
    assert "operator" in question.content.decode()
    assert client.get("/scans/recent/").status_code == 200
    administrator.post("/admin/accounts/user/", choice | {"confirmed": "1"})
    assert client.get("/scans/recent/").status_code == 401
    assert "Signed out everywhere, 1" in LogEntry.objects.get().change_message


@pytest.mark.parametrize("action", ["sign_out_everywhere", "unlock"])
def test_who_may_change_nobody_signs_nobody_out(operator, client_of, action):
    sign_in(PASSWORD)
    client = client_of("quality")
    User.objects.filter(username="quality").update(is_staff=True)
    client.force_login(User.objects.get(username="quality"))
    choice = {"action": action, "_selected_action": [operator.pk], "confirmed": "1"}
    assert client.post("/admin/accounts/user/", choice).status_code == 403
    assert Session.objects.filter(user=operator).exists()


def test_an_administrator_signs_no_superuser_out(operator, client_of):
    User.objects.filter(pk=operator.pk).update(is_superuser=True)
    sign_in(PASSWORD)
    choice = {"action": "sign_out_everywhere", "_selected_action": [operator.pk]}
    client_of("admin").post("/admin/accounts/user/", choice | {"confirmed": "1"})
    assert Session.objects.filter(user=operator).exists()


# ----- The way in


def test_the_admin_has_no_sign_in_of_its_own(operator, client_of):
    response = Client().get("/admin/", follow=True)
    assert response.redirect_chain[-1][0] == "/accounts/login/?next=/admin/"
    assert Client().post("/admin/login/", {"username": "x", "password": "y"}).status_code == 302
    assert not Attempt.objects.exists()
    # Who is signed in and may not is told so, and not sent round and round.
    assert client_of("operator").get("/admin/", follow=True).status_code == 403
