"""/metrics tells what is true now, of all processes, to those who may know."""

import contextlib
import os
import re
import signal
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from pathlib import Path

import MySQLdb
import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from quality import sizing
from quality.devdb.mariadb import PrivateMariaDB
from quality.monitor import metrics
from quality.monitor.latencies import RESPONSES
from quality.monitor.writing import writer
from tests.monitor.promql import OF_PROMETHEUS, expressions, metrics_of
from tests.serving import Database, Site, running

ROOT = Path(__file__).resolve().parents[2]


class Scrape:
    """What one answer of /metrics said."""

    def __init__(self, text: str) -> None:
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples = [one for family in self.families.values() for one in family.samples]

    def sum(self, name: str, **labels: str) -> float:
        """The sum of all samples of this name that have these labels."""
        return sum(
            one.value
            for one in self.samples
            if one.name == name and labels.items() <= one.labels.items()
        )

    def names(self) -> set[str]:
        return {one.name for one in self.samples}

    def pids(self) -> set[int]:
        """The web workers that have a pool."""
        return {int(one.labels["pid"]) for one in self.samples if one.name == "db_pool_size"}


def scrape(client: Client) -> Scrape:
    # What ended just now is counted a moment later.
    writer.flush()
    response = client.get("/metrics")
    assert response.status_code == 200
    assert response["Content-Type"].startswith("text/plain")
    return Scrape(response.content.decode())


# ----- Who may ask


@pytest.fixture
def client():
    return Client(raise_request_exception=False)


def test_a_program_of_this_machine_may_ask(client):
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="::1").status_code == 200
    assert client.post("/metrics").status_code == 405


def test_others_need_the_token(client, settings):
    elsewhere = {"REMOTE_ADDR": "10.0.0.7"}
    answer = client.get("/metrics", **elsewhere)
    assert answer.status_code == 401
    assert b"db_pool" not in answer.content
    # No token is configured, so none is right.
    for header in ("Bearer ", "Bearer x", ""):
        assert (
            client.get("/metrics", headers={"Authorization": header}, **elsewhere).status_code
            == 401
        )
    settings.METRICS_TOKEN = "s3cret"
    for header, status in {
        "Bearer s3cret": 200,
        "bearer s3cret": 200,
        "Bearer s3cre": 401,
        "Basic s3cret": 401,
        "s3cret": 401,
        "Bearer sécret": 401,
    }.items():
        answer = client.get("/metrics", headers={"Authorization": header}, **elsewhere)
        assert answer.status_code == status, header


def test_whom_a_proxy_speaks_for_does_not_come_from_this_machine(client):
    assert client.get("/metrics", headers={"X-Forwarded-For": "10.0.0.7"}).status_code == 401


# ----- What is counted


def test_statements_are_counted_by_their_duration(client):
    before = scrape(client)
    metrics.observe_statements("default", [0.004], errors=0)
    metrics.observe_statements("default", [2.0], errors=1)
    after = scrape(client)

    def grown(name: str, **labels: str) -> float:
        return after.sum(name, **labels) - before.sum(name, **labels)

    assert grown("db_query_duration_seconds_count", alias="default") == 2
    assert grown("db_query_duration_seconds_bucket", alias="default", le="0.005") == 1
    assert grown("db_query_duration_seconds_bucket", alias="default", le="1.0") == 1
    assert grown("db_query_errors_total", alias="default") == 1


def test_answers_are_counted_by_their_outcome(client):
    before, counted = scrape(client), metrics.counters()
    for route, status in [("scans:record", 201), ("scans:record", 418), ("home", 200)]:
        metrics.count_responses(route, status, 1)
    after = scrape(client)
    for outcome in ("stored", "other"):
        assert after.sum("scans_total", outcome=outcome) == 1 + before.sum(
            "scans_total", outcome=outcome
        )
    assert after.sum("scans_total") == before.sum("scans_total") + 2
    assert metrics.counters()["scans_stored"] == counted["scans_stored"] + 1
    # What has not happened yet is a zero, so that its first time can be seen.
    assert {"stored", "repeated", "conflict", "invalid", "other"} <= {
        one.labels["outcome"] for one in before.samples if one.name == "scans_total"
    }


def test_sign_ins_are_counted(client, person):
    user = person("operator")
    user.set_password("right-1234")
    user.save()
    before = scrape(client)
    for password in ("wrong", "right-1234"):
        client.post("/accounts/login/", {"username": "operator", "password": password})
    after = scrape(client)
    for outcome in ("failed", "succeeded"):
        grown = after.sum("sign_ins_total", outcome=outcome) - before.sum(
            "sign_ins_total", outcome=outcome
        )
        assert grown == 1, outcome


def test_the_permission_cache_is_counted(client, client_of):
    before = scrape(client)
    operator = client_of("operator")
    for _ in range(3):
        operator.get("/scans/recent/")
    after = scrape(client)
    grown = {
        name: after.sum(f"permission_cache_{name}_total")
        - before.sum(f"permission_cache_{name}_total")
        for name in ("hits", "misses")
    }
    assert grown == {"hits": 2, "misses": 1}


def test_requests_are_timed_by_route(client, db):
    labels = {"view": "accounts:login", "method": "GET"}
    before = scrape(client)
    client.get("/accounts/login/")
    client.get("/accounts/login/nowhere")
    after = scrape(client)
    name = "django_http_requests_latency_seconds_by_view_method_count"
    assert after.sum(name, **labels) - before.sum(name, **labels) == 1
    name = "django_http_responses_total_by_status_view_method_total"
    unnamed = {"view": "<unnamed view>", "status": "404"}
    assert after.sum(name, **unnamed) - before.sum(name, **unnamed) == 1


# ----- Of all workers


