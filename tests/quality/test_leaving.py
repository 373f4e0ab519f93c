"""Workers come and go under load: somebody serves all the time, and the database sees no break."""

import http.client
import os
import re
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from quality.devdb.mariadb import PrivateMariaDB
from scans.simulation.simulation import Simulation
from tests.chaos.rig import WatchedSession
from tests.chaos.verdict import Sent
from tests.chaos.watching import await_true
from tests.faults import Administrator
from tests.serving import ROOT, Browser, Database, Site

WORKERS, STATIONS = 2, 8
MOST_SECONDS = 60
# A worker loads so much longer.
LOAD_SECONDS = 6
AS_USUAL = f"""
exec(open({str(ROOT / "docker/gunicorn.conf.py")!r}).read().replace(
    "Path(__file__)", "Path({str(ROOT / "docker/gunicorn.conf.py")!r})"
))
"""
WELL = "from quality.wsgi import application as one\n"
BROKEN = "from quality.wsgi import another as one\n"
# The process that tries whether a worker would start counts nothing.
IN_WORKERS = f"""{WELL}
import os, signal
if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
    """
BROKEN_IN_WORKERS = f"{IN_WORKERS}raise RuntimeError('in a worker alone')\n"
# As it would be where memory is short.
KILLED_IN_WORKERS = f"{IN_WORKERS}os.kill(os.getpid(), signal.SIGKILL)\n"
ENDED_IN_WORKERS = f"{IN_WORKERS}raise SystemExit\n"
CANNOT_START = "A worker cannot start"
SLOW = f"""{AS_USUAL}
import time
def post_fork(server, worker):
    if worker.age > workers:
        time.sleep({LOAD_SECONDS})
"""


@pytest.fixture(scope="module")
def server(mariadb_home) -> PrivateMariaDB:
    return PrivateMariaDB(mariadb_home)


@pytest.fixture(scope="module")
def database(server, tmp_path_factory) -> Database:
    database = Database(server, "quality_leaving")
    Site(database, tmp_path_factory.mktemp("prepared")).prepare()
    return database


@pytest.fixture
def start(database, tmp_path) -> Iterator[Callable[..., Site]]:
    """`start(SHUTDOWN_DELAY="3")` is a site of which each worker serves."""
    sites = []

    def started(**options: str) -> Site:
        site = Site(database, tmp_path, workers=WORKERS, **options)
        sites.append(site)
        site.start()
        # It answers when the first of them does.
        await_true("all serve", lambda: web_workers(site)["serving"] == WORKERS, MOST_SECONDS)
        return site

    yield started
    for site in sites:
        site.stop()


