"""A second server, to stop and freeze."""

from collections.abc import Iterator

import pytest
from django.db import connection

from quality.devdb.mariadb import PrivateMariaDB


@pytest.fixture(scope="session")
def spare_home(tmp_path_factory):
    return tmp_path_factory.mktemp("db")


@pytest.fixture
def spare_server(spare_home, monkeypatch) -> Iterator[PrivateMariaDB]:
    """A running server that the `default` alias points to for the length of a test."""
    server = PrivateMariaDB(spare_home)
    server.start()
    options = connection.settings_dict["OPTIONS"] | {"unix_socket": str(server.socket)}
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", options)
    monkeypatch.setitem(connection.settings_dict, "PASSWORD", server.password)
    monkeypatch.setitem(connection.settings_dict, "NAME", "quality")
    yield server
    server.stop()
