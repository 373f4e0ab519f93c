"""Who comes first becomes the administrator, once."""

import logging
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import pytest
from django.core import signing
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client

from accounts import first_administrator
from accounts.attempts import MOST_FAILURES
from accounts.first_administrator import LINK_SECONDS, new_link, somebody_administers
from accounts.models import Attempt, RightsRevision, User
from accounts.roles import sync_roles

PASSWORD = "a right good password"


@pytest.fixture
def roles(db):
    sync_roles()


@pytest.fixture
def link(roles) -> str:
    return new_link()


def browser(language: str = "en") -> Client:
    client = Client(REMOTE_ADDR="10.1.2.3")
    client.cookies["django_language"] = language
    return client


def choose(link: str, *, client: Client | None = None, **changes: str):
    fields = {"username": "ioana", "new_password1": PASSWORD, "new_password2": PASSWORD}
    return (client or browser()).post(link, fields | changes)


def look(link: str, language: str = "en"):
    return browser(language).get(link)


def said() -> str:
    output = StringIO()
    call_command("firstadmin", stdout=output)
    return output.getvalue()


# ----- The link


def test_whoever_opens_the_link_becomes_the_administrator_and_is_in(link):
    client = browser()
    assert choose(link, client=client)["Location"] == "/admin/"
    assert client.get("/admin/").status_code == 200
    user = User.objects.get()
    assert user.username == "ioana"
    assert user.is_superuser
    assert user.check_password(PASSWORD)
    assert [group.name for group in user.groups.all()] == ["admin"]


def test_a_second_factor_is_asked_for_before_where_the_house_wants_one(link, settings):
    settings.REQUIRE_SECOND_FACTOR = True
    assert choose(link)["Location"] == "/accounts/device/"


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"new_password1": "short", "new_password2": "short"}, "new_password2"),
        ({"new_password2": "another good password"}, "new_password2"),
        ({"username": "a b/c"}, "username"),
        (
            {
                "username": "ioana.popescu",
                **dict.fromkeys(("new_password1", "new_password2"), "ioana.popescu1"),
            },
            "new_password2",
        ),
    ],
)
def test_what_our_rules_refuse_makes_nobody(link, changes, wrong):
    response = choose(link, **changes)
    assert response.status_code == 200
    assert any(field.startswith(wrong[:-1]) for field in response.context["form"].errors)
    assert not User.objects.exists()
    # And it may be tried again.
    assert choose(link).status_code == 302


@pytest.mark.parametrize(
    ("language", "heading", "too_short", "not_new"),
    [
        ("ro", "Primul administrator", "Este prea scurtă: ", "parola de până acum"),
        ("en", "The first administrator", "It is too short: ", "password of until now"),
    ],
)
def test_the_page_speaks_both_languages(link, language, heading, too_short, not_new):
    text = look(link, language).content.decode()
    assert f'<html lang="{language}"' in text
    assert heading in text
    assert 'name="new_password1"' in text
    # There is none of until now.
    assert not_new not in text
    again = choose(link, client=browser(language), new_password1="2hR!x", new_password2="2hR!x")
    assert too_short in again.content.decode()


def test_a_link_holds_once(link):
    choose(link)
    again = choose(link, username="mihai")
    assert again.status_code == 410
    assert look(link).status_code == 410
    assert User.objects.count() == 1


def test_a_used_link_stays_used_when_nobody_administers_any_more(link):
    choose(link)
    User.objects.update(is_active=False)
    assert not somebody_administers()
    assert look(link).status_code == 410
    assert look(new_link()).status_code == 200


def test_a_link_ends_when_somebody_becomes_an_administrator_otherwise(link, person):
    person("admin")
    response = choose(link)
    assert response.status_code == 410
    assert "somebody administers this site by now" in response.content.decode()


def test_a_link_ends_after_a_day(link, monkeypatch):
    now = signing.time.time()
    monkeypatch.setattr(signing.time, "time", lambda: now + LINK_SECONDS - 60)
    assert look(link).status_code == 200
    monkeypatch.setattr(signing.time, "time", lambda: now + LINK_SECONDS + 60)
    response = look(link)
    assert response.status_code == 410
    assert "24" in response.content.decode()


