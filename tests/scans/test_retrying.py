"""A scan that the database failed is tried again as a whole, and nothing else is."""

import re
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import OperationalError, ProgrammingError, transaction

from quality.devdb.mariadb import PrivateMariaDB
from quality.views import DATABASE_AWAY
from scans import retrying
from scans.retrying import retried_whole
from tests.faults import Administrator, Proxy
from tests.scans.rivals import Rival, Station, counted, fresh
from tests.serving import Database, Site, running


@pytest.fixture(scope="module")
def server(mariadb_home) -> PrivateMariaDB:
    return PrivateMariaDB(mariadb_home)


@pytest.fixture(scope="module")
def proxy(server) -> Iterator[Proxy]:
    with Proxy(str(server.socket)) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def site(server, proxy, tmp_path_factory) -> Iterator[Site]:
    """Its database lies behind the proxy; nothing else in it sends statements by itself."""
    database, home = Database(server, "quality_retrying"), tmp_path_factory.mktemp("site")
    site = Site(database, home, workers=1, CHORES_INTERVAL="0", DB_LEDGER=str(home / "ledger"))
    site.prepare()
    url = re.sub(r"@.*", f"@127.0.0.1:{proxy.port}/{database.name}", database.url)
    site.env["DATABASE_URL"] = url
    with running(site):
        yield site


@pytest.fixture(scope="module")
def station(site) -> Station:
    return Station(site)


def await_waiting(administrator: Administrator, *, but: int = 0) -> int:
    """The server's number of the connection that waits for the rival, another one than `but`."""
    deadline = time.monotonic() + 20
    sql = (
        "SELECT trx_mysql_thread_id FROM information_schema.innodb_trx "
        f"WHERE trx_state = 'LOCK WAIT' AND trx_mysql_thread_id <> {but}"
    )
    while not (found := administrator.query(sql)):
        assert time.monotonic() < deadline, "nobody waits"
        # The server makes this table anew only for who has not asked for 0.1 s.
        time.sleep(0.15)
    return int(found[0][0])


def rows(site: Site, scan: dict[str, Any]) -> int:
    uid = scan["id"].replace("-", "")
    return int(site.database.run("SELECT COUNT(*) FROM scans_scan WHERE uid = %s", uid)[0][0])


# ----- What is tried again


def test_the_victim_of_a_deadlock_is_stored_all_the_same(site, server, station):
    scan = fresh()
    with counted(site, 1213), Administrator(server) as administrator:
        with Rival(site.database.login) as rival, station.sending(scan) as answers:
            await_waiting(administrator)
            # Each now waits for the other one.
            rival.insert(scan["id"])
            await_waiting(administrator)
            rival.give_way()
        assert [answer.status for answer in answers] == [201]
    assert rows(site, scan) == 1


def test_who_waited_too_long_for_a_lock_is_rolled_back_and_tried_again(site, server, station):
    scan = fresh()
    with Administrator(server) as administrator:
        with administrator.setting("innodb_lock_wait_timeout", 1):
            # For new connections.
            for number in administrator.connections():
                administrator.kill_connection(number)
            with counted(site, 1205):
                before_bytes = site.log_bytes
                with Rival(site.database.login) as rival, station.sending(scan) as answers:
                    _await_logged(site, "waited too long for a lock", after_bytes=before_bytes)
                    rival.give_way()
                assert [answer.status for answer in answers] == [201]
        open_ones = administrator.query("SELECT COUNT(*) FROM information_schema.innodb_trx")
        assert open_ones == [(0,)]
        for number in administrator.connections():
            administrator.kill_connection(number)
    assert rows(site, scan) == 1


def _await_logged(site: Site, words: str, *, after_bytes: int) -> None:
    """Counted is what has ended; the log tells at once."""
    deadline = time.monotonic() + 20
    while words not in site.messages(after_bytes=after_bytes):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_connection_that_is_killed_before_the_scan_is_stored_costs_nothing(site, server, station):
    scan = fresh()
    with counted(site, 2013), Administrator(server) as administrator:
        with Rival(site.database.login) as rival, station.sending(scan) as answers:
            first = await_waiting(administrator)
            administrator.kill_connection(first)
            # On a connection of its own.
            await_waiting(administrator, but=first)
            rival.give_way()
        assert [answer.status for answer in answers] == [201]
    assert rows(site, scan) == 1


