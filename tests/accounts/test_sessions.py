"""A session is read by one statement, and nothing passes for one that there is not."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.sessions import SessionStore

ADDRESS = "/scans/recent/"


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


def test_a_session_that_was_deleted_is_nobodys(client):
    Session.objects.all().delete()
    assert client.get(ADDRESS).status_code == 401


def test_a_changed_password_ends_all_sessions(client):
    user = User.objects.get(username="operator")
    user.set_password("another right good password")
    user.save()
    assert client.get(ADDRESS).status_code == 401