@pytest.mark.parametrize(
    "change",
    [
        lambda link: link[:-2] + "xx",
        lambda link: "/accounts/first/?link=1",
        lambda link: "/accounts/first/",
    ],
)
def test_a_link_that_is_not_ours_opens_nothing(link, change):
    response = choose(change(link))
    assert response.status_code == 404
    assert not User.objects.exists()


def test_a_link_of_another_key_opens_nothing(link, settings):
    settings.SECRET_KEY = "another one"
    assert choose(link).status_code == 404


def test_who_guesses_is_not_heard_any_more(link):
    for _ in range(MOST_FAILURES):
        assert look("/accounts/first/?link=guess").status_code == 404
    # The right one neither: as with passwords.
    assert look(link).status_code == 429
    assert choose(link).status_code == 429
    # From elsewhere it is.
    assert Client().get(link).status_code == 200


def test_an_open_page_is_no_attempt_to_sign_in(link):
    look(link)
    assert not Attempt.objects.exists()


def test_nobody_keeps_the_page(link):
    assert "no-store" in look(link)["Cache-Control"]


def test_it_stands_in_the_log_of_settings_without_the_password(link, caplog):
    with caplog.at_level(logging.INFO):
        choose(link)
    (record,) = [one for one in caplog.records if one.name == first_administrator.__name__]
    assert record.getMessage() == "ioana is the first administrator"
    assert record.fields["address"] == "10.1.2.3"
    assert PASSWORD not in caplog.text
    assert link not in caplog.text


@pytest.mark.django_db(transaction=True)
def test_of_two_at_once_one_becomes_the_administrator():
    sync_roles()
    RightsRevision.objects.get_or_create(pk=1, defaults={"mark": "0" * 32})
    link, start = new_link(), threading.Barrier(4)

    def one(number: int) -> int:
        try:
            start.wait(10)
            return choose(link, username=f"person{number}").status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        statuses = list(threads.map(one, range(4)))
    assert sorted(statuses) == [302, 410, 410, 410]
    assert User.objects.filter(is_superuser=True).count() == 1


# ----- The command


def test_the_command_prints_a_link_that_holds(roles, settings):
    settings.SITE_URL = "https://quality.example"
    text = said()
    (path,) = re.findall(r"https://quality\.example(/accounts/first/\S+)", text)
    assert choose(path).status_code == 302
    assert said() == "Somebody administers this site already.\n"


def test_without_an_address_the_command_says_what_to_put_before(roles, settings):
    settings.SITE_URL = ""
    assert "SITE_URL" in said()


def test_the_environment_makes_the_first_administrator(roles, settings):
    settings.ADMIN_USERNAME, settings.ADMIN_PASSWORD = "ioana", PASSWORD
    text = said()
    assert "ioana is the first administrator" in text
    assert PASSWORD not in text
    assert User.objects.get().check_password(PASSWORD)
    settings.ADMIN_USERNAME = "mihai"
    said()
    assert User.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "password", "told"),
    [
        ("ioana", "", "ADMIN_PASSWORD"),
        ("", PASSWORD, "ADMIN_USERNAME"),
        ("ioana", "12345", "ADMIN_PASSWORD: It is too short"),
        ("a b/c", PASSWORD, "ADMIN_USERNAME: Enter a valid"),
    ],
)
def test_what_cannot_be_is_said_by_the_name_of_its_variable(roles, settings, name, password, told):
    settings.ADMIN_USERNAME, settings.ADMIN_PASSWORD = name, password
    with pytest.raises(CommandError, match=re.escape(told)) as error:
        said()
    assert not password or password not in str(error.value)
    assert not User.objects.exists()


def test_who_was_made_once_and_administers_no_more_stops_no_start(roles, settings):
    """An update of the house would stay down else."""
    settings.ADMIN_USERNAME, settings.ADMIN_PASSWORD = "ioana", PASSWORD
    said()
    User.objects.update(is_active=False)
    text = said()
    assert "ioana is there" in text
    assert "/accounts/first/" in text
    assert not User.objects.get().is_active


# ----- Who counts


@pytest.mark.parametrize(
    ("role", "counts"),
    [("superuser", True), ("admin", True), ("quality", False), ("operator", False)],
)
def test_who_may_change_people_administers(person, role, counts):
    user = person(role)
    assert somebody_administers() is counts
    user.is_active = False
    user.save()
    assert somebody_administers() is False
