"""The image that `make image` has built: a machine is prepared, migrated and served from it."""

import http.client
import http.cookiejar
import json
import os
import re
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.docker.compose import DOCKER, content, needed, seconds, services
from tests.docker.container import Machine, buildah, configuration, end
from tests.docker.database import Server
from tests.docker.front import Front, brought
from tests.faults import free_port
from tests.scans.sample import payload

pytestmark = pytest.mark.image

FILES = sorted(path.name for path in DOCKER.glob("compose*.yml"))
PASSWORD = "a right good password"
START_SECONDS = 90
STATIONS = 6
MOST_MEGABYTES = 250


# ----- What is written


def test_the_dockerfile_is_one_that_hadolint_would_write():
    done = subprocess.run(
        [brought("hadolint"), DOCKER / "Dockerfile"], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", FILES)
def test_dockers_own_compose_reads_the_files(name):
    done = subprocess.run(
        [brought("docker-compose"), "-f", DOCKER / name, "--profile=*", "config", "--format=json"],
        env=os.environ | needed(name),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    # Nothing that we would have to be told first.
    assert "variable is not set" not in done.stderr
    assert json.loads(done.stdout)["services"].keys() == services(name, **needed(name)).keys()


# ----- What is built


@pytest.fixture(scope="module")
def config() -> dict[str, Any]:
    return configuration()


@pytest.fixture(scope="module")
def root() -> Iterator[Path]:
    container = buildah("from", "--pull-never", "localhost/quality")
    try:
        yield Path(buildah("mount", container))
    finally:
        buildah("rm", container)


def test_it_says_who_runs_it_and_whether_it_is_well(config):
    told = config["Docker"]["config"]
    assert told["User"] == "1000:1000"
    assert told["Cmd"] == ["gunicorn", "-c", "docker/gunicorn.conf.py"]
    assert told["StopSignal"] == "SIGTERM"
    assert told["Healthcheck"]["Test"] == ["CMD", "python", "docker/healthcheck.py"]


def test_no_layer_and_no_line_of_its_history_holds_a_secret(config, root):
    said = json.dumps(config)
    # What collectstatic wants to be told is no secret, and goes no further than its command.
    assert set(re.findall(r"SECRET_KEY=\w*", said)) <= {"SECRET_KEY=build"}
    assert not re.search(r"PASSWORD=|TOKEN=|AGE-SECRET", said)
    names = ("*.key", "*.pem", ".env", "secret-key", ".git", "tests", "secrets")
    found = [path for name in names for path in (root / "app").rglob(name)]
    assert found == []


def test_the_code_is_roots_and_compiled(root):
    files = [path for path in (root / "app").rglob("*") if path.is_file()]
    assert len(files) > 300
    assert {(path.stat().st_uid, path.stat().st_mode & 0o022) for path in files} == {(0, 0)}
    assert any(path.suffix == ".pyc" for path in files)


def test_it_is_small(root, capsys):
    """What we add to the base; of a machine's disk the base is had once for all images."""
    added = sum(
        path.stat().st_size
        for folder in ("app", "venv")
        for path in (root / folder).rglob("*")
        if path.is_file() and not path.is_symlink()
    )
    with capsys.disabled():
        print(f"\ncode and packages: {added / 1e6:.0f} MB")
    assert added < MOST_MEGABYTES * 1e6
    assert not [name for name in ("gcc", "pip", "perl5") if (root / "usr/bin" / name).exists()][1:]


# ----- A machine


@pytest.fixture(scope="module")
def machine(root, config, tmp_path_factory) -> Machine:
    """Its volumes, empty, with the owners that Docker would give them."""
    made = Machine(root, tmp_path_factory.mktemp("volumes"), config)
    # Readable for others on the way to it: the services are other users.
    for folder in (made.volumes, *list(made.volumes.parents)[:3]):
        folder.chmod(0o755)
    for name in ("./secrets", *content()["volumes"]):
        made.source(name).mkdir()
    for name in ("logs", "backups", "run"):
        # A new volume takes over the owner of the folder that it covers.
        subprocess.run(["chown", "1000:1000", made.source(name)], check=True)
    return made


@pytest.fixture(scope="module")
def prepared(machine) -> Machine:
    done = machine.run("prepare")
    assert done.returncode == 0, done.stderr
    assert "made secret_key" in done.stdout
    return machine


@pytest.fixture(scope="module")
def database(prepared, tmp_path_factory) -> Iterator[Server]:
    secrets = prepared.source("for-database")
    names = {"root": "root_password", "quality": "owner_password", "site": "site_password"}
    made = Server(
        tmp_path_factory.mktemp("mariadb"),
        {user: (secrets / name).read_text() for user, name in names.items()},
    )
    # There is no network in which it is called so.
    for reader in ("for-site", "for-owner"):
        path = prepared.source(reader) / "database_url"
        text = path.read_text().replace("@database:3306/", f"@127.0.0.1:{made.port}/")
        path.chmod(0o600)
        path.write_text(text)
        path.chmod(0o400)
    try:
        made.await_greeting()
        prepared.changes["DB_MAX_CONNECTIONS"] = made.value("max_connections")
        yield made
    finally:
        made.process.terminate()
        made.process.wait(60)


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def front(machine, port, tmp_path_factory) -> Iterator[Front]:
    with Front(tmp_path_factory.mktemp("front"), port) as front:
        machine.changes |= {
            "PORT": str(port),
            "BIND": "127.0.0.1",
            "TRUSTED_PROXIES": "127.0.0.1",
            "SITE_URL": front.url,
            "CSRF_TRUSTED_ORIGINS": front.url,
        }
        yield front


@pytest.fixture(scope="module")
def link(database, front, prepared) -> str:
    """What the service `migrate` prints on an empty database."""
    done = prepared.run("migrate")
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(rf"{re.escape(front.url)}(/accounts/first/\S+)", done.stdout)
    assert found is not None, done.stdout
    return found[1]


class Web:
    """The service `web`."""

    def __init__(self, machine: Machine, port: int, log: Path) -> None:
        self.machine, self.port, self.log = machine, port, log

    def start(self) -> None:
        self.process = self.machine.start("web", self.log)
        deadline = time.monotonic() + START_SECONDS
        while not self.is_ready():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)

    def is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    def stop(self) -> int:
        return end(self.process, seconds(services()["web"]["stop_grace_period"]))


@pytest.fixture(scope="module")
def web(link, prepared, port, tmp_path_factory) -> Iterator[Web]:
    web = Web(prepared, port, tmp_path_factory.mktemp("web") / "log")
    web.start()
    yield web
    if web.process.poll() is None:
        web.stop()


class Tablet:
    """A browser that believes the front's authority, and nobody else's."""

    def __init__(self, front: Front, cookies: Iterable[http.cookiejar.Cookie] = ()) -> None:
        self.url = front.url
        self.cookies = http.cookiejar.CookieJar()
        for cookie in cookies:
            self.cookies.set_cookie(cookie)
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPSHandler(context=front.context()),
            urllib.request.HTTPCookieProcessor(self.cookies),
        )

    def send(self, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str]:
        headers |= {"Referer": f"{self.url}/", "X-Forwarded-For": "6.6.6.6"}
        if token := [one.value for one in self.cookies if one.name == "csrftoken"]:
            headers["X-CSRFToken"] = str(token[0])
        request = urllib.request.Request(self.url + path, body, headers)
        try:
            with self.opener.open(request, timeout=60) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def fill(self, path: str, **fields: str) -> tuple[int, str]:
        status, _text = self.send(path)
        assert status == 200
        return self.send(path, urllib.parse.urlencode(fields).encode())

    def scan(self, **changes: Any) -> tuple[int, str]:
        body = json.dumps(payload(**changes)).encode()
        return self.send("/scans/", body, **{"Content-Type": "application/json"})


