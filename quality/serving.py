"""What gunicorn serves with: a worker that answers probes while all its threads are busy."""

import functools
import selectors
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from gunicorn.glogging import Logger as UsualLogger
from gunicorn.workers.gthread import ThreadWorker

# Threads that serve nothing but the requests that begin so.
PROBE_THREADS = 2
PROBE_STARTS = (b"GET /health/", b"HEAD /health/", b"GET /metrics")
# The pages that watch the pool, and what they are made of.
WATCH_THREADS = 4
WATCH_STARTS = (
    *(b"GET /monitor/", b"GET /admin/monitor/", b"POST /admin/monitor/"),
    *(b"GET /static/", b"GET /i18n/texts.js"),
)
_LONGEST_START = max(map(len, PROBE_STARTS + WATCH_STARTS))


class Logger(UsualLogger):
    """As gunicorn's, which makes an access line for each request as soon as logging is configured.

    It went nowhere: the lines of routes tell more.
    """

    @property
    def access_log_enabled(self) -> bool:
        """Whether somebody asked for them, by --access-logfile."""
        return bool(self.cfg.accesslog)


class Worker(ThreadWorker):
    """As gunicorn's, with threads for probes alone, and others for those who watch the pool.

    When the database is frozen every ordinary thread may wait for it. An orchestrator that is not
    answered then would restart a worker that is well, and the requests in flight would be lost.
    And whoever looks why nothing answers is to see it.

    Leans on ThreadWorker's `enqueue_req`, `tpool`, `pending_conns` and `poller`, which are not
    documented: gunicorn is pinned, and `tests/quality/test_serving.py` holds what is used.
    """

    tpool: Any

    def init_process(self) -> None:
        self.probe_threads = ThreadPoolExecutor(PROBE_THREADS, "probe")
        self.watch_threads = ThreadPoolExecutor(WATCH_THREADS, "watch")
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:
        beginning = self._beginning(conn)
        if beginning is None and self.alive:
            self._await_beginning(conn)
            return
        usual = self.tpool
        if beginning is not None and beginning.startswith(PROBE_STARTS):
            self.tpool = self.probe_threads
        elif beginning is not None and beginning.startswith(WATCH_STARTS):
            self.tpool = self.watch_threads
        try:
            super().enqueue_req(conn)
        finally:
            self.tpool = usual

    def _beginning(self, conn: Any) -> bytes | None:
        """The first bytes of the request, left where they are; None when there are none yet."""
        try:
            beginning: bytes = conn.sock.recv(_LONGEST_START, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except OSError:  # closed already: for the ordinary way to find out
            return b""
        return beginning

    def _await_beginning(self, conn: Any) -> None:
        """Have the connection enqueued once it says something; until then it costs no thread."""
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + self.cfg.keepalive
        self.pending_conns.append(conn)
        readable = functools.partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, readable)