@pytest.fixture(scope="module")
def site(mariadb_home, tmp_path_factory):
    database = Database(PrivateMariaDB(mariadb_home), "quality_metrics")
    home = tmp_path_factory.mktemp("site")
    # Without a folder for backups there is no age of theirs.
    site = Site(database, home, workers=2, BACKUP_DIR=str(home), MONITOR_INTERVAL="1")
    site.prepare()
    with running(site):
        yield site


@pytest.fixture(scope="module")
def everything(site) -> set[str]:
    """The names of all series that are exported once the first sample was taken."""
    ask_the_database(site)
    deadline = time.monotonic() + 20
    told = Scrape(ask(site, "/metrics"))
    # The first sample, and the writer's next turn.
    awaited = {"db_server_up", "db_query_duration_seconds_count", f"{RESPONSES}_total"}
    while not awaited <= told.names() and time.monotonic() < deadline:
        told = Scrape(ask(site, "/metrics"))
    return told.names()


def ask(site: Site, path: str, **headers: str) -> str:
    with urllib.request.urlopen(
        urllib.request.Request(f"{site.url}{path}", headers=headers), timeout=10
    ) as it:
        text: str = it.read().decode()
    return text


# By its address: how often a site has answered `ask_the_database`, in all tests.
answers: Counter[str] = Counter()


def ask_the_database(site: Site) -> None:
    """A page that asks the database: the session of the cookie."""
    ask(site, "/accounts/login/", Cookie="sessionid=abcdefghijklmnopqrstuvwxyz012345")
    answers[site.url] += 1


def test_all_workers_are_told_and_a_killed_one_vanishes_while_its_counts_stay(site):
    name = "django_http_requests_latency_seconds_by_view_method_count"
    matches = False
    deadline = time.monotonic() + 20
    while not matches and time.monotonic() < deadline:
        ask_the_database(site)
        before = Scrape(ask(site, "/metrics"))
        # As many connections as the server itself counts; the monitor's leader has its own.
        (count,) = site.database.run(
            "SELECT COUNT(*) FROM information_schema.processlist WHERE db = 'quality_metrics'"
            " AND id <> CONNECTION_ID()"
        )[0]
        size = before.sum("db_pool_size")
        matches = size > 0 and size in (count, count - 1)
        # One of them may still be starting.
        matches = matches and len(before.pids()) == 2
    assert matches
    sent = answers[site.url]
    # Counted a moment after they are answered.
    while before.sum(name, view="accounts:login") != sent and time.monotonic() < deadline:
        before = Scrape(ask(site, "/metrics"))
    assert before.sum(name, view="accounts:login") == sent
    connects = before.sum("db_pool_connects_total")
    assert connects >= size

    killed = min(before.pids())
    os.kill(killed, signal.SIGKILL)
    deadline = time.monotonic() + 5
    after = before
    while killed in after.pids() and time.monotonic() < deadline:
        try:
            after = Scrape(ask(site, "/metrics"))
        except (urllib.error.URLError, ConnectionError):
            continue  # it was the killed one that had taken this request
    assert killed not in after.pids()
    assert after.sum(name, view="accounts:login") == sent
    assert after.sum("db_pool_connects_total") >= connects


def test_a_prometheus_reads_by_address_and_needs_no_host_name_of_ours(site):
    assert "db_pool_limit" in ask(site, "/metrics", Host="web:8000")


def test_waiting_threads_delay_no_scrape(site):
    """Every ordinary thread of a worker waits for a lock in the database."""
    locker = MySQLdb.connect(
        unix_socket=str(site.database.server.socket), user=site.database.server.admin_user
    )
    locker.query("LOCK TABLES quality_metrics.accounts_session WRITE")

    def read() -> None:
        with contextlib.suppress(OSError):  # an answer of 503 is one
            ask_the_database(site)

    readers = [threading.Thread(target=read) for _ in range(40)]
    try:
        for reader in readers:
            reader.start()
        deadline = time.monotonic() + 10
        busiest = 0.0
        while busiest < sizing.WEB_THREADS and time.monotonic() < deadline:
            told = Scrape(ask(site, "/metrics"))
            busiest = max(told.sum("db_pool_checkedout", pid=str(pid)) for pid in told.pids())
        assert busiest == sizing.WEB_THREADS
        # Some of them reach the worker whose threads all wait.
        for _ in range(10):
            began = time.monotonic()
            told = Scrape(ask(site, "/metrics"))
            assert time.monotonic() - began < 2
            assert told.sum("db_pool_checkedout") >= sizing.WEB_THREADS
            assert told.sum("db_pool_overflow") == 0
    finally:
        locker.close()
        for reader in readers:
            reader.join(60)


@pytest.mark.parametrize(("place", "expression"), expressions().items())
def test_whoever_asks_for_a_metric_finds_it(everything, place, expression):
    missing = metrics_of(expression) - everything - OF_PROMETHEUS
    assert missing == set(), f"{place} asks for what /metrics does not export"


def test_each_metric_is_documented_and_no_other(everything):
    text = (ROOT / "quality" / "monitor" / "README.md").read_text()
    table = text[text.index("| metric |") :].partition("\n\n")[0]
    documented, beginnings = set(), set()
    for cell in re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE):
        names = re.findall(r"`(\w+)(…?)`", cell)
        stem = names[0][0].rpartition("_")[0]
        for name, goes_on in names:
            whole = f"{stem}{name}" if name.startswith("_") else name
            (beginnings if goes_on else documented).add(whole)
    ours = {
        re.sub(r"_(?:bucket|sum|count|created)$", "", name)
        for name in everything
        if not name.startswith(("process_", "python_"))
    }
    described = {name for name in ours if name.startswith(tuple(beginnings))}
    assert ours - described - documented == set()
    assert documented - ours == set()
