"""What gunicorn serves with: a worker that answers probes while all its threads are busy."""

import functools
import re
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

# A request costs a thread once all of it has come; what is longer is none of those above.
LONGEST_BYTES = 16 * 1024
# Who sends more slowly is gone: stations give up after 10 s, too.
SEND_SECONDS = 10.0
# Many clients send the head and the body one right behind the other. To wait so long for the
# second costs less than to be told of it.
MOMENT_SECONDS = 0.0002

_HEAD_END = b"\r\n\r\n"
# How much follows; or that only the end tells, or that it is sent when we ask for it.
_FOLLOWS = re.compile(
    rb"\r\n(?:content-length:[ \t]*(\d{1,10})|transfer-encoding:|expect:)", re.IGNORECASE
)


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

    A request is handed to a thread when all of it is here: whoever sends the half of one, or a
    byte a second, holds up nobody.

    Leans on ThreadWorker's `enqueue_req`, `tpool`, `pending_conns`, `poller`, and on the
    connection's `init()` and its parser's `unreader`, which are not documented: gunicorn is pinned,
    and `tests/quality/test_serving.py` holds what is used.
    """

    tpool: Any

    def init_process(self) -> None:
        self.probe_threads = ThreadPoolExecutor(PROBE_THREADS, "probe")
        self.watch_threads = ThreadPoolExecutor(WATCH_THREADS, "watch")
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:
        conn.init()
        request, has_hung_up = _hear(conn)
        length = length_of(request)
        # Once for each request: who sends byte by byte is to hold up nobody.
        is_new = not hasattr(conn, "sent_by")
        if is_new and length is not None and len(request) < length < LONGEST_BYTES:
            time.sleep(MOMENT_SECONDS)
            request, has_hung_up = _hear(conn)
        is_whole = length is not None and length <= len(request)
        is_long = max(length or 0, len(request)) >= LONGEST_BYTES
        if not (is_whole or is_long or has_hung_up) and self.alive:
            self._await_more(conn)
            return
        if not is_new:
            del conn.sent_by
        usual = self.tpool
        if is_whole and request.startswith(PROBE_STARTS):
            self.tpool = self.probe_threads
        elif is_whole and request.startswith(WATCH_STARTS):
            self.tpool = self.watch_threads
        try:
            super().enqueue_req(conn)
        finally:
            self.tpool = usual

    def _await_more(self, conn: Any) -> None:
        """Have the connection enqueued once it says more; until then it costs no thread."""
        if not hasattr(conn, "sent_by"):
            conn.sent_by = time.monotonic() + SEND_SECONDS
        conn.timeout = conn.sent_by
        conn.sock.setblocking(False)
        self.pending_conns.append(conn)
        readable = functools.partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, readable)


def _hear(conn: Any) -> tuple[bytes, bool]:
    """Read what has come, and put it where the parser will find it; whether there is an end."""
    unreader = conn.parser.unreader
    try:
        heard: bytes = conn.sock.recv(LONGEST_BYTES, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return unreader.buf.getvalue(), False
    except OSError:  # for the ordinary way to find out
        heard = b""
    read: bytes = unreader.take_buffered()
    if read or heard:
        unreader.unread(read + heard)
    return read + heard, not heard


def length_of(request: bytes) -> int | None:
    """The bytes of a request that begins so; None while that is not to be seen."""
    end = request.find(_HEAD_END)
    if end < 0:
        return None
    length = end + len(_HEAD_END)
    for found in _FOLLOWS.finditer(request, 0, end):
        length += LONGEST_BYTES if found[1] is None else int(found[1])
    return length
