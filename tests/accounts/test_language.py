"""Everybody reads the language that he or she has chosen, in every browser."""

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.utils import translation
from django.utils.formats import date_format

from accounts.models import User

PASSWORD = "a right good password"


@pytest.fixture
def operator(person) -> User:
    user = person("operator")
    user.set_password(PASSWORD)
    user.save()
    return user


def language_of(client: Client, address: str = "/accounts/login/") -> str:
    return client.get(address)["Content-Language"]


def choose(client: Client, language: str, status: int = 302) -> None:
    answer = client.post("/i18n/setlang/", {"language": language, "next": "/accounts/login/"})
    assert answer.status_code == status


def sign_in(client: Client, address: str = "/accounts/login/", user: str = "operator") -> None:
    assert client.post(address, {"username": user, "password": PASSWORD}).status_code == 302


def test_a_page_is_romanian_whatever_the_browser_would_like(db):
    client = Client(headers={"accept-language": "en-GB,en;q=0.9"})
    assert language_of(client) == "ro"
    assert '<html lang="ro"' in client.get("/accounts/login/").content.decode()
    assert '<html lang="ro"' in client.get("/nowhere").content.decode()


def test_nobody_in_particular_may_choose_too(db):
    client = Client()
    choose(client, "en")
    assert language_of(client) == "en"


@pytest.mark.parametrize("asked", ["de", "", "<script>", "x" * 500])
def test_a_language_that_there_is_not_is_none(operator, asked):
    client = Client()
    client.force_login(operator)
    client.cookies["django_language"] = asked.replace("<", "")
    assert language_of(client, "/scans/station/") == "ro"
    choose(client, asked)
    operator.refresh_from_db()
    assert operator.language == ""
    assert language_of(client, "/scans/station/") == "ro"


def test_what_was_chosen_once_is_there_at_the_next_sign_in_anywhere(operator):
    here, elsewhere = Client(), Client()
    sign_in(here)
    choose(here, "en")
    assert language_of(here, "/scans/station/") == "en"
    sign_in(elsewhere)
    assert language_of(elsewhere, "/scans/station/") == "en"


def test_who_never_chose_goes_on_as_the_page_was_on_which_he_signed_in(operator):
    client = Client()
    choose(client, "en")
    sign_in(client)
    assert language_of(client, "/scans/station/") == "en"
    operator.refresh_from_db()
    assert operator.language == ""


def test_the_next_person_at_a_station_starts_in_romanian(operator):
    client = Client()
    sign_in(client)
    choose(client, "en")
    client.post("/accounts/logout/")
    assert language_of(client) == "ro"


def test_the_language_costs_a_request_no_statement(operator, django_assert_num_queries):
    client = Client()
    client.cookies["django_language"] = "en"
    with django_assert_num_queries(0):
        assert language_of(client) == "en"


def test_an_administrator_sees_and_sets_it(client_of, operator):
    page = client_of("admin").get(f"/admin/accounts/user/{operator.pk}/change/").content.decode()
    assert 'name="language"' in page


@pytest.mark.parametrize(
    ("language", "short", "long"),
    [
        ("en", "09/11/2026 14:05", "9 Nov 2026, 14:05"),
        ("ro", "09.11.2026, 14:05", "09.11.2026, 14:05"),
    ],
)
def test_the_day_comes_before_the_month(language, short, long):
    moment = datetime(2026, 11, 9, 14, 5, tzinfo=UTC)
    with translation.override(language):
        assert date_format(moment, "SHORT_DATETIME_FORMAT") == short
        assert date_format(moment, "DATETIME_FORMAT") == long
