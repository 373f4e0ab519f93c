"""Three Galera nodes behind an HAProxy on loopback, with the configuration of docker/cluster/."""

import contextlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import MySQLdb

from tests.cluster.haproxy import HAProxy
from tests.cluster.programs import Programs
from tests.cluster.waiting import await_true
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
ACCOUNTS = (
    f"CREATE USER '{USER}'@'%' IDENTIFIED BY '{PASSWORD}'",
    f"GRANT ALL ON `quality%`.* TO '{USER}'@'%'",
    "\n".join((DOCKER / "cluster" / "accounts.sql").read_text().splitlines()),
)


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

    def query(self, sql: str, *values: Any, database: str = "") -> list[tuple[Any, ...]]:
        """As its administrator, past HAProxy, and after all that was committed on any node."""
        connection = MySQLdb.connect(
            unix_socket=str(self.socket), user=ME, database=database, autocommit=True,
            charset="utf8mb4", connect_timeout=2, read_timeout=60,
        )  # fmt: skip
        with contextlib.closing(connection), connection.cursor() as cursor:
            if database:
                cursor.execute("SET SESSION wsrep_sync_wait = 1")
            cursor.execute(sql, values or None)
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


class Cluster:
    """The nodes, and the HAProxy that leads to one of them."""

    def __init__(self, programs: Programs, home: Path) -> None:
        self.nodes = [Node(f"node{i}", home / f"node{i}", programs) for i in range(1, NODES + 1)]
        self.haproxy = HAProxy(home, programs, [f"127.0.0.1:{node.port}" for node in self.nodes])

    def __enter__(self) -> Self:
        try:
            first, *others = self.nodes
            first.install()
            first.start([], is_first=True)
            for sql in ACCOUNTS:
                first.query(sql)
            for node in others:
                node.start(self.nodes)
            self.haproxy.start()
            await_true("HAProxy leads to a node", lambda: bool(self.name_of_writer()), 30)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.haproxy.stop()
        for node in self.nodes:
            node.kill()

    def name_of_writer(self) -> str:
        """The node to which a new connection leads; "" when to none."""
        try:
            connection = MySQLdb.connect(
                host="127.0.0.1", port=self.haproxy.port, user=USER, password=PASSWORD,
                connect_timeout=3, read_timeout=3,
            )  # fmt: skip
            with contextlib.closing(connection), connection.cursor() as cursor:
                cursor.execute("SELECT @@wsrep_node_name")
                return str(cursor.fetchone()[0])
        except MySQLdb.Error:
            return ""

    @property
    def writer(self) -> Node:
        name = self.name_of_writer()
        return next(node for node in self.nodes if node.name == name)

    @property
    def is_whole(self) -> bool:
        return all(node.state() == "Synced" for node in self.nodes)

    def start_after_power_cut(self) -> Node:
        """Begin with the node that knows most, as CLUSTER.md says; returns it."""
        known = {node: int(node.position().rpartition(":")[2]) for node in self.nodes}
        first = max(self.nodes, key=known.__getitem__)
        state = first.datadir / "grastate.dat"
        state.write_text(state.read_text().replace("safe_to_bootstrap: 0", "safe_to_bootstrap: 1"))
        first.start([], is_first=True)
        for node in self.nodes:
            if node is not first:
                node.start(self.nodes)
        return first


class ClusterDatabase:
    """A database of the cluster, read and changed past HAProxy: what every node has."""

    def __init__(self, cluster: Cluster, name: str, *, address: str = "127.0.0.1") -> None:
        """`address`: how the site reaches HAProxy."""
        self.cluster = cluster
        self.name = name
        self.url = f"mysql://{USER}:{PASSWORD}@{address}:{cluster.haproxy.port}/{name}"

    def create(self) -> None:
        for sql in (f"DROP DATABASE IF EXISTS `{self.name}`", f"CREATE DATABASE `{self.name}`"):
            self.cluster.nodes[0].query(sql)

    def run(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        """By whichever node takes part, and after all that was committed before on any.

        One that was frozen a moment ago says "Synced", and does not know yet that it is not.
        """
        nodes = [node for node in self.cluster.nodes if node.state() == "Synced"]
        for node in nodes[:-1]:
            with contextlib.suppress(MySQLdb.Error):
                return node.query(sql, *values, database=self.name)
        return nodes[-1].query(sql, *values, database=self.name)


@contextlib.contextmanager
def home_for_nodes() -> Iterator[Path]:
    """A folder that another user reaches too, as pytest's own are their user's alone."""
    home = Path(tempfile.mkdtemp(prefix="quality-cluster-"))
    home.chmod(0o755)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)