@pytest.fixture(scope="module")
def tablet(web, front, link) -> Tablet:
    """In which the first administrator was made, by the link of the log."""
    tablet = Tablet(front)
    fields = {"username": "ioana", "new_password1": PASSWORD, "new_password2": PASSWORD}
    status, text = tablet.fill(link, **fields)
    assert status == 200, text
    assert "ioana" in text
    return tablet


def test_the_image_has_what_backups_are_made_with(machine):
    for program in ("mariadb-dump", "mariadb"):
        done = machine.run("web", program, "--version")
        assert done.returncode == 0, done.stderr
        assert "10.11" in done.stdout


def test_the_health_check_of_the_image_says_well(web, prepared, config):
    check = config["Docker"]["config"]["Healthcheck"]["Test"][1:]
    done = prepared.run("web", *check)
    assert done.returncode == 0, done.stderr
    missing = prepared.run("web", *check, PORT=str(free_port()))
    assert missing.returncode == 1
    assert "cannot be reached" in missing.stderr


def test_a_scan_is_stored_by_tls(tablet, database):
    status, text = tablet.scan()
    assert status == 201, text
    assert rows(database, "SELECT COUNT(*) FROM scans_scan") == [(1,)]


def rows(database: Server, sql: str) -> list[tuple[Any, ...]]:
    connection = database.connect("quality")
    try:
        cursor = connection.cursor()
        cursor.execute("USE quality")
        cursor.execute(sql)
        return list(cursor.fetchall())
    finally:
        connection.close()


