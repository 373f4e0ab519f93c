"""A station that sends, a transaction in its way, and how often the site has tried again."""

import contextlib
import re
import threading
import time
import urllib.request
from collections.abc import Iterator
from typing import Any, Self
from uuid import uuid4

import MySQLdb

from scans.simulation.session import Answer, Session
from tests.scans.sample import payload
from tests.serving import PASSWORD, Site

STATION = "FG-01"


class Station:
    """Sends from another thread, and keeps what it was answered."""

    def __init__(self, site: Site) -> None:
        self._session = Session(site.url, "operator", PASSWORD)
        self._session.sign_in()

    def send(self, path: str, body: dict[str, Any]) -> Answer:
        with contextlib.closing(self._session.connect()) as connection:
            return self._session.ask(connection, "POST", path, body)

    @contextlib.contextmanager
    def sending(self, body: dict[str, Any]) -> Iterator[list[Answer]]:
        """Filled when the block has ended and the answer has come."""
        answers: list[Answer] = []
        thread = threading.Thread(target=lambda: answers.append(self.send("/scans/", body)))
        thread.start()
        try:
            yield answers
        finally:
            thread.join(30)


class Rival:
    """A transaction that has the row of the station, which each new scan of it looks at."""

    def __init__(self, login: dict[str, Any]) -> None:
        self._connection = MySQLdb.connect(**login)

    def __enter__(self) -> Self:
        # One that has written much is not the one that the server gives up.
        self.run("INSERT INTO scans_recount (day, shift, hours) "
                 "SELECT '1999-01-01' + INTERVAL seq DAY, 0, 0 FROM seq_1_to_500")  # fmt: skip
        self.run("SELECT code FROM scans_station WHERE code = %s FOR UPDATE", STATION)
        return self

    def __exit__(self, *_: object) -> None:
        self.give_way()

    def give_way(self) -> None:
        """Leave: the server takes back what was not committed."""
        with contextlib.suppress(MySQLdb.Error):
            self._connection.close()

    def run(self, sql: str, *values: Any) -> None:
        self._connection.cursor().execute(sql, values or None)

    def insert(self, uid: str) -> None:
        """The same id as another transaction has inserted and not committed."""
        self.run(
            "INSERT INTO scans_scan (uid, operator, cp, cp_base, oc1, oc2, defect_id, note, raw, "
            "scanned_at, scanned_offset_minutes, received_at, recorded_by_id) SELECT "
            "%s, '', '', '', '', '', '000', '', '{}', NOW(), 0, NOW(), MIN(id) FROM accounts_user",
            uid.replace("-", ""),
        )


def retries(site: Site) -> dict[int, int]:
    """By error, what /metrics tells of this site."""
    with urllib.request.urlopen(f"{site.url}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    found = re.findall(r'^scan_retries_total\{code="(\d+)"\} ([\d.]+)$', text, re.MULTILINE)
    return {int(code): int(float(number)) for code, number in found}


@contextlib.contextmanager
def counted(site: Site, *codes: int) -> Iterator[None]:
    """So many retries for these errors, and none for others, are told within a moment."""
    before = retries(site)
    yield
    expected = {code: before[code] + codes.count(code) for code in before}
    deadline = time.monotonic() + 5
    while (told := retries(site)) != expected:
        assert time.monotonic() < deadline, {code: told[code] - before[code] for code in told}
        time.sleep(0.1)


def fresh() -> dict[str, Any]:
    number = uuid4().int
    return payload(
        cp=f"CP{number % 10**8:08d}-{number // 10**8 % 10**4:04d}", station=STATION
    )  # fmt: skip
