"""The answers when a request cannot be served."""

import pytest
from django.db import InterfaceError, OperationalError, ProgrammingError

from quality.views import database_is_away


@pytest.mark.parametrize(
    "code", [1040, 1045, 1047, 1053, 1180, 1203, 1205, 1213, 1226, 1969, 2002, 2006, 2013, 3024]
)
def test_a_server_that_is_away_full_or_busy_is_worth_another_try(code):
    assert database_is_away(OperationalError(code, "…"))


def test_an_error_without_a_code_comes_from_the_pool():
    assert database_is_away(OperationalError("the pool is exhausted"))
    assert database_is_away(InterfaceError(0, ""))


@pytest.mark.parametrize(
    "error",
    [None, ValueError("x"), ProgrammingError(1146, "…"), OperationalError(1054, "Unknown column")],
)
def test_our_own_mistakes_are_no_outage(error):
    assert not database_is_away(error)


@pytest.mark.parametrize(
    ("error", "status"),
    [(OperationalError(2002, "…"), 503), (OperationalError(1054, "…"), 500), (KeyError(), 500)],
)
@pytest.mark.parametrize("path", ["/scans/recent/", "/scans/station/"])
def test_an_error_in_a_view_is_answered_in_the_callers_language(
    client_of, monkeypatch, error, status, path
):
    def fail(*arguments: object, **keywords: object) -> None:
        raise error

    monkeypatch.setattr("scans.queries.poll", fail)
    monkeypatch.setattr("scans.views.station.render", fail)
    response = client_of("operator").get(path)
    assert response.status_code == status
    kind = "application/json" if path == "/scans/recent/" else "text/html; charset=utf-8"
    assert response["Content-Type"] == kind
    assert response.has_header("Retry-After") == (status == 503)


def test_strict_policies_stand_on_every_page(client_of):
    response = client_of("").get("/accounts/login/")
    policy = response["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert response["X-Frame-Options"] == "DENY"
    assert response["Referrer-Policy"] == "same-origin"


def test_a_page_for_developers_lacks_the_policy_on_contents_alone(client_of, settings):
    settings.DEBUG = True
    response = client_of("").get("/nowhere")
    assert response.status_code == 404
    assert not response.has_header("Content-Security-Policy")
    assert "no-store" in response["Cache-Control"]
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
