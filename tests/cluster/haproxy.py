"""Debian's HAProxy with the configuration of docker/cluster/, and its orders."""

import csv
import io
import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from tests.cluster.programs import Programs
from tests.cluster.waiting import await_true
from tests.faults import free_port

CONFIGURATION = Path(__file__).resolve().parents[2] / "docker" / "cluster"
STOP_SECONDS = 30.0


class HAProxy:
    """The way to the database, and the front of web hosts if there are any."""

    def __init__(self, home: Path, programs: Programs, nodes: Sequence[str]) -> None:
        self.port, self.front_port = free_port(), free_port()
        self.url = f"http://127.0.0.1:{self.front_port}"
        self.log = home / "haproxy.log"
        self._socket = home / "haproxy.sock"
        self._programs = programs
        self._environ = programs.environ | {
            # Web hosts may lie in networks of their own.
            "DATABASE_BIND": f"*:{self.port}",
            "FRONT_BIND": f"127.0.0.1:{self.front_port}",
            "HAPROXY_SOCKET": str(self._socket),
            **{f"NODE_{i}": node for i, node in enumerate(nodes, 1)},
        }
        self._names = ["haproxy.cfg"]
        self._child: subprocess.Popen[bytes] | None = None

    def lead_to(self, hosts: Sequence[str], **environment: str) -> None:
        """Before it is started: be the front of these, addresses with ports."""
        self._names = ["haproxy.cfg", "front.cfg"]
        self._environ |= {f"WEB_{i}": host for i, host in enumerate(hosts, 1)} | environment

    def start(self) -> None:
        """Return when it listens to orders."""
        files = [part for name in self._names for part in ("-f", str(CONFIGURATION / name))]
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                [str(self._programs.haproxy), "-db", *files],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        await_true("HAProxy runs", lambda: bool(self.states()), STOP_SECONDS)

    def stop(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            os.kill(child.pid, signal.SIGTERM)
            child.wait(STOP_SECONDS)

    def tell(self, order: str) -> str:
        """An order, given as CLUSTER.md has it, and what it says. Raises CalledProcessError."""
        command = ["perl", str(CONFIGURATION / "tell"), *order.split()]
        environ = os.environ | {"HAPROXY_SOCKET": str(self._socket)}
        return subprocess.run(
            command, env=environ, check=True, capture_output=True, text=True
        ).stdout

    def states(self) -> dict[str, str]:
        """By server ("node1", "web1"): "UP", "DOWN", "MAINT", …; none when it does not run."""
        try:
            told = self.tell("show stat").removeprefix("# ")
        except subprocess.CalledProcessError:
            return {}
        rows = csv.DictReader(io.StringIO(told))
        sides = ("FRONTEND", "BACKEND")
        return {row["svname"]: row["status"] for row in rows if row["svname"] not in sides}

    def is_up(self, server: str) -> bool:
        return self.states().get(server, "").startswith("UP")
