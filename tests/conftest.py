"""People and master data that many tests need."""

import logging
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client
from hypothesis import settings as hypothesis_settings
from whitenoise.middleware import WhiteNoiseMiddleware

from accounts.models import User
from accounts.roles import sync_roles
from quality.gathering import Console
from scans.demo import seed_master_data
from tests.records import truncating

# The same values each time: what fails here fails everywhere. Another machine may be slow.
hypothesis_settings.register_profile("house", derandomize=True, deadline=None, database=None)
hypothesis_settings.load_profile("house")


@pytest.fixture(scope="session", autouse=True)
def _quiet_console():
    """Its lines would stand among pytest's own: another thread writes them, between tests too."""
    for handler in logging.getLogger().handlers:
        if isinstance(handler, Console):
            handler.setLevel(logging.CRITICAL + 1)


@pytest.fixture(scope="session", autouse=True)
def _emptied_records():
    """What a test with real transactions has stored goes, though records are append-only."""
    operations = type(connection.ops)
    flush = operations.sql_flush
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            operations, "sql_flush", lambda *args, **kwargs: truncating(flush(*args, **kwargs))
        )
        yield


@pytest.fixture(scope="session", autouse=True)
def _static_files_are_found_once():
    """Each client has middleware of its own, which would look for all of them anew."""
    look = WhiteNoiseMiddleware.add_files_from_finders
    found: dict[str, Any] = {}

    def look_once(middleware: WhiteNoiseMiddleware) -> None:
        if not found:
            look(middleware)
            found.update(middleware.files)
        middleware.files = found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", look_once)
        yield


@pytest.fixture(autouse=True)
def _quick_passwords(settings):
    """The real hash takes 0.2 s by design; what it protects is not at stake in these tests."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def master_data(db):
    seed_master_data()


@pytest.fixture
def person(db) -> Callable[[str], User]:
    """`person("operator")` is a user with that role; `person("superuser")` needs none."""

    def make(role: str) -> User:
        if role == "superuser":
            return User.objects.filter(username=role).first() or User.objects.create_superuser(role)
        if not Group.objects.filter(name=role).exists():
            sync_roles()
        user, _created = User.objects.get_or_create(
            username=role, defaults={"is_staff": role == "admin"}
        )
        user.groups.set([Group.objects.get(name=role)])
        return user

    return make


@pytest.fixture
def client_of(person) -> Callable[[str], Client]:
    """`client_of("operator")` is a browser in which that person is signed in; "" is nobody."""

    def make(role: str) -> Client:
        client = Client(raise_request_exception=False)
        if role not in ("", "nobody"):
            client.force_login(person(role))
        return client

    return make