class Module:
    """What gunicorn is told to serve, in a file of its own."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "served.py"
        changed = folder / "changed.conf.py"
        changed.write_text(
            f"{AS_USUAL}sys.path.insert(0, {str(folder)!r})\nwsgi_app = 'served:one'\n"
        )
        self.configuration = str(changed)
        self.write(WELL)

    def write(self, text: str) -> None:
        self._path.write_text(text)


@pytest.fixture
def module(tmp_path) -> Module:
    return Module(tmp_path)


def web_workers(site: Site) -> dict[str, float]:
    """How many are expected, and how many serve, as /metrics says."""
    with urllib.request.urlopen(f"{site.url}/metrics", timeout=20) as answer:
        text = answer.read().decode()
    found = re.findall(r"^web_workers_(\w+) (\S+)$", text, re.MULTILINE)
    return {name: float(number) for name, number in found}


def await_tries(site: Site, number: int) -> None:
    """So many more times a worker is forked."""
    most = site.log.read_text().count("Booting worker") + number
    await_true(
        f"{number} tries",
        lambda: site.log.read_text().count("Booting worker") >= most,
        MOST_SECONDS,
    )


def tries_of(site: Site) -> list[datetime]:
    """When a worker was forked, as the log has it."""
    found = re.findall(r"^(\S+) .*Booting worker", site.log.read_text(), re.MULTILINE)
    return [datetime.fromisoformat(text) for text in found]


def await_successors(site: Site, before: set[int]) -> None:
    def are_there() -> bool:
        now = set(site.worker_pids)
        return len(now) == WORKERS and not before & now

    await_true("all workers are new ones", are_there, MOST_SECONDS)


def test_the_old_workers_serve_until_the_new_ones_do(start, tmp_path):
    slow = tmp_path / "slow.conf.py"
    slow.write_text(SLOW)
    site = start(configuration=str(slow))
    before = set(site.worker_pids)
    browser = Browser(site.url, "demo-password-1")
    site.signal(signal.SIGHUP)
    await_true("the new are forked", lambda: set(site.worker_pids) > before, MOST_SECONDS)
    longest, deadline = 0.0, time.monotonic() + MOST_SECONDS
    while before & set(site.worker_pids):
        assert time.monotonic() < deadline
        status, _, seconds = browser.look("/scans/recent/")
        assert status == 200
        longest = max(longest, seconds)
        time.sleep(0.05)  # The new ones are to load meanwhile.
    assert longest < LOAD_SECONDS / 2
    await_successors(site, before)


def test_a_reload_that_would_end_the_site_is_refused_and_can_be_repeated(start, module):
    site = start(configuration=module.configuration)
    before = set(site.worker_pids)
    module.write(BROKEN)
    site.signal(signal.SIGHUP)
    await_true("it is refused", lambda: "Not reloaded" in site.messages(), MOST_SECONDS)
    assert "cannot import name 'another'" in site.messages()
    assert set(site.worker_pids) == before
    assert Browser(site.url, "demo-password-1").look("/scans/recent/")[0] == 200
    module.write(WELL)
    site.signal(signal.SIGHUP)
    await_successors(site, before)


def test_a_reload_after_which_a_page_would_answer_500_is_refused(start, tmp_path):
    (tmp_path / "with_folder.py").write_text(
        "from quality.settings import *\n"
        f"TEMPLATES[0]['DIRS'] = [{str(tmp_path / 'pages')!r}, *TEMPLATES[0]['DIRS']]\n"
    )
    page = tmp_path / "pages/scans/page.html"
    page.parent.mkdir(parents=True)
    page.write_text("{% if True %}yes{% endif %}")
    site = start(PYTHONPATH=str(tmp_path), DJANGO_SETTINGS_MODULE="with_folder")
    before = set(site.worker_pids)
    page.write_text("{% if True %}yes")
    site.signal(signal.SIGHUP)
    await_true("it is refused", lambda: "Not reloaded" in site.messages(), MOST_SECONDS)
    assert "scans/page.html: TemplateSyntaxError: Unclosed tag on line 1: 'if'" in site.messages()
    assert set(site.worker_pids) == before
    page.write_text("{% if True %}yes{% endif %}")
    site.signal(signal.SIGHUP)
    await_successors(site, before)


def test_a_reload_after_which_workers_would_be_of_two_versions_is_refused(start, tmp_path):
    changed, module, held = (
        tmp_path / name for name in ("changed.conf.py", "served.py", "held_by_the_master.py")
    )
    changed.write_text(
        f"{AS_USUAL}sys.path.insert(0, {str(tmp_path)!r})\nimport held_by_the_master\n"
        "wsgi_app = 'served:application'\n"
    )
    held.write_text("old = 1\n")
    module.write_text("from quality.wsgi import application\n")
    site = start(configuration=str(changed))
    before = set(site.worker_pids)
    held.write_text("old = new = 1\n")
    module.write_text("from held_by_the_master import new\n" + module.read_text())
    site.signal(signal.SIGHUP)
    await_true("it is refused", lambda: "Not reloaded" in site.messages(), MOST_SECONDS)
    assert f"{held} changed" in site.messages()
    assert set(site.worker_pids) == before
    held.write_text("old = 1\n")
    module.write_text("from held_by_the_master import old\nfrom quality.wsgi import application\n")
    site.signal(signal.SIGHUP)
    await_successors(site, before)


def test_who_cannot_be_replaced_leaves_the_others_serving_until_it_can(start, module):
    site = start(configuration=module.configuration)
    browser = Browser(site.url, "demo-password-1")
    killed, other = site.worker_pids
    module.write(BROKEN)
    os.kill(killed, signal.SIGKILL)
    await_true("it is said", lambda: CANNOT_START in site.messages(), MOST_SECONDS)
    assert "cannot import name 'another'" in site.messages()
    await_tries(site, 3)
    assert site.log.read_text().count("Traceback") == 1
    assert other in site.worker_pids
    assert browser.look("/scans/recent/")[0] == 200
    module.write(WELL)
    await_true("it is mended", lambda: "Workers start again" in site.messages(), MOST_SECONDS)
    # The successor serves alone, if it has to.
    module.write(BROKEN)
    os.kill(other, signal.SIGKILL)
    await_tries(site, 1)
    assert browser.look("/scans/recent/")[0] == 200
    module.write(WELL)
    before = set(site.worker_pids)
    site.signal(signal.SIGHUP)
    await_successors(site, before)


@pytest.mark.parametrize(
    "text", [BROKEN, KILLED_IN_WORKERS, ENDED_IN_WORKERS], ids=["exception", "signal", "exit"]
)
def test_the_longer_none_can_start_the_longer_are_the_pauses(start, module, text):
    site = start(configuration=module.configuration)
    killed, other = site.worker_pids
    module.write(text)
    os.kill(killed, signal.SIGKILL)
    await_tries(site, 5)
    first, *others = tries_of(site)[WORKERS:]
    waited = [(one - first).total_seconds() for one in others]
    # It is forked where the last one has failed, and waits before it tries: the second for 1 s.
    for seconds, least_seconds in zip(waited[1:4], (1, 2, 4), strict=True):
        assert seconds >= least_seconds, waited
    assert site.log.read_text().count(CANNOT_START) == 1
    assert other in site.worker_pids
    module.write(WELL)
    await_true("it is mended", lambda: "Workers start again" in site.messages(), MOST_SECONDS)


@pytest.mark.parametrize("how", ["reload", "the end of one that served"])
def test_nobody_waits_where_one_can_start_again(start, module, tmp_path, how):
    patient = tmp_path / "patient.conf.py"
    patient.write_text(
        Path(module.configuration).read_text()
        + "succession.LEAST_PAUSE_SECONDS = succession.MOST_PAUSE_SECONDS = 3600.0\n"
    )
    site = start(configuration=str(patient))
    killed, other = site.worker_pids
    module.write(KILLED_IN_WORKERS)
    os.kill(killed, signal.SIGKILL)
    await_true("it is said", lambda: CANNOT_START in site.messages(), MOST_SECONDS)
    module.write(WELL)
    if how == "reload":
        site.signal(signal.SIGHUP)
    else:
        os.kill(other, signal.SIGKILL)
    await_successors(site, {killed, other})
    await_true("all serve", lambda: web_workers(site)["serving"] == WORKERS, MOST_SECONDS)


def test_who_is_missing_is_told_of_until_all_serve(start, module):
    """In the metrics at once, by the alert when its time has come."""
    site = start(configuration=module.configuration, MONITOR_INTERVAL="1", ALERT_TIME_FACTOR="0.05")
    assert web_workers(site) == {"expected": WORKERS, "serving": WORKERS}
    module.write(KILLED_IN_WORKERS)
    os.kill(site.worker_pids[0], signal.SIGKILL)
    await_true("one serves", lambda: web_workers(site)["serving"] == 1, MOST_SECONDS)
    said = subprocess.CompletedProcess([], 0, "")

    def says(text: str) -> bool:
        nonlocal said
        said = site.manage("poolstatus")
        return text in said.stdout

    alert = "Alert: warning WorkerMissing: Web workers that are missing: 1."
    await_true("an alert", lambda: says(alert), MOST_SECONDS)
    assert "See /monitor/runbook#workermissing" in said.stdout
    assert said.stdout.splitlines()[0].endswith(": warning")
    assert said.returncode == 1
    module.write(WELL)
    await_true("none", lambda: says("Alerts: none"), MOST_SECONDS)
    assert web_workers(site) == {"expected": WORKERS, "serving": WORKERS}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
@pytest.mark.parametrize("text", [BROKEN, KILLED_IN_WORKERS], ids=["exception", "signal"])
def test_who_leaves_while_a_place_is_empty_leaves_as_usual(start, module, text, number):
    site = start(configuration=module.configuration)
    module.write(text)
    os.kill(site.worker_pids[0], signal.SIGKILL)
    await_tries(site, 3)
    tries = len(tries_of(site))
    end(number)(site)
    assert site.exit_code == 0
    assert site.messages().count(CANNOT_START) == 1
    assert site.messages().count("Traceback") == (text == BROKEN)
    assert len(tries_of(site)) <= tries + 1


@pytest.mark.parametrize(
    "text", [BROKEN_IN_WORKERS, KILLED_IN_WORKERS], ids=["exception", "signal"]
)
def test_a_reload_whose_workers_cannot_start_after_all_leaves_the_old_ones(start, module, text):
    site = start(configuration=module.configuration)
    browser = Browser(site.url, "demo-password-1")
    before = set(site.worker_pids)
    module.write(text)
    site.signal(signal.SIGHUP)
    await_true("it is said", lambda: CANNOT_START in site.messages(), MOST_SECONDS)
    await_tries(site, 3)
    assert before < set(site.worker_pids)
    assert browser.look("/scans/recent/")[0] == 200
    module.write(WELL)
    await_successors(site, before)
    assert browser.look("/scans/recent/")[0] == 200


def test_where_nobody_serves_who_cannot_start_ends_the_site(start, module):
    site = start(configuration=module.configuration)
    module.write(BROKEN)
    for pid in site.worker_pids:
        os.kill(pid, signal.SIGKILL)
    await_true("its end", lambda: not site.is_running, MOST_SECONDS)
    assert site.exit_code == 3
    began = time.monotonic()
    with pytest.raises(RuntimeError, match="cannot import name 'another'"):
        site.start()
    assert time.monotonic() - began < MOST_SECONDS
    assert "Worker failed to boot" in site.messages()


def test_where_nobody_serves_and_each_is_killed_it_goes_on_trying(start, module):
    """Memory comes back by itself, and what lies on the disk does not."""
    site = start(configuration=module.configuration)
    module.write(KILLED_IN_WORKERS)
    for pid in site.worker_pids:
        os.kill(pid, signal.SIGKILL)
    await_tries(site, 4)
    assert site.is_running
    module.write(WELL)
    await_true("it is mended", lambda: "Workers start again" in site.messages(), MOST_SECONDS)
    assert Browser(site.url, "demo-password-1").look("/scans/recent/")[0] == 200


def test_who_is_told_to_leave_while_a_reload_is_tried_does_not_reload(start, tmp_path):
    slow, tried = tmp_path / "slow.conf.py", tmp_path / "tried"
    slow.write_text(f"{AS_USUAL}open({str(tried)!r}, 'a').write('once ')\n")
    site = start(configuration=str(slow), SHUTDOWN_DELAY="10")
    before = set(site.worker_pids)
    site.signal(signal.SIGHUP)
    await_true("it is tried", lambda: tried.read_text() == "once once ", MOST_SECONDS)
    site.signal(signal.SIGTERM)
    while site.is_running:
        assert set(site.worker_pids) <= before
        time.sleep(0.05)
    assert "Hang up" not in site.messages()


def test_readiness_falls_first_also_after_a_reload(start):
    site = start(SHUTDOWN_DELAY="3")
    before = set(site.worker_pids)
    site.signal(signal.SIGHUP)
    await_successors(site, before)
    browser = Browser(site.url, "demo-password-1")
    site.signal(signal.SIGTERM)
    await_true("it leaves", lambda: browser.look("/health/ready")[0] == 503, MOST_SECONDS)
    assert browser.look("/health/live")[0] == 200


def test_a_port_refuses_as_soon_as_nobody_listens_and_requests_in_flight_finish(start, server):
    site = start()
    browser = Browser(site.url, "demo-password-1")
    answers = []
    reader = threading.Thread(target=lambda: answers.append(browser.look("/scans/recent/")[0]))
    with Administrator(server) as locker:
        locker.query(f"LOCK TABLES {site.database.name}.scans_scan WRITE")
        reader.start()
        await_true("it waits", lambda: is_waiting_for_table(server), MOST_SECONDS)
        site.signal(signal.SIGTERM)
        ends, deadline = [], time.monotonic() + MOST_SECONDS
        while not ends or ends[-1] is not ConnectionRefusedError:
            assert time.monotonic() < deadline, ends
            ends.append(end_of_request(site))
        assert not answers
        locker.query("UNLOCK TABLES")
        reader.join()
    assert answers == [200]
    assert set(ends) <= {200, ConnectionRefusedError}


def test_who_leaves_answers_all_who_are_connected_though_nobody_hangs_up(start):
    """Each is told that it was the last time, and leaves it to the site to close."""
    site = start()
    request = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
    clients = [socket.create_connection(("127.0.0.1", site.port), timeout=20) for _ in range(20)]

    def answer(client: socket.socket) -> bytes:
        heard = b""
        while not heard.endswith(b"\r\n0\r\n\r\n"):
            more = client.recv(1000)
            assert more, heard
            heard += more
        return heard[:12]

    def ask() -> Counter[bytes]:
        for client in clients:
            client.sendall(request)
        return Counter(map(answer, clients))

    try:
        assert ask() == {b"HTTP/1.1 200": len(clients)}
        site.signal(signal.SIGTERM)
        deadline = time.monotonic() + MOST_SECONDS
        while end_of_request(site) is not ConnectionRefusedError:
            assert time.monotonic() < deadline
        began = time.monotonic()
        assert ask() == {b"HTTP/1.1 200": len(clients)}
        await_true("its end", lambda: not site.is_running, MOST_SECONDS)
        assert time.monotonic() - began < len(clients)
    finally:
        for client in clients:
            client.close()


def is_waiting_for_table(server: PrivateMariaDB) -> bool:
    with Administrator(server) as administrator:
        sql = "SELECT 1 FROM information_schema.processlist WHERE state LIKE 'Waiting for table%'"
        return bool(administrator.query(sql))


def connections_of(site: Site, server: PrivateMariaDB) -> int:
    """Those of its database alone: these tests have a pool, too."""
    with Administrator(server) as administrator:
        sql = f"SELECT 1 FROM information_schema.processlist WHERE db = '{site.database.name}'"
        return len(administrator.query(sql))


def end_of_request(site: Site) -> int | type[Exception]:
    """The status that a new connection is answered, or how it ends."""
    connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=3)
    try:
        connection.request("GET", "/health/live")
        return connection.getresponse().status
    except OSError as error:
        return type(error)
    finally:
        connection.close()


def reload(site: Site) -> None:
    before = set(site.worker_pids)
    site.signal(signal.SIGHUP)
    await_successors(site, before)


def end_each_worker(site: Site) -> None:
    for pid in site.worker_pids:
        os.kill(pid, signal.SIGTERM)
        await_true(
            "a successor",
            lambda pid=pid: len({*site.worker_pids} - {pid}) == WORKERS,
            MOST_SECONDS,
        )


def end(number: int) -> Callable[[Site], None]:
    def send(site: Site) -> None:
        site.signal(number)
        await_true("its end", lambda: not site.is_running, MOST_SECONDS)

    return send


@pytest.mark.parametrize(
    ("leave", "goes_on"),
    [
        (reload, True),
        (end_each_worker, True),
        (end(signal.SIGTERM), False),
        (end(signal.SIGINT), False),
    ],
    ids=["SIGHUP", "workers' SIGTERM", "SIGTERM", "SIGINT"],
)
def test_under_load_pools_are_closed_and_one_retry_mends_what_breaks(start, server, leave, goes_on):
    site = start()
    sent: list[Sent] = []
    stations = Simulation(
        WatchedSession(site.url, sent.append), stations=STATIONS, rate=5.0, retry_seconds=(1,)
    )
    with Administrator(server) as administrator:
        aborted = administrator.status("Aborted_clients")
        with stations:
            confirmed = len(stations.confirmed)
            leave(site)
            if goes_on:
                stations.finish()
        assert len(stations.confirmed) > confirmed
        site.stop()
        await_true("all are closed", lambda: not connections_of(site, server), MOST_SECONDS)
        assert administrator.status("Aborted_clients") == aborted
    if goes_on:
        failed = [one.key for one in sent if one.has_failed]
        assert len(failed) == len(set(failed))
        assert set(stations.tally.made) == set(stations.confirmed)
