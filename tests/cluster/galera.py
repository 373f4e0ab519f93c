"""Three Galera nodes and an HAProxy on loopback, with the configuration of docker/cluster/."""

import contextlib
import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import MySQLdb

from tests.cluster.programs import Programs
from tests.faults import free_port, freeze

DOCKER = Path(__file__).resolve().parents[2] / "docker"
USER, PASSWORD = "quality", "cluster-password-1"
ME = pwd.getpwuid(os.geteuid()).pw_name
NODES = 3
START_SECONDS = STOP_SECONDS = 60.0
# Small and quick to start; the rest is as in production.
SETTINGS = {
    "innodb-buffer-pool-size": "64M",
    "innodb-log-file-size": "48M",
    "performance-schema": "OFF",
}
ACCOUNTS = f"""
CREATE DATABASE quality;
CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}';
GRANT ALL ON `quality%`.* TO '{USER}'@'%';
CREATE USER 'haproxy_check'@'%';
"""


def await_true(what: str, is_true: Callable[[], bool], seconds: float) -> float:
    """The seconds that it took."""
    began = time.monotonic()
    while not is_true():
        if time.monotonic() - began > seconds:
            raise RuntimeError(f"not within {seconds:g} s: {what}")
        time.sleep(0.05)
    return time.monotonic() - began


class Node:
    """One server of the cluster, every file of it below `home`."""

    def __init__(self, name: str, home: Path, programs: Programs) -> None:
        self.name = name
        self.home = home
        self.programs = programs
        self.port, self.group_port, self.ist_port, self.sst_port = (free_port() for _ in range(4))
        self.extra_port = free_port()
        self.datadir = home / "data"
        self.socket = home / "node.sock"
        self.log = home / "node.log"
        self._child: subprocess.Popen[bytes] | None = None
        for folder in (home, home / "tmp"):
            programs.own(folder)

    # ----- What it is

    @property
    def pid(self) -> int | None:
        child = self._child
        return child.pid if child is not None and child.poll() is None else None

    def query(self, sql: str, database: str = "") -> list[tuple[Any, ...]]:
        """As its administrator, past HAProxy."""
        connection = MySQLdb.connect(
            unix_socket=str(self.socket), user=ME, database=database, autocommit=True,
            connect_timeout=2, read_timeout=20,
        )  # fmt: skip
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def state(self) -> str:
        """ "Synced" when it takes part; "" when it does not answer."""
        try:
            return str(self.query("SHOW STATUS LIKE 'wsrep_local_state_comment'")[0][1])
        except (MySQLdb.Error, IndexError):
            return ""

    # ----- What it does

    def install(self) -> None:
        self._run(
            self.programs.install, "--no-defaults", f"--datadir={self.datadir}",
            f"--tmpdir={self.home / 'tmp'}", "--auth-root-authentication-method=socket",
            f"--auth-root-socket-user={ME}", "--skip-name-resolve", "--skip-test-db",
        )  # fmt: skip

    def start(self, others: Sequence["Node"], *, is_first: bool = False) -> None:
        """Return when it takes part. `is_first`: there is no cluster yet."""
        if not self.datadir.exists():
            self.programs.own(self.datadir)
        options = ["--wsrep-new-cluster"] if is_first else []
        if (self.datadir / "grastate.dat").exists() and not is_first:
            options = [f"--wsrep-start-position={self.position()}"]
        self._child = self._spawn(*self._command(others), *options)

        def is_synced() -> bool:
            if self.pid is None:
                raise RuntimeError(f"{self.name} ended while it started:\n{self.messages()}")
            return self.state() == "Synced"

        await_true(f"{self.name} takes part:\n{self.messages()}", is_synced, START_SECONDS)

    def position(self) -> str:
        """Up to where its data reach: what a start after kill -9 has to be told."""
        said = self._run(*self._command([]), "--wsrep-recover", "--log-error=")
        found = re.findall(r"Recovered position:? *(\S+:-?\d+)", said)
        return found[-1] if found else "00000000-0000-0000-0000-000000000000:-1"

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        pid = self.pid
        assert pid is not None
        freeze(pid)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def messages(self) -> str:
        return self.log.read_text(errors="replace")[-6000:] if self.log.exists() else ""

    # ----- How

    def _command(self, others: Sequence["Node"]) -> list[str]:
        addresses = ",".join(f"127.0.0.1:{node.group_port}" for node in others)
        options = re.search(r'^wsrep_provider_options = "(.*)"$', GALERA, re.MULTILINE)
        assert options is not None
        provider = ";".join(
            [
                re.sub(r"gcache\.size=\w+", "gcache.size=32M", options[1]),
                f"base_port={self.group_port}",
                f"gmcast.listen_addr=tcp://127.0.0.1:{self.group_port}",
                f"ist.recv_addr=127.0.0.1:{self.ist_port}",
            ]
        )
        # Ours first; what is particular to this machine overrides it.
        configuration = self.home / "my.cnf"
        configuration.write_text((DOCKER / "mariadb.cnf").read_text() + GALERA)
        settings: dict[str, Any] = SETTINGS | {
            "datadir": self.datadir,
            "socket": self.socket,
            "tmpdir": self.home / "tmp",
            "pid-file": self.home / "node.pid",
            "log-error": self.log,
            "port": self.port,
            "bind-address": "127.0.0.1",
            "extra-port": self.extra_port,
            "wsrep-provider": self.programs.galera,
            "wsrep-provider-options": provider,
            "wsrep-cluster-address": f"gcomm://{addresses}",
            "wsrep-node-name": self.name,
            "wsrep-node-address": f"127.0.0.1:{self.group_port}",
            "wsrep-sst-receive-address": f"127.0.0.1:{self.sst_port}",
        }
        return [
            self.programs.mariadbd,
            f"--defaults-file={configuration}",
            *(f"--{key}={value}" for key, value in settings.items()),
        ]

    def _spawn(self, *command: str) -> subprocess.Popen[bytes]:
        with (self.home / "output.log").open("ab") as output:
            return subprocess.Popen(
                command, cwd=self.home, env=self.programs.environ, stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, start_new_session=True, **self._as_user(),
            )  # fmt: skip

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self.home, env=self.programs.environ, capture_output=True, text=True,
            check=False, **self._as_user(),
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{command[0]} ended with {done.returncode}:\n{done.stderr[-4000:]}")
        return done.stdout + done.stderr

    def _as_user(self) -> dict[str, Any]:
        user = self.programs.user
        return {} if user is None else {"user": user, "group": user, "extra_groups": []}

    def _end(self, number: int) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(number)
            child.send_signal(signal.SIGCONT)
        try:
            child.wait(STOP_SECONDS)
        finally:
            # Also what it has started for a transfer.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()


