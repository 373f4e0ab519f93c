"""What several connections send at the same moment is stored once, also by several processes."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from quality.devdb.mariadb import PrivateMariaDB
from scans.simulation.session import Answer, Session
from tests.scans.sample import payload
from tests.serving import PASSWORD, Database, Site, running

CONNECTIONS = 5


@pytest.fixture(scope="module")
def site(mariadb_home, tmp_path_factory) -> Iterator[Site]:
    site = Site(
        Database(PrivateMariaDB(mariadb_home), "quality_at_once"), tmp_path_factory.mktemp("site")
    )
    site.prepare()
    with running(site):
        yield site


def send_at_once(site: Site, scans: list[dict[str, Any]]) -> list[Answer]:
    """Each over a connection of its own, which is open before any sends."""
    session = Session(site.url, "operator", PASSWORD)
    session.sign_in()
    start = threading.Barrier(len(scans))

    def send(scan: dict[str, Any]) -> Answer:
        connection = session.connect()
        assert session.ask(connection, "GET", "/scans/recent/").status == 200
        start.wait(30)
        try:
            return session.ask(connection, "POST", "/scans/", scan)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(scans)) as executor:
        return list(executor.map(send, scans))


def stored(site: Site, uid: str) -> int:
    sql = "SELECT COUNT(*) FROM scans_scan WHERE uid = %s"
    return int(site.database.run(sql, uid.replace("-", ""))[0][0])


@pytest.mark.parametrize("attempt", range(3))
def test_one_scan_from_five_connections_is_one_row_and_all_hear_the_same(site, attempt):
    scan = payload(id=str(uuid4()))
    answers = send_at_once(site, [scan] * CONNECTIONS)
    assert sorted(answer.status for answer in answers) == [200] * (CONNECTIONS - 1) + [201]
    assert all(answer.body == answers[0].body for answer in answers)
    assert stored(site, scan["id"]) == 1


def test_other_content_under_one_id_is_a_conflict_for_all_but_the_first(site):
    uid = str(uuid4())
    scans = [payload(id=uid, note=f"sender {number}") for number in range(CONNECTIONS)]
    answers = send_at_once(site, scans)
    assert sorted(answer.status for answer in answers) == [201] + [409] * (CONNECTIONS - 1)
    assert stored(site, uid) == 1
