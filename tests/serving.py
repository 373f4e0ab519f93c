"""Serves the site for tests: a real gunicorn on a database of its own."""

import http.client
import http.cookiejar
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import MySQLdb

from quality.devdb.configuration import find_program
from quality.devdb.mariadb import PrivateMariaDB
from tests.faults import free_port
from tests.scans.sample import payload

ROOT = Path(__file__).resolve().parents[1]
PASSWORD = "demo-password-1"
START_SECONDS = 120
STOP_SECONDS = 60
DEFINER = re.compile(rb"DEFINER=`[^`]*`@`[^`]*`")

Runs = TypeVar("Runs", "PrivateMariaDB", "Site")


@contextmanager
def running(one: Runs) -> Iterator[Runs]:
    """A database server or a site that is started here, and stopped in the end."""
    one.start()
    try:
        yield one
    finally:
        one.stop()


class Database:
    """A database read and changed past Django: what was committed, not what Django believes."""

    def __init__(self, server: PrivateMariaDB, name: str) -> None:
        self.url = server.url(name)
        self.name = name
        self.server = server
        parts = urlsplit(self.url)
        self._login = {
            "user": parts.username,
            "password": unquote(parts.password or ""),
            "unix_socket": str(server.socket),
            "charset": "utf8mb4",
        }

    @property
    def login(self) -> dict[str, Any]:
        """What MySQLdb takes to be a client of its own."""
        return self._login | {"database": self.name}

    def create(self) -> None:
        """Make it anew."""
        self._run(f"DROP DATABASE IF EXISTS `{self.name}`", database="")
        self._run(f"CREATE DATABASE `{self.name}`", database="")

    def run(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self._run(sql, *values, database=self.name)

    def scans(self, cp_base: str) -> list[dict[str, Any]]:
        """The stored scans of an order, the oldest first."""
        columns = ("cp", "defect_id", "operator", "oc1", "oc2", "station_id", "note", "raw", "uid")
        rows = self.run(
            f"SELECT {', '.join(columns)} FROM scans_scan WHERE cp_base = %s ORDER BY id", cp_base
        )
        return [dict(zip(columns, row, strict=True)) for row in rows]

    def dump(self) -> bytes:
        """All that is in it, as statements."""
        options = ("--skip-add-locks", "--skip-comments", "--hex-blob", "--triggers")
        # Whoever loads it is the definer then, as with migrations.
        return DEFINER.sub(b"", self._client("mariadb-dump", *options))

    def load(self, dump: bytes) -> None:
        self._client("mariadb", statements=dump)

    def _client(self, program: str, *options: str, statements: bytes = b"") -> bytes:
        path = find_program(program)
        assert path is not None, f"{program} is missing: `make test` installs it."
        user, socket = self._login["user"], self._login["unix_socket"]
        return subprocess.run(
            [path, "--no-defaults", f"--user={user}", f"--socket={socket}", *options, self.name],
            env=os.environ | {"MYSQL_PWD": self._login["password"]},
            input=statements,
            check=True,
            stdout=subprocess.PIPE,
        ).stdout

    def _run(self, sql: str, *values: Any, database: str) -> list[tuple[Any, ...]]:
        connection = MySQLdb.connect(**self._login, database=database, autocommit=True)
        try:
            cursor = connection.cursor()
            cursor.execute(sql, values or None)
            return list(cursor.fetchall())
        finally:
            connection.close()


# By where the code lies: what its `migrate` and `seeddemo` leave in a database.
_prepared: dict[Path, bytes] = {}


class Site:
    """gunicorn with the demo's data; its log is a file in `home`."""

    def __init__(
        self,
        database: Database,
        home: Path,
        *,
        workers: int = 2,
        configuration: str = "docker/gunicorn.conf.py",
        address: str = "127.0.0.1",
        prefix: Sequence[str] = (),
        **env: str,
    ) -> None:
        """`prefix`: a command that runs gunicorn elsewhere, where `address` is its own."""
        self.database = database
        self.configuration = configuration
        self.address = address
        self.prefix = prefix
        # Where its code lies; another version of it may take over port and database.
        self.root = ROOT
        self.log = home / "gunicorn.log"
        self.port = free_port()
        self.url = f"http://{address}:{self.port}"
        self._child: subprocess.Popen[bytes] | None = None
        self.env = os.environ | {
            "DEVELOPMENT": "1",
            "DATABASE_URL": database.url,
            "DEMO_PASSWORD": PASSWORD,
            "PORT": str(self.port),
            "BIND": address,
            "WEB_WORKERS": str(workers),
            "VAR_DIR": str(home),
            "LOG_DIR": str(home / "log"),
            **env,
        }

    def prepare(self) -> None:
        """Make its database anew, as `migrate` and `seeddemo` leave it.

        They take 6 s of a processor: after the first time it is a copy of what they left.
        """
        self.database.create()
        if self.root not in _prepared:
            self._migrate_and_seed()
            _prepared[self.root] = self.database.dump()
        else:
            self.database.load(_prepared[self.root])

    def _migrate_and_seed(self) -> None:
        for command in ("migrate", "seeddemo"):
            subprocess.run(
                [sys.executable, "manage.py", command, "--verbosity=0"],
                cwd=self.root,
                env=self.env,
                check=True,
                stdout=subprocess.DEVNULL,
            )

    def start(self) -> None:
        """Return when it is ready to serve."""
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                [*self.prefix, sys.executable, "-m", "gunicorn", "-c", self.configuration],
                cwd=self.root,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if self._child.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise RuntimeError(f"gunicorn did not start:\n{self.messages()}")
            time.sleep(0.05)

    def stop(self) -> None:
        child, self._child = self._child, None
        if child is None or child.poll() is not None:
            return
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()

    def signal(self, number: int) -> None:
        """Send a signal to gunicorn's master."""
        if self._child is not None:
            self._child.send_signal(number)

    def manage(self, *command: str) -> subprocess.CompletedProcess[str]:
        """What a command of manage.py says that runs beside the site."""
        return subprocess.run(
            self.command(*command),
            cwd=self.root,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def command(self, *command: str) -> list[str]:
        return [sys.executable, str(self.root / "manage.py"), *command]

    @property
    def is_running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    @property
    def exit_code(self) -> int | None:
        """How gunicorn ended by itself."""
        return None if self._child is None else self._child.poll()

    @property
    def worker_pids(self) -> list[int]:
        """The processes that answer."""
        assert self._child is not None
        children = Path(f"/proc/{self._child.pid}/task/{self._child.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    @property
    def log_bytes(self) -> int:
        """How much it has logged until now."""
        return self.log.stat().st_size

    def messages(self, *, after_bytes: int = 0) -> str:
        """What it logged last, after so much."""
        return self.log.read_bytes()[after_bytes:].decode(errors="replace")[-8000:]

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection(self.address, self.port, timeout=10)
        try:
            connection.request("GET", "/health/ready")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()


class Browser:
    """Signs in as one of the demo's people, looks at pages and sends scans."""

    def __init__(self, url: str, password: str, *, user: str = "operator") -> None:
        self.url = url
        self._cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(self._cookies)
        )
        self.get("/accounts/login/")
        self._fill("/i18n/setlang/", language="en", next="/accounts/login/")
        assert self._fill("/accounts/login/", username=user, password=password) != (
            f"{url}/accounts/login/"
        )

    def _fill(self, path: str, **fields: str) -> str:
        """Send a form; the address of the page that comes then."""
        form = urllib.parse.urlencode({**fields, "csrfmiddlewaretoken": self._token})
        with self._send(path, form.encode()) as response:
            address: str = response.url
        return address

    @property
    def _token(self) -> str:
        return next(cookie.value or "" for cookie in self._cookies if cookie.name == "csrftoken")

    def _send(self, path: str, body: bytes | None = None, **headers: str) -> Any:
        request = urllib.request.Request(self.url + path, body, {"Referer": self.url} | headers)
        return self._opener.open(request, timeout=60)

    def get(self, path: str) -> str:
        with self._send(path) as response:
            return response.read().decode()

    def look(self, path: str) -> tuple[int, str, float]:
        """Status and text of whatever is answered, and the seconds that it took."""
        began = time.monotonic()
        try:
            with self._send(path) as response:
                status, text = response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                status, text = error.code, error.read().decode()
        return status, text, time.monotonic() - began

    def worker(self, path: str) -> tuple[str, int]:
        """Which worker answered (ids of its requests begin so), and the status."""
        try:
            answer = self._send(path)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return answer.headers["X-Request-ID"][:8], answer.status

    def scan(self, **changes: Any) -> int:
        return self.post("/scans/", payload(**changes))

    def post(self, path: str, content: dict[str, Any]) -> int:
        headers = {"Content-Type": "application/json", "X-CSRFToken": self._token}
        with self._send(path, json.dumps(content).encode(), **headers) as response:
            return response.status
