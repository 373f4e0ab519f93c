"""Two web hosts on one database are one site: what one learns holds at the other."""

import contextlib
import json
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import pytest

from quality.devdb.mariadb import PrivateMariaDB
from quality.pool.budget import RESERVE
from tests.receivers import Web, receiving
from tests.scans.sample import payload
from tests.serving import PASSWORD, Browser, Database, Site, running

NAMES = ("web1", "web2")
ALLOWED = 40
LATE_SECONDS = 60


@pytest.fixture(scope="module")
def hook() -> Iterator[Web]:
    with receiving(Web()) as hook:
        yield hook


@pytest.fixture(scope="module")
def hosts(mariadb_home, hook, tmp_path_factory) -> Iterator[list[Site]]:
    """As two machines have it: each with files, a ledger, counters and a name of its own."""
    database = Database(PrivateMariaDB(mariadb_home), "quality_hosts")
    hosts = []
    for name in NAMES:
        home = tmp_path_factory.mktemp(name)
        host = Site(
            database,
            home,
            workers=1,
            # The same on both.
            SECRET_KEY="the-same-on-both-" * 3,
            DB_HOSTS=str(len(NAMES)),
            DB_MAX_CONNECTIONS=str(ALLOWED),
            MONITOR_INTERVAL="1",
            CHORES_INTERVAL="1",
            DAILY_REPORT_WEBHOOK=hook.url,
            DAILY_REPORT_AT="00:00",
            # Of its own.
            MONITOR_HOST=name,
            DB_LEDGER=str(home / "ledger"),
            TMPDIR=str(home),
        )
        hosts.append(host)
    hosts[0].prepare()
    with contextlib.ExitStack() as ending:
        for host in hosts:
            ending.enter_context(running(host))
        yield hosts


def at(host: Site, browser: Browser) -> Browser:
    """The same browser, led to another host."""
    browser.url = host.url
    return browser


