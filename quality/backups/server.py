"""Speaks to the database server past the pool: by statements, and by MariaDB's own programs."""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

import MySQLdb
from django.db import DEFAULT_DB_ALIAS, connections

from quality.backups.errors import BackupError

CONNECT_SECONDS = 10
# A connection that only holds a lock stays for as long as a restore may take.
IDLE_SECONDS = 7 * 24 * 60 * 60
# What a database says of itself that a restore test has made.
SCRATCH = "made by a restore test of quality, which drops it"
# What a database says of itself while it is filled. With such a one quality/monitor/boot.py lets
# nobody serve.
UNFINISHED = "a restore of quality did not end: run it again"
_PROGRAMS = {"mariadb-dump": "mysqldump", "mariadb": "mysql"}


@dataclass(frozen=True)
class Server:
    """Where the databases are, and who we are there."""

    parameters: dict[str, Any]

    @property
    def database(self) -> str:
        """The house's own."""
        return str(self.parameters["database"])

    @contextmanager
    def connection(self, database: str | None = None) -> Iterator["Connection"]:
        """Raises BackupError when the server lets us not in."""
        parameters = self.parameters | {"database": database or ""}
        try:
            opened = MySQLdb.connect(**parameters)
        except MySQLdb.Error as error:
            raise BackupError(f"The database server does not let us in: {error}") from error
        with closing(opened):
            connection = Connection(opened)
            connection.run("SET SESSION wait_timeout = %s", IDLE_SECONDS)
            # Counting all rows of a table takes as long as it takes.
            connection.run("SET SESSION max_statement_time = 0")
            yield connection

    @contextmanager
    def program(self, name: str) -> Iterator[tuple[list[str], int]]:
        """The beginning of its command line, and a descriptor that it must inherit.

        Behind that are login and password: neither on a command line nor on a disk.
        """
        path = shutil.which(name) or shutil.which(_PROGRAMS[name])
        if path is None:
            raise BackupError(
                f"{name} is not installed. On Debian and Ubuntu: apt-get install mariadb-client"
            )
        descriptor = os.memfd_create("client.cnf")
        # The programs pass over a file that others could have written.
        os.fchmod(descriptor, 0o600)
        try:
            os.write(descriptor, self._options().encode())
            yield [path, f"--defaults-file=/dev/fd/{descriptor}"], descriptor
        finally:
            os.close(descriptor)

    def _options(self) -> str:
        """Our parameters as an option file has them."""
        found = {
            name: self.parameters.get(ours)
            for name, ours in {
                "user": "user",
                "password": "password",
                "host": "host",
                "port": "port",
                "socket": "unix_socket",
            }.items()
        }
        ssl = self.parameters.get("ssl") or {}
        found |= {
            f"ssl-{name}": ssl.get(name) for name in ("ca", "capath", "cert", "key", "cipher")
        }
        mode = self.parameters.get("ssl_mode") or ""
        if mode == "DISABLED":
            found["skip-ssl"] = True
        elif mode not in ("", "PREFERRED"):
            found["ssl"] = True
        if mode in ("VERIFY_CA", "VERIFY_IDENTITY"):
            found["ssl-verify-server-cert"] = True
        lines = ["[client]"]
        for name, value in found.items():
            if value is True:
                lines.append(name)
            elif value:
                lines.append(f'{name}="{_escaped(str(value))}"')
        return "\n".join(lines) + "\n"


def server_of_the_house() -> Server:
    """As the settings name it: DATABASE_DIRECT_URL for these commands, where there is one."""
    connection: Any = connections[DEFAULT_DB_ALIAS]
    parameters = connection.get_connection_params()
    for name in ("init_command", "read_timeout", "write_timeout", "client_flag", "conv"):
        parameters.pop(name, None)
    return Server(
        parameters | {"connect_timeout": CONNECT_SECONDS, "autocommit": True, "charset": "utf8mb4"}
    )


def quoted(name: str) -> str:
    return f"`{name.replace('`', '``')}`"


def _beside_values(name: str) -> str:
    """Quoted for a statement that values are put into."""
    return quoted(name).replace("%", "%%")


def _escaped(value: str) -> str:
    for one, other in (("\\", "\\\\"), ("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        value = value.replace(one, other)
    return value


class Connection:
    """Statements over one connection; what fails is a BackupError that says what it was."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def run(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        try:
            with closing(self._connection.cursor()) as cursor:
                cursor.execute(sql, values or None)
                return list(cursor.fetchall())
        except MySQLdb.Error as error:
            raise BackupError(f"The database refused `{sql}`: {error}") from error

    # ----- A database

    def exists(self, database: str) -> bool:
        return bool(self._about(database))

    def comment(self, database: str) -> str:
        return str(self._about(database)[0][0])

    def character(self, database: str) -> tuple[str, str]:
        """Its character set and collation."""
        _, charset, collation = self._about(database)[0]
        return charset, collation

    def _about(self, database: str) -> list[tuple[Any, ...]]:
        return self.run(
            "SELECT SCHEMA_COMMENT, DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME "
            "FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s",
            database,
        )

    def tables(self, database: str) -> dict[str, int]:
        """Its tables, and about how many rows each has."""
        rows = self.run(
            "SELECT TABLE_NAME, COALESCE(TABLE_ROWS, 0) FROM information_schema.TABLES "
            "WHERE TABLE_SCHEMA = %s AND TABLE_TYPE = 'BASE TABLE'",
            database,
        )
        return {str(name): int(count) for name, count in rows}

    def is_empty(self, database: str) -> bool:
        """Whether nothing at all is in it."""
        things = " UNION ALL ".join(
            f"SELECT 1 FROM information_schema.{what} WHERE {which} = %s"  # noqa: S608 - our names
            for what, which in (
                ("TABLES", "TABLE_SCHEMA"),
                ("ROUTINES", "ROUTINE_SCHEMA"),
                ("EVENTS", "EVENT_SCHEMA"),
            )
        )
        return not self.run(f"{things} LIMIT 1", database, database, database)

    def counts(self, database: str) -> dict[str, int]:
        """How many rows each of its tables has, exactly."""
        return {
            name: int(self.run(f"SELECT COUNT(*) FROM {quoted(database)}.{quoted(name)}")[0][0])  # noqa: S608
            for name in sorted(self.tables(database))
        }

    def triggers(self, database: str) -> int:
        rows = self.run(
            "SELECT COUNT(*) FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = %s", database
        )
        return int(rows[0][0])

    def create(self, database: str, charset: str, collation: str, *, comment: str = "") -> None:
        try:
            self.run(
                f"CREATE DATABASE {_beside_values(database)} CHARACTER SET {quoted(charset)} "
                f"COLLATE {quoted(collation)} COMMENT = %s",
                comment,
            )
        except BackupError as error:
            raise BackupError(
                f"{error}. The account needs rights on it: GRANT ALL ON {quoted(database)}.* TO "
                "the account of DATABASE_URL, by an administrator of the database."
            ) from error

    def comment_on(self, database: str, comment: str) -> None:
        self.run(f"ALTER DATABASE {_beside_values(database)} COMMENT = %s", comment)

    def drop(self, database: str) -> None:
        self.run(f"DROP DATABASE IF EXISTS {quoted(database)}")

    def others(self, database: str) -> int:
        """How many other connections of our account work with it."""
        rows = self.run(
            "SELECT COUNT(*) FROM information_schema.PROCESSLIST "
            "WHERE DB = %s AND ID <> CONNECTION_ID()",
            database,
        )
        return int(rows[0][0])
