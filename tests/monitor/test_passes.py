"""A pass lets those who watch go on while nobody can be asked who they are, and only then."""

import contextlib
import os
import signal
import time

import pytest
from django.core import signing
from django.db import OperationalError, connection
from django.test import Client

from quality.monitor import passes

POOL = "/monitor/pool"
PAGE = "/admin/monitor/pool/"


@pytest.fixture
def admin(client_of) -> Client:
    """An administrator who has just looked."""
    client = client_of("admin")
    assert client.get(POOL).status_code == 200
    return client


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr(passes, "_ask_again_at", 0.0)


@contextlib.contextmanager
def later(monkeypatch, seconds: float):
    """The same a while later."""
    really = time.time
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: really() + seconds)
        yield


@contextlib.contextmanager
def away(monkeypatch):
    """Nobody can ask: each attempt takes as long as it may, and fails."""

    def fail(seconds, function):
        raise OperationalError("no answer")

    with monkeypatch.context() as patch:
        patch.setattr(passes, "apart", fail)
        yield


def test_a_pass_is_a_cookie_that_scripts_and_other_sites_do_not_get(admin):
    cookie = admin.cookies[passes.COOKIE]
    assert cookie["httponly"]
    assert cookie["samesite"] == "Strict"
    assert cookie["max-age"] == passes.LONGEST_SECONDS


@pytest.mark.parametrize("address", [POOL, PAGE, "/monitor/alerts", f"{PAGE}orders/"])
def test_with_a_pass_nothing_asks_the_database(admin, address, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert admin.get(address).status_code == 200


def test_the_frame_of_the_page_is_the_same_with_a_pass(client_of):
    client = client_of("admin")
    first, second = client.get(PAGE), client.get(PAGE)
    assert first.status_code == 200
    for link in ("/admin/scans/station/", "/admin/accounts/user/", "/scans/reports/"):
        assert f'href="{link}"' in first.text
        assert f'href="{link}"' in second.text


def test_after_a_minute_the_database_is_asked_again(admin, monkeypatch, person):
    user = person("admin")
    user.is_active = False
    user.save()
    assert admin.get(POOL).status_code == 200
    with later(monkeypatch, passes.FRESH_SECONDS + 1):
        assert admin.get(POOL).status_code == 401


def test_a_right_that_was_taken_away_is_gone_after_a_minute(admin, monkeypatch, person):
    person("admin").groups.clear()
    with later(monkeypatch, passes.FRESH_SECONDS + 1):
        assert admin.get(POOL).status_code == 403


def test_an_old_pass_is_believed_while_nobody_can_be_asked_and_no_longer(admin, monkeypatch):
    with away(monkeypatch):
        with later(monkeypatch, passes.LONGEST_SECONDS - 10):
            assert admin.get(POOL).status_code == 200
            assert admin.get(PAGE).status_code == 200
        with later(monkeypatch, passes.LONGEST_SECONDS + 10):
            response = admin.get(POOL)
            assert response.status_code == 503
            assert response.headers["Retry-After"]
            assert "error" in response.json()


def test_without_an_answer_it_is_not_asked_at_each_look(admin, monkeypatch):
    asked: list[float] = []

    def fail(seconds, function):
        asked.append(seconds)
        raise OperationalError("no answer")

    monkeypatch.setattr(passes, "apart", fail)
    with later(monkeypatch, passes.FRESH_SECONDS + 1):
        for _ in range(3):
            assert admin.get(POOL).status_code == 200
    assert len(asked) == 1


def test_nobody_without_a_pass_is_believed(client_of, monkeypatch):
    client = client_of("admin")
    with away(monkeypatch):
        assert client.get(POOL).status_code == 503
        response = client.get(PAGE)
        assert response.status_code == 503
        assert "text/html" in response["Content-Type"]


def test_a_pass_is_nothing_without_its_session(admin, client_of):
    stolen = Client()
    stolen.cookies[passes.COOKIE] = admin.cookies[passes.COOKIE].value
    assert stolen.get(POOL).status_code == 401
    other = client_of("quality")
    other.cookies[passes.COOKIE] = admin.cookies[passes.COOKIE].value
    assert other.get(POOL).status_code == 403


def test_nobody_writes_a_pass_of_his_own(client_of):
    client = client_of("quality")
    key = client.cookies["sessionid"].value
    facts = {"pk": 1, "username": "x", "is_staff": True, "is_superuser": True, "rights": []}
    facts |= {"checked_at": time.time(), "session": passes._mark(key)}
    client.cookies[passes.COOKIE] = signing.dumps(facts, key="another", salt=passes._SALT)
    assert client.get(POOL).status_code == 403


@pytest.mark.parametrize("address", ["/accounts/logout/", "/admin/logout/"])
def test_whoever_signs_out_loses_the_pass(admin, address):
    admin.post(address)
    assert not admin.cookies[passes.COOKIE].value
    assert admin.get(POOL).status_code == 401


def test_a_pass_with_many_rights_still_fits_into_a_cookie(rf):
    rights = {f"app{number}.{os.urandom(20).hex()}" for number in range(300)}
    who = passes.Watcher(
        pk=1,
        username="ana",
        is_staff=True,
        is_superuser=False,
        rights=frozenset(rights | {"monitor.view_pool"}),
        checked_at=time.time(),
    )
    request = rf.get("/")
    request.COOKIES[passes.COOKIE] = passes._written(who, "key")
    assert len(request.COOKIES[passes.COOKIE]) < 4000
    held = passes._held(request, "key")
    assert held is not None
    assert held.rights == {"monitor.view_pool"}


def test_a_frozen_server_costs_less_than_a_second(spare_server, django_db_blocker):
    """The session is asked for over a connection that was made for it, with a deadline."""
    client = Client(raise_request_exception=False)
    client.cookies["sessionid"] = "abcdefghijklmnopqrstuvwxyz012345"
    os.kill(spare_server.pid, signal.SIGSTOP)
    try:
        with django_db_blocker.unblock():
            # What a test before has left would be asked, and it leads to another server.
            connection.close()
            began = time.monotonic()
            assert client.get(POOL).status_code == 503
            # The 0.6 s, and room for a busy machine.
            assert time.monotonic() - began < 2
            # Who acts is told so as well, and may try again.
            answer = client.post(f"{POOL}act/", {"verb": "drain"}, "application/json")
            assert answer.status_code == 503
            assert "error" in answer.json()
    finally:
        os.kill(spare_server.pid, signal.SIGCONT)
