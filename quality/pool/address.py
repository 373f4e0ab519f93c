"""Names the server and the database that connection parameters lead to, without secrets."""

from collections.abc import Mapping
from typing import Any


def server_name(params: Mapping[str, Any]) -> str:
    """ "user@host:port" or "user@/path/of/socket", from what MySQLdb.connect() takes.

    What stands in an option file is known to the client library alone, so there the parts
    that it decides are missing.
    """
    place = params.get("unix_socket") or f"{params.get('host', '')}:{params.get('port', 3306)}"
    return f"{params.get('user', '')}@{place}"


def database_name(params: Mapping[str, Any]) -> str:
    """The server's name and the database: "user@host:port/name"."""
    return f"{server_name(params)}/{params.get('database', params.get('db', ''))}"