def test_a_scan_whose_answer_is_lost_is_found_and_not_repeated(site, proxy, station):
    scan = fresh()
    with counted(site, 2013):
        proxy.lose_next_answer(b"INSERT INTO `scans_scan`")
        # It was stored, and is stored no second time.
        assert station.send("/scans/", scan).status == 200
    assert rows(site, scan) == 1


def test_a_network_that_is_cut_costs_nothing(site, server, proxy, station):
    scan = fresh()
    with counted(site, 2013), Administrator(server) as administrator:
        with Rival(site.database.login) as rival, station.sending(scan) as answers:
            first = await_waiting(administrator)
            proxy.cut()
            await_waiting(administrator, but=first)
            rival.give_way()
        # The server does not know that the first one's sender has gone: that may be stored.
        assert [answer.status for answer in answers] in ([200], [201])
    assert rows(site, scan) == 1


# ----- What is not


def test_a_scan_of_two_lost_connections_is_the_stations_to_send_again(site, server, station):
    scan = fresh()
    with counted(site, 2013, 2013), Administrator(server) as administrator:
        with Rival(site.database.login), station.sending(scan) as answers:
            number = 0
            for _ in range(3):
                number = await_waiting(administrator, but=number)
                administrator.kill_connection(number)
        assert [answer.status for answer in answers] == [503]
    assert rows(site, scan) == 0
    assert station.send("/scans/", scan).status == 201


def test_an_incident_and_a_void_are_not_tried_again(site, proxy, station):
    scan = fresh()
    assert station.send("/scans/", scan).status == 201
    incident = {"id": str(uuid4()), "kind": "double_read", "at": scan["scanned_at"]}
    void = {"reason": "test", "voided_at": scan["scanned_at"], "station": scan["station"]}
    sent = {
        "/scans/incidents/": (incident, b"INSERT INTO `scans_incident`"),
        f"/scans/{scan['id']}/void/": (void, b"INSERT INTO `scans_event`"),
    }
    with counted(site):
        for path, (body, statement) in sent.items():
            proxy.lose_next_answer(statement)
            assert station.send(path, body).status == 503, path


def test_within_a_transaction_of_the_callers_nothing_is_tried_again(db):
    tries = []

    @retried_whole
    def work() -> None:
        tries.append(1)
        raise OperationalError(1213, "Deadlock found")

    with pytest.raises(OperationalError), transaction.atomic():
        work()
    assert len(tries) == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("error", "tries"),
    [
        (OperationalError(1213, "Deadlock found"), 3),
        # Ended by the server as it took too long, or by an administrator.
        (OperationalError(1969, "max_statement_time exceeded"), 1),
        (OperationalError(1317, "Query execution was interrupted"), 1),
        # As an exhausted pool's: no number.
        (OperationalError("no connection within 5 s"), 1),
        (OperationalError(), 1),
        (ProgrammingError(1213, "of another kind"), 1),
    ],
)
def test_only_what_may_come_otherwise_is_tried_again(error, tries):
    done = []

    @retried_whole
    def work() -> None:
        done.append(1)
        raise error

    with pytest.raises(type(error)):
        work()
    assert len(done) == tries


@pytest.mark.django_db(transaction=True)
def test_none_begins_when_a_station_has_nearly_given_up(monkeypatch):
    monkeypatch.setattr(retrying, "BEGIN_WITHIN_SECONDS", 0.2)
    done = []

    @retried_whole
    def work() -> None:
        done.append(1)
        time.sleep(0.1)
        raise OperationalError(2013, "Lost connection")

    with pytest.raises(OperationalError):
        work()
    # The second pause would have lasted beyond it.
    assert len(done) == 2


def test_what_is_tried_again_is_what_is_counted():
    _signal, _text, (label, codes) = settings.MONITOR_SIGNALS["scan_retries"]
    assert label == "code"
    assert set(codes) == set(retrying.CODES)
    # What is tried again in vain is answered 503: the station sends it again.
    assert set(codes) <= DATABASE_AWAY
