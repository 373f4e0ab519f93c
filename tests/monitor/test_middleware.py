"""Each request leaves one line that says what it asked of the databases."""

import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.core.signals import request_finished
from django.core.wsgi import get_wsgi_application
from django.db import connection, connections
from django.http import HttpResponse, StreamingHttpResponse
from django.test import RequestFactory
from django.urls import path

from quality import urls
from quality.monitor import middleware
from quality.monitor.writing import writer
from quality.pool.errors import PoolTimeout
from quality.pool.holders import given_name, named
from quality.pool.registry import registry
from tests.pool.conftest import in_thread

Answer = tuple[int, dict[str, str], str]


def ask(alias: str = "default") -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT %s", [42])


def view(request, number=0):
    for _ in range(number):
        ask()
    return HttpResponse(given_name.get())


def stream(request):
    def rows():
        ask()
        yield given_name.get()

    return StreamingHttpResponse(rows())


def fail(request):
    ask()
    raise KeyError("secret")


def wait_in_vain(request):
    raise PoolTimeout("full", alias="default", waited_seconds=5.0, limit=10)


kept: list[Any] = []


def keep(request):
    # One that Django does not know of, and does not return.
    own = connections.create_connection("default")
    own.ensure_connection()
    kept.append(own)
    return HttpResponse()


def ask_two(request):
    ask()
    ask("second")
    ask("second")
    return HttpResponse()


def sign_in(request):
    request._cached_user = type("User", (), {"pk": 7})()
    return view(request, 1)


urlpatterns = [
    *urls.urlpatterns,
    path("view/<int:number>/", view, name="view"),
    path("stream/", stream, name="stream"),
    path("fail/", fail, name="fail"),
    path("full/", wait_in_vain, name="full"),
    path("keep/", keep, name="keep"),
    path("two/", ask_two, name="two"),
    path("user/", sign_in, name="user"),
]
handler500 = "quality.views.server_error"


@pytest.fixture
def lines(caplog) -> Callable[[str], list[Any]]:
    """`lines("quality.database")` are that logger's records."""
    caplog.set_level(logging.INFO)

    def lines(name: str) -> list[Any]:
        writer.flush()
        return [record for record in caplog.records if record.name == name]

    writer.flush()
    caplog.clear()
    return lines


@pytest.fixture
def get(settings, lines, django_db_blocker) -> Any:
    """`get("/view/1/")`: as gunicorn asks, in a thread of its own, until the answer is closed."""
    settings.ROOT_URLCONF = __name__
    settings.ALLOWED_HOSTS = ["testserver"]
    application = get_wsgi_application()
    # Django's test client takes its receiver away for a while; then it comes after ours.
    request_finished.disconnect(middleware.request_finished)
    request_finished.connect(middleware.request_finished)

    def ask_here(address: str, headers: dict[str, str]) -> Answer:
        environ = RequestFactory().get(address, headers=headers).environ
        said: list[Any] = []
        body = application(environ, lambda *status: said.extend(status))
        try:
            text = b"".join(body).decode()
        finally:
            body.close()
            after = given_name.get()
            while kept:
                kept.pop().close()
        assert not after, "the name of a request outlived it"
        return int(said[0].split()[0]), dict(said[1]), text

    def ask_there(address: str, **headers: str) -> Answer:
        answer: Answer = in_thread(lambda: ask_here(address, headers)).result(30)
        return answer

    with django_db_blocker.unblock():
        yield ask_there


def test_a_line_says_what_a_request_asked_of_the_database(get, lines):
    status, headers, _ = get("/view/3/?code=SECRET")
    [line] = lines("quality.routes")
    assert line.getMessage() == "GET view 200"
    assert line.levelname == "INFO"
    fields = line.fields
    assert (status, fields["database"], fields["statements"]) == (200, "default", 3)
    assert 0 < fields["sql_seconds"] < fields["held_seconds"] < 30
    assert 0 <= fields["waited_seconds"] < 30
    assert fields["connection"] > 0
    assert isinstance(fields["connection_is_new"], bool)
    assert "user" not in fields
    assert fields["path"] == "/view/3/"
    assert fields["address"] == "127.0.0.1"
    assert lines("quality.database") == [], "nothing to warn about"
    assert re.fullmatch("[0-9a-f]{16}", headers["X-Request-ID"])


def test_the_second_request_reuses_the_connection_and_says_so(get, lines):
    get("/view/1/")
    get("/view/1/")
    first, second = (line.fields for line in lines("quality.routes"))
    assert second["connection"] == first["connection"]
    assert second["connection_is_new"] is False
    assert second["statements"] == 1


