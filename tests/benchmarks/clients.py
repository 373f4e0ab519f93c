"""Many clients in one process: each sends its next request as soon as its last one is answered.

`python -m tests.benchmarks.clients`: each line of JSON that comes in is a turn, the line that goes
out is what came of it. Raw sockets and texts made by hand, as whatever the clients use of the
processors is taken from what they measure.
"""

import contextlib
import gc
import itertools
import json
import select
import socket
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Self

from tests.benchmarks.processes import processor_seconds
from tests.faults import ROOT

SCAN, POLL = "scan POST", "station's poll"
PIECES = 240
STATIONS = 4
WAIT_SECONDS = 60.0
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"\r\ncontent-length:"
_CLOSING = b"\r\nconnection: close"


class Clients:
    """The process with all of them, and what it answers."""

    def __init__(self) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.clients"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        with self._child:
            assert self._child.stdin is not None
            self._child.stdin.close()

    @property
    def pid(self) -> int:
        return self._child.pid

    def take(self, kind: str, **turn: Any) -> dict[str, Any]:
        """A turn of `clients` at `port` for `seconds`, at most `requests`: what came of it.

        "used" says what the processes in `pids` used of the processors while the clock ran.
        """
        assert self._child.stdin is not None
        assert self._child.stdout is not None
        self._child.stdin.write(json.dumps({"kind": kind, **turn}) + "\n")
        self._child.stdin.flush()
        said = self._child.stdout.readline()
        if not said:
            raise RuntimeError(f"The clients ended, with exit code {self._child.wait()}.")
        answer: dict[str, Any] = json.loads(said)
        return answer


# ----- In the other process


class Client:
    """One connection, which is kept for as long as the server keeps it."""

    __slots__ = ("_port", "_socket", "heard", "sent_at")

    def __init__(self, port: int) -> None:
        self._port = port
        self.heard = b""
        self.sent_at = 0.0
        self._connect()

    def _connect(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._port), WAIT_SECONDS)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, request: bytes) -> None:
        self.heard = b""
        self.sent_at = time.perf_counter()
        self._socket.sendall(request)

    def hear(self) -> int | None:
        """The status once all of the answer is here, 0 when the server hung up before."""
        try:
            heard = self._socket.recv(65536)
        except OSError:
            heard = b""
        self.heard += heard
        end = self.heard.find(_HEAD_END)
        if end >= 0:
            head = self.heard[:end].lower()
            start = head.find(_LENGTH)
            length = int(head[start + len(_LENGTH) :].split(b"\r\n", 1)[0]) if start >= 0 else None
            is_whole = length is not None and len(self.heard) >= end + len(_HEAD_END) + length
            if is_whole or not heard:
                return int(head[9:12])
        return None if heard else 0

    @property
    def must_connect_anew(self) -> bool:
        end = self.heard.find(_HEAD_END)
        return end < 0 or _CLOSING in self.heard[:end].lower()

    def connect_anew(self) -> None:
        self.close()
        self._connect()

    def close(self) -> None:
        self._socket.close()


_scans = itertools.count()


def requests_of(kind: str, known: dict[str, str]) -> Callable[[], bytes]:
    """What makes the requests of a turn, one after the other, with the headers that are known."""
    headers = "".join(f"{name}: {value}\r\n" for name, value in known.items())
    headers += "Host: 127.0.0.1\r\n"
    if kind == POLL:
        polls = itertools.cycle(
            f"GET /scans/recent/?station=FG-{place + 1:02d}&cp_base={_base(place)} HTTP/1.1\r\n"
            f"{headers}\r\n".encode()
            for place in range(STATIONS)
        )
        return lambda: next(polls)
    head = f"POST /scans/ HTTP/1.1\r\n{headers}Content-Type: application/json\r\nContent-Length: "

    def scan() -> bytes:
        number, place = divmod(next(_scans), STATIONS)
        order, piece = divmod(number, PIECES)
        body = (
            f'{{"id": "{uuid.uuid4()}", "operator": "OP0001", "station": "FG-{place + 1:02d}", '
            f'"cp": "{_base(place, order)}-{piece + 1:04d}", "oc1": "OC01", "oc2": "OC11", '
            f'"defect": "000", "scanned_at": "{datetime.now(UTC).isoformat()}"}}'
        )
        return f"{head}{len(body)}\r\n\r\n{body}".encode()

    return scan


def _base(place: int, order: int = 0) -> str:
    """Each station works off orders of its own."""
    return f"CP{10_000_000 + order * STATIONS + place}"


def take(turn: dict[str, Any]) -> dict[str, Any]:
    """All clients connect and are answered once; then the clock starts."""
    following = requests_of(turn["kind"], turn["headers"])
    statuses: Counter[int] = Counter()
    taken: list[int] = []
    with contextlib.ExitStack() as closing:
        poller = closing.enter_context(contextlib.closing(select.epoll()))
        clients: dict[int, Client] = {}
        for _ in range(turn["clients"]):
            client = Client(turn["port"])
            closing.callback(client.close)
            clients[client.fileno()] = client
            poller.register(client, select.EPOLLIN)
        greeting = requests_of(POLL, turn["headers"])
        for client in clients.values():
            client.send(greeting())
        greeted = Counter(status for _, status in _answers(poller, clients, len(clients)))
        gc.collect()
        gc.disable()
        used = {name: processor_seconds(pids) for name, pids in turn["pids"].items()}
        began = time.perf_counter()
        ends_at = began + turn["seconds"]
        limit = turn.get("requests") or 10**9
        sent = 0
        for client in clients.values():
            client.send(following())
            sent += 1
        waiting = len(clients)
        now = began
        while waiting:
            for client, status in _answers(poller, clients, 1):
                now = time.perf_counter()
                statuses[status] += 1
                taken.append(round((now - client.sent_at) * 1e6))
                if now < ends_at and sent < limit:
                    client.send(following())
                    sent += 1
                else:
                    waiting -= 1
        gc.enable()
        return {
            "seconds": now - began,
            "used": {name: processor_seconds(turn["pids"][name]) - used[name] for name in used},
            "greeted": greeted,
            "statuses": statuses,
            "microseconds": taken,
        }


def _answers(
    poller: select.epoll, clients: dict[int, Client], least: int
) -> Iterator[tuple[Client, int]]:
    """Who is answered, and with which status, until so many are."""
    count = 0
    while count < least:
        ready = poller.poll(WAIT_SECONDS)
        if not ready:
            raise TimeoutError(f"No answer in {WAIT_SECONDS:g} s.")
        for number, _ in ready:
            client = clients[number]
            status = client.hear()
            if status is None:
                continue
            if client.must_connect_anew:
                # Its descriptor leaves the poller by being closed.
                del clients[number]
                client.connect_anew()
                clients[client.fileno()] = client
                poller.register(client, select.EPOLLIN)
            count += 1
            yield client, status


def main() -> None:
    for line in sys.stdin:
        print(json.dumps(take(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
