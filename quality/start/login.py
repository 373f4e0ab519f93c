"""Logs in to the database of a DATABASE_URL once, and says what to do when that fails.

It runs on the Python of the .venv, which has the database driver.
"""

from __future__ import annotations

import os
import sys
from urllib.parse import parse_qs, unquote

import MySQLdb

from quality.start.preflight import split_database_url

CONNECT_SECONDS = 5
# By the client's and the server's error numbers.
REMEDIES = {
    1040: "The server is full. Raise its max_connections, or stop some of its clients.",
    1044: "Grant this user all rights on this database.",
    1045: "Correct the user or the password.",
    1049: "Create it: CREATE DATABASE {database} CHARACTER SET utf8mb4",
    1698: "Correct the user: this one may not log in with a password.",
    2002: "Start the server, or correct the host and port.",
    2003: "Start the server, or correct the host and port.",
    2005: "Correct the host: its name is unknown.",
}


def explain(name: str) -> str | None:
    """What is wrong with the database that the environment names; None when a login works."""
    parts = split_database_url(name, os.environ[name])
    database = unquote(parts.path.strip("/"))
    user = unquote(parts.username or "")
    unix_socket = parse_qs(parts.query).get("unix_socket", [""])[0]
    server = unix_socket or f"{parts.hostname}:{parts.port or 3306}"
    try:
        MySQLdb.connect(
            host=parts.hostname or "",
            port=parts.port or 3306,
            user=user,
            password=unquote(parts.password or ""),
            database=database,
            connect_timeout=CONNECT_SECONDS,
            **({"unix_socket": unix_socket} if unix_socket else {}),
        ).close()
    except MySQLdb.Error as error:
        number, text = (*error.args, "")[:2]
        remedy = REMEDIES.get(number, "Correct the URL, or unset it to use a private MariaDB.")
        return (
            f"{name} does not work: database {database} at {server}, user {user}.\n"
            f"The answer: {number} {text}\n"
            f"{remedy.format(database=database)}"
        )
    return None


if __name__ == "__main__":
    problem = explain(sys.argv[1])
    if problem:
        sys.exit(problem)