def test_the_line_of_a_request_without_the_database_names_none(get, lines):
    get("/view/0/")
    [line] = lines("quality.routes")
    assert not {"database", "statements", "connection"} & line.fields.keys()


def test_what_a_streamed_answer_borrows_while_it_is_sent_is_in_the_line(get, lines):
    status, _, holder = get("/stream/")
    assert (status, holder) == (200, "GET stream")
    [line] = lines("quality.routes")
    assert line.fields["statements"] == 1
    assert line.fields["held_seconds"] > 0


def test_an_error_is_named_without_what_it_says(get, lines, caplog):
    status, headers, _ = get("/fail/")
    assert status == 500
    [line] = lines("quality.routes")
    assert (line.levelname, line.fields["error"]) == ("WARNING", "KeyError")
    assert line.fields["statements"] == 1
    [traceback] = lines("django.request")
    assert traceback.exc_info
    assert headers["X-Request-ID"]


def test_who_waits_in_vain_gets_a_line_and_no_traceback(get, lines):
    assert get("/full/")[0] == 503
    [route] = lines("quality.routes")
    assert route.fields["error"] == "PoolTimeout: full"
    [line] = lines("quality.database")
    assert line.levelname == "WARNING"
    assert "waited in vain for a connection for 5.0 s" in line.getMessage()
    assert lines("django.request") == []


def test_a_request_that_keeps_its_connection_is_warned_about(get, lines):
    get("/keep/")
    first, late = lines("quality.database")
    assert first.getMessage() == "GET keep 200: did not return its connection"
    # Its end, later, is no request's any more.
    assert late.getMessage() == "GET keep"
    assert late.fields["connection"] > 0


def test_two_databases_stand_in_one_line(get, lines):
    connections.settings["second"] = connections.settings["default"]
    try:
        assert get("/two/")[0] == 200
    finally:
        del connections.settings["second"]
        registry.known("second").retire()
    [line] = lines("quality.routes")
    assert line.fields["default"]["statements"] == 1
    assert line.fields["second"]["statements"] == 2
    assert line.fields["second"]["connection"] != line.fields["default"]["connection"]


def test_the_user_is_named_only_when_somebody_has_asked(get, lines):
    get("/user/")
    [line] = lines("quality.routes")
    assert (line.fields["user"], line.fields["statements"]) == (7, 1)


@pytest.mark.parametrize(
    ("limit", "warning"),
    [
        ("LONG_WAIT_SECONDS", "s for a connection (LONG_WAIT_SECONDS is 1e-09)"),
        ("LONG_HOLD_SECONDS", "held a connection for 0.0 s (LONG_HOLD_SECONDS is 1e-09)"),
        ("MANY_STATEMENTS", "2 statements (MANY_STATEMENTS is 1e-09)"),
    ],
)
def test_what_takes_too_much_is_warned_about(get, lines, settings, limit, warning):
    setattr(settings, limit, 1e-9)
    get("/view/2/")
    [line] = lines("quality.database")
    assert line.levelname == "WARNING"
    assert warning in line.getMessage()


@pytest.mark.parametrize(
    ("asked", "is_kept"),
    [("station-7.000123", True), ("short", False), ("x" * 65, False), ("two words no", False)],
)
def test_a_well_formed_id_of_the_callers_is_kept(get, asked, is_kept):
    _, headers, _ = get("/view/0/", **{"X-Request-ID": asked})
    assert (headers["X-Request-ID"] == asked) is is_kept


def test_a_path_cannot_begin_a_line_of_its_own(get, lines):
    assert get("/no%0Awhere%1B[2J/?code=SECRET")[0] == 404
    [line] = lines("quality.routes")
    assert line.getMessage() == r"GET /no\nwhere\x1b[2J/ 404"


def test_what_is_asked_all_the_time_is_logged_when_it_fails(get, lines, settings):
    settings.QUIET_PATHS = ("/view/", "/fail/")
    get("/view/1/")
    get("/fail/")
    assert [line.getMessage() for line in lines("quality.routes")] == ["GET fail 500"]
    assert [line.getMessage() for line in lines("quality.database")] == ["GET view 200"]


def test_a_lease_outside_of_requests_has_a_line_with_its_holder(lines, django_db_blocker):
    def work() -> None:
        with named("command exportscans"):
            for _ in range(2):
                ask()
                connection.close()

    with django_db_blocker.unblock():
        in_thread(work).result(30)
    first, second = lines("quality.database")
    assert first.getMessage() == second.getMessage() == "command exportscans"
    assert first.fields["statements"] == second.fields["statements"] == 1
    assert first.fields["connection"] > 0