def test_the_site_knows_who_asks_and_believes_no_browser(tablet, database):
    addresses = {address for (address,) in rows(database, "SELECT address FROM accounts_session")}
    assert addresses == {"127.0.0.1"}


def test_the_site_writes_to_its_volumes_and_nowhere_else(web, prepared):
    code = (
        "import os, pathlib\n"
        "for folder, names, files in os.walk('/'):\n"
        "    names[:] = [n for n in names if os.path.join(folder, n) not in ('/proc', '/dev')]\n"
        "    try:\n"
        "        (pathlib.Path(folder) / '.probe').touch()\n"
        "    except OSError: continue\n"
        "    os.remove(os.path.join(folder, '.probe')); print(folder)\n"
    )
    done = prepared.run("web", "python", "-c", code)
    assert done.returncode == 0, done.stderr
    tops = {
        re.sub(r"^(/run/quality|/tmp|/var/lib/quality/log)(/.*)?$", r"\1", line)
        for line in done.stdout.split()
    }
    assert tops == {"/tmp", "/run/quality", "/var/lib/quality/log"}


def test_the_site_has_no_rights_and_no_secret_in_its_environment(web, prepared):
    code = "print(open('/proc/self/status').read()); import os; print(dict(os.environ))"
    said = prepared.run("web", "python", "-c", code).stdout
    assert re.search(r"CapEff:\s+0+\n", said)
    assert re.search(r"CapBnd:\s+0+\n", said)
    assert re.search(r"NoNewPrivs:\s+1", said)
    kept = [path.read_text() for path in prepared.source("secrets").iterdir()]
    assert len(kept) == 6
    assert not [value for value in kept if value in said]


def test_the_site_cannot_read_what_is_not_for_it(prepared):
    done = prepared.run("web", "cat", "/run/owner/database_url")
    assert done.returncode != 0
    assert "No such file" in done.stderr


def test_a_restart_costs_a_station_nothing(tablet, front, web, database, capsys):
    """Scans go on through `docker stop` and start: the front holds them meanwhile."""
    answered: list[tuple[int, float]] = []
    is_over = threading.Event()

    def scanning(station: int) -> None:
        mine, number = Tablet(front, tablet.cookies), 0
        while not is_over.is_set():
            number += 1
            began = time.monotonic()
            status, _text = mine.scan(cp=f"CP7777777{station}-{number:04d}")
            answered.append((status, time.monotonic() - began))
            time.sleep(0.05)

    with ThreadPoolExecutor(STATIONS) as threads:
        scanned = [threads.submit(scanning, station) for station in range(STATIONS)]
        try:
            time.sleep(1)
            assert web.stop() == 0
            web.start()
            time.sleep(1)
        finally:
            is_over.set()
    for station in scanned:
        station.result()
    longest = max(seconds for _status, seconds in answered)
    with capsys.disabled():
        print(f"\na restart of web: {len(answered)} scans, the longest took {longest:.1f} s")
    assert {status for status, _seconds in answered} == {201}
    sql = "SELECT COUNT(*), COUNT(DISTINCT cp) FROM scans_scan WHERE cp LIKE 'CP7777777%'"
    assert rows(database, sql) == [(len(answered), len(answered))]


def test_a_second_start_changes_nothing(web, prepared):
    kept = {path.name: path.read_text() for path in prepared.source("secrets").iterdir()}
    assert "made nothing new" in prepared.run("prepare").stdout
    assert {path.name: path.read_text() for path in prepared.source("secrets").iterdir()} == kept


def test_nobody_is_let_in_by_the_link_again(tablet, link, front):
    status, _text = Tablet(front).send(link)
    assert status == 410
