"""Reads the rows of an old table, from a CSV file or from a server, one after the other."""

import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import MySQLdb
from django.db import connection
from MySQLdb.cursors import SSCursor

_TABLE = re.compile(r"([\w$-]+\.)?[\w$-]+", re.ASCII)
# An old server that is slow is waited for, one that is silent is not.
SILENCE_SECONDS = 300


class Unreadable(Exception):
    """The source cannot be read; the message says where, and why."""


@dataclass(frozen=True)
class Source:
    """Rows of texts below the names of their columns; each with the number of its line."""

    name: str
    headings: Sequence[str]
    total: int
    rows: Iterator[tuple[int, list[str]]]


def from_csv(path: Path, *, encoding: str = "utf-8-sig") -> Source:
    """A file with the names in its first line, divided by , ; or tabs. Raises Unreadable."""
    try:
        with path.open("rb") as file:
            total = sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
        with path.open(encoding=encoding, newline="") as text:
            first = text.readline()
    except UnicodeError as error:
        raise _not_text(path, 1, encoding) from error
    except (OSError, LookupError) as error:
        raise Unreadable(f"{path}: {error}.") from error
    delimiter = max(",;\t", key=first.count)
    rows = _csv_rows(path, encoding, delimiter)
    try:
        _line, headings = next(rows)
    except StopIteration:
        raise Unreadable(f"{path} is empty.") from None
    return Source(path.stem.lower(), [name.strip() for name in headings], total, rows)


def _csv_rows(path: Path, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    with path.open(encoding=encoding, newline="") as file:
        reader = csv.reader(file, delimiter=delimiter, strict=True)
        try:
            for row in reader:
                if row:
                    yield reader.line_num, row
        except csv.Error as error:
            raise Unreadable(f"{path}, line {reader.line_num}: {error}.") from error
        except UnicodeError as error:
            raise _not_text(path, reader.line_num, encoding) from error


def _not_text(path: Path, line: int, encoding: str) -> Unreadable:
    return Unreadable(
        f"{path}, near line {line}: it is not {encoding}. "
        "Name what it is by --encoding, e.g. cp1250."
    )


def from_table(table: str, url: str = "") -> Source:
    """A table, `name` or `database.name`, of a server; without a URL of our own.

    Read over a connection of its own, which keeps no more than a row. Raises Unreadable.
    """
    if not _TABLE.fullmatch(table):
        raise Unreadable(f"{table!r} is no name of a table.")
    quoted = ".".join(f"`{part}`" for part in table.split("."))
    parameters = _parameters(url) if url else _own_parameters()
    try:
        [(_n, [total])] = _query(parameters, f"SELECT COUNT(*) FROM {quoted}")  # noqa: S608
        # The names of its columns, whether it has rows or not.
        headings = [row[0] for _n, row in _query(parameters, f"SHOW COLUMNS FROM {quoted}")]
    except MySQLdb.Error as error:
        raise Unreadable(f"{table} cannot be read: {error.args[-1]}.") from error
    return Source(
        table.split(".")[-1].lower(), headings, int(total), _table_rows(parameters, table, quoted)
    )


def _table_rows(
    parameters: dict[str, Any], table: str, quoted: str
) -> Iterator[tuple[int, list[str]]]:
    try:
        yield from _query(parameters, f"SELECT * FROM {quoted}")  # noqa: S608 - quoted
    except MySQLdb.Error as error:
        raise Unreadable(f"{table} cannot be read to its end: {error.args[-1]}.") from error


def _query(parameters: dict[str, Any], sql: str) -> Iterator[tuple[int, list[str]]]:
    with closing(MySQLdb.connect(**parameters, cursorclass=SSCursor)) as server:
        cursor = server.cursor()
        cursor.execute(sql)
        for number, row in enumerate(iter(cursor.fetchone, None), start=1):
            yield number, [as_text(value) for value in row]


def _own_parameters() -> dict[str, Any]:
    known = connection.get_connection_params()
    names = ("user", "password", "host", "port", "unix_socket", "database", "ssl")
    return {name: known[name] for name in names if name in known} | _COMMON


def _parameters(url: str) -> dict[str, Any]:
    try:
        parts = urlsplit(url)
        port = parts.port or 3306
        is_good = parts.scheme == "mysql" and parts.hostname and parts.path.strip("/")
    except ValueError:
        is_good = False
    if not is_good:
        raise Unreadable("--database-url must look like mysql://user:password@host:port/name.")
    return {
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "host": parts.hostname,
        "port": port,
        "database": unquote(parts.path.strip("/")),
    } | _COMMON


_COMMON = {"charset": "utf8mb4", "connect_timeout": 10, "read_timeout": SILENCE_SECONDS}


def as_text(value: Any) -> str:
    """A value of a server as a file would have it."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, timedelta):  # So the driver reads a TIME.
        hours, seconds = divmod(value // timedelta(seconds=1), 3600)
        return f"{hours:02}:{seconds // 60:02}:{seconds % 60:02}"
    if isinstance(value, datetime | date):
        return value.isoformat(" ") if isinstance(value, datetime) else value.isoformat()
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    return str(value)