def status(act: Callable[[], int]) -> int:
    try:
        return act()
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def await_true(what: str, is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LATE_SECONDS
    while not is_true():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def test_who_signed_in_at_one_is_in_at_the_other_and_out_of_both(hosts):
    first, second = hosts
    browser = Browser(first.url, PASSWORD)
    assert at(second, browser).scan(id=str(uuid4())) == 201
    at(first, browser)._fill("/accounts/logout/")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        at(second, browser).get("/scans/recent/")


def test_wrong_passwords_at_both_are_counted_together(hosts):
    first, second = hosts
    for host in (first, first, second, second, first):
        with pytest.raises(AssertionError):
            Browser(host.url, "a wrong password", user="auditor")
    for host in hosts:
        # The right one is refused, too.
        with pytest.raises(AssertionError):
            Browser(host.url, PASSWORD, user="auditor")


def test_a_right_that_is_withdrawn_at_one_ends_at_the_other_with_the_next_request(hosts):
    first, second = hosts
    browser = Browser(second.url, PASSWORD)
    assert browser.scan(id=str(uuid4())) == 201
    role = "(SELECT id FROM auth_group WHERE name = 'operator')"
    taken = first.database.run(f"SELECT user_id FROM accounts_user_groups WHERE group_id = {role}")
    first.database.run(f"DELETE FROM accounts_user_groups WHERE group_id = {role}")
    try:
        assert status(lambda: browser.scan(id=str(uuid4()))) == 403
    finally:
        for (user,) in taken:
            first.database.run(
                f"INSERT INTO accounts_user_groups (user_id, group_id) VALUES ({user}, {role})"
            )
    assert browser.scan(id=str(uuid4())) == 201


def test_what_the_office_changes_holds_at_both_with_the_next_scan(hosts):
    browser = Browser(hosts[0].url, PASSWORD)

    def scan_at(host: Site) -> int:
        return status(lambda: at(host, browser).scan(id=str(uuid4()), defect="001"))

    assert [scan_at(host) for host in hosts] == [201, 201]
    hosts[0].database.run("UPDATE scans_defect SET active = 0 WHERE code = '001'")
    try:
        assert [scan_at(host) for host in hosts] == [422, 422]
    finally:
        hosts[0].database.run("UPDATE scans_defect SET active = 1 WHERE code = '001'")
    assert [scan_at(host) for host in hosts] == [201, 201]


def test_one_scan_sent_to_both_at_once_is_one_row(hosts):
    browsers = [Browser(host.url, PASSWORD) for host in hosts]
    for _ in range(10):
        scan = payload(id=str(uuid4()))
        start = threading.Barrier(len(browsers))

        def send(browser: Browser, scan: Any = scan, start: Any = start) -> int:
            start.wait(30)
            return browser.post("/scans/", scan)

        with ThreadPoolExecutor() as executor:
            assert sorted(executor.map(send, browsers)) == [200, 201]
        uid = scan["id"].replace("-", "")
        sql = "SELECT COUNT(*) FROM scans_scan WHERE uid = %s"
        assert hosts[0].database.run(sql, uid) == [(1,)]


def test_a_browser_that_comes_to_both_is_one(hosts):
    browser, device = Browser(hosts[0].url, PASSWORD), str(uuid4())
    told = {"station": "FG-01", "device": device, "attention": 0, "oldest_pending_seconds": 3}
    for pending, host in enumerate([*hosts, *hosts]):
        at(host, browser).post("/scans/heartbeat/", told | {"pending": pending})
    sql = "SELECT pending FROM scans_presence WHERE device = %s"
    assert hosts[0].database.run(sql, device.replace("-", "")) == [(3,)]


def test_each_host_watches_itself_and_each_shows_all(hosts):
    admin = Browser(hosts[0].url, PASSWORD, user="admin")
    pids = []
    for host in hosts:
        told = json.loads(at(host, admin).get("/monitor/pool"))
        pids.append({worker["pid"] for worker in told["workers"] if worker["kind"] == "web worker"})
        assert pids[-1] == set(host.worker_pids)
    assert not pids[0] & pids[1]

    def names(host: Site) -> set[str]:
        return set(json.loads(at(host, admin).get("/monitor/history"))["hosts"])

    for host in hosts:
        await_true(f"{host.url} tells of all hosts", lambda host=host: names(host) == set(NAMES))


def test_all_hosts_together_fit_into_the_server(hosts):
    admin = Browser(hosts[0].url, PASSWORD, user="admin")
    limits = [
        sum(
            worker["limit"]
            for worker in json.loads(at(host, admin).get("/monitor/pool"))["workers"]
            if worker["kind"] == "web worker"
        )
        for host in hosts
    ]
    assert limits == [(ALLOWED - RESERVE) // len(NAMES)] * len(NAMES)


def test_more_hosts_than_the_server_has_room_for_are_refused(hosts):
    host = hosts[0]
    host.env["DB_HOSTS"] = "9"
    host.env["HOST_CONNECTIONS"] = "20"
    try:
        said = host.manage("check", "--database", "default")
    finally:
        host.env["DB_HOSTS"] = str(len(NAMES))
        del host.env["HOST_CONNECTIONS"]
    assert said.returncode == 1
    assert "quality.pool.E001" in said.stderr


def test_the_daily_report_is_sent_once(hosts, hook):
    await_true("the report was sent", lambda: bool(hook.bodies))
    # Both have some more turns.
    time.sleep(5)
    assert len(hook.bodies) == 1
    assert hosts[0].database.run("SELECT COUNT(*) FROM scans_sentreport") == [(1,)]


def test_seals_that_both_make_at_once_are_one_chain(hosts):
    database = hosts[0].database
    Browser(hosts[0].url, PASSWORD).scan(id=str(uuid4()))
    columns = (
        "operator, cp, cp_base, oc1, oc2, defect_id, note, raw, scanned_at, "
        "scanned_offset_minutes, recorded_by_id"
    )
    # Three batches, old enough to be sealed.
    database.run(
        f"INSERT INTO scans_scan (uid, received_at, {columns}) "
        f"SELECT REPLACE(UUID(), '-', ''), NOW() - INTERVAL 1 HOUR, {columns} FROM "
        f"(SELECT * FROM scans_scan ORDER BY id DESC LIMIT 1) newest JOIN seq_1_to_2500"
    )
    with ThreadPoolExecutor() as executor:
        said = list(executor.map(lambda host: host.manage("sealrecords"), hosts))
    assert [one.returncode for one in said] == [0, 0], said
    [[sealed]] = database.run("SELECT SUM(count) FROM scans_seal WHERE table_name = 'scans_scan'")
    assert sealed >= 2500
    verified = hosts[1].manage("verifyrecords")
    assert verified.returncode == 0, verified.stdout + verified.stderr