GALERA = (DOCKER / "cluster" / "galera.cnf").read_text()


class HAProxy:
    """Debian's, with docker/cluster/haproxy.cfg."""

    def __init__(self, home: Path, programs: Programs, nodes: Sequence[Node]) -> None:
        self.port = free_port()
        self.address = ("127.0.0.1", self.port)
        self.log = home / "haproxy.log"
        self._socket = home / "haproxy.sock"
        self._command = [str(programs.haproxy), "-f", str(DOCKER / "cluster" / "haproxy.cfg")]
        self._environ = programs.environ | {
            "HAPROXY_BIND": f"127.0.0.1:{self.port}",
            "HAPROXY_SOCKET": str(self._socket),
            **{f"NODE_{i}": f"127.0.0.1:{node.port}" for i, node in enumerate(nodes, 1)},
        }
        self._child: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self._command, env=self._environ, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        await_true("HAProxy leads to a node", lambda: bool(self.writer()), 30)

    def stop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.terminate()
            child.wait(STOP_SECONDS)

    def tell(self, command: str) -> str:
        """One command of its socket, and what it says."""
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self._socket))
            client.sendall(f"{command}\n".encode())
            return b"".join(iter(lambda: client.recv(65536), b"")).decode()

    def up(self) -> set[str]:
        """The nodes that pass its check."""
        try:
            rows = [line.split(",") for line in self.tell("show stat").splitlines()]
        except OSError:
            return set()
        head = {name.strip("# "): place for place, name in enumerate(rows[0])}
        return {
            row[head["svname"]]
            for row in rows[1:]
            if len(row) > 1
            and row[head["svname"]].startswith("node")
            and row[head["status"]].startswith("UP")
        }

    def writer(self) -> str:
        """The node to which a new connection leads; "" when to none."""
        try:
            connection = MySQLdb.connect(
                host="127.0.0.1", port=self.port, user=USER, password=PASSWORD, connect_timeout=3
            )
        except MySQLdb.Error:
            return ""
        with contextlib.closing(connection), connection.cursor() as cursor:
            cursor.execute("SELECT @@wsrep_node_name")
            return str(cursor.fetchone()[0])


class Cluster:
    """Has the shape of PrivateMariaDB as far as tests.serving.Database asks for it."""

    def __init__(self, programs: Programs, home: Path) -> None:
        self.home = home
        self.nodes = [Node(f"node{i}", home / f"node{i}", programs) for i in range(1, NODES + 1)]
        self.haproxy = HAProxy(home, programs, self.nodes)

    def __enter__(self) -> Self:
        try:
            first, *others = self.nodes
            first.install()
            first.start([], is_first=True)
            for sql in filter(str.strip, ACCOUNTS.split(";")):
                first.query(sql)
            for node in others:
                node.start(self.nodes)
            self.haproxy.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.haproxy.stop()
        for node in self.nodes:
            node.kill()

    def url(self, database: str = "quality") -> str:
        """By way of HAProxy."""
        return f"mysql://{USER}:{PASSWORD}@127.0.0.1:{self.haproxy.port}/{database}"

    @property
    def writer(self) -> Node:
        name = self.haproxy.writer()
        return next(node for node in self.nodes if node.name == name)

    def is_whole(self) -> bool:
        return all(node.state() == "Synced" for node in self.nodes)


@contextlib.contextmanager
def home_for_nodes() -> Iterator[Path]:
    """A folder that another user reaches too, as pytest's own are their user's alone."""
    home = Path(tempfile.mkdtemp(prefix="quality-cluster-"))
    home.chmod(0o755)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)
