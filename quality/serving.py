"""What gunicorn serves with: a worker that answers probes while all its threads are busy."""

import contextlib
import functools
import math
import os
import select
import selectors
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from gunicorn.glogging import Logger as UsualLogger
from gunicorn.workers.gthread import STOP_KEEPALIVE_LINGER, ThreadWorker

from quality import succession
from quality.hearing import LONGEST_BYTES, has_hung_up, hashes, hear, length_of
from quality.parting import Parting
from quality.polling import Poller
from quality.sockets import NOW, Socket

# gunicorn tells its master that it lives whenever anything happens; this often will do.
ALIVE_SECONDS = 1.0

# A worker that shall leave looks so often whether its successors serve.
LOOK_SECONDS = 0.1

# Threads that serve nothing but the requests that begin so.
PROBE_THREADS = 2
PROBE_STARTS = (b"GET /health/", b"HEAD /health/", b"GET /metrics")
# The pages that watch the pool, and what they are made of.
WATCH_THREADS = 4
WATCH_STARTS = (
    *(b"GET /monitor/", b"GET /admin/monitor/", b"POST /admin/monitor/"),
    *(b"GET /static/", b"GET /i18n/texts.js"),
)
# What hashes passwords has a thread that yields to all others. So many may wait for it; whoever
# came behind them would give up before.
MOST_HASHING = 16
HASHING_NICE = 5
TOO_MANY = b"""HTTP/1.1 503 Service Unavailable\r
Connection: close\r
Retry-After: 5\r
Cache-Control: no-store\r
Content-Type: text/plain; charset=utf-8\r
\r
%s
""" % (
    "Prea multe autentificări deodată. Încercați din nou peste câteva secunde.\n"
    "Too many people sign in at once. Try again in a few seconds."
).encode()
TOO_LONG = b"HTTP/1.1 413 Content Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"

# A request costs a thread once all of it has come; a long one is none of those above. It has
# threads of its own, as nobody can tell when it will be here: whoever is slow holds up those.
LONG_THREADS = 4
# Who sends more slowly is gone: stations give up after 10 s, too.
SEND_SECONDS = 10.0
# Many clients send the head and the body one right behind the other. To wait so long for the
# second costs less than to be told of it.
MOMENT_SECONDS = 0.0002

# Who has waited so long for a thread may have given up meanwhile, and will send it again: it is
# looked whether somebody still listens. A site with too much to do would answer those alone.
PATIENT_SECONDS = 1.0


class Logger(UsualLogger):
    """As gunicorn's, which makes an access line for each request as soon as logging is configured.

    It went nowhere: the lines of routes tell more.
    """

    def _compute_access_log_enabled(self) -> bool:
        # Only whoever asks for them, by --access-logfile, gets them.
        return bool(self.cfg.accesslog)


class Worker(ThreadWorker):
    """As gunicorn's, with threads for probes alone, for those who watch, for sign-ins and uploads.

    When the database is frozen every ordinary thread may wait for it. An orchestrator that is not
    answered then would restart a worker that is well, and the requests in flight would be lost.
    And whoever looks why nothing answers is to see it. Many that sign in at once hold up each other
    and no scan.

    A request is handed to a thread when all of it is here: whoever sends the half of one, or a
    byte a second, holds up nobody.

    At a reload (SIGHUP) gunicorn ends the old workers as soon as it has forked the new ones, which
    then load for seconds while nobody serves. Here the old ones go on until all new ones do.

    When a worker cannot start, gunicorn ends itself and all others. That is right where nobody
    serves, as at a first start. Here the others go on, and the next one waits before it tries. So
    it does after one that was killed while it loaded: gunicorn would fork one after the other.

    Leans on ThreadWorker's `handle_exit`, `set_accept_enabled`, `sockets`, `enqueue_req`, `handle`,
    `finish_request`, `tpool`, `method_queue`, `nr_conns`, `pending_conns`, `keepalived_conns`,
    `poller`, `on_client_socket_readable`, `wait_for_and_dispatch_events`, `murder_keepalived`,
    `murder_pending`, on the connection's `init()`, `sock`, `timeout` and its parser's `unreader`,
    which are not documented: gunicorn is pinned, and the tests of this room hold what is used.
    """

    tpool: Any
    poller: Any
    sockets: list[Any]

    def init_process(self) -> None:
        self.probe_threads = ThreadPoolExecutor(PROBE_THREADS, "probe")
        self.watch_threads = ThreadPoolExecutor(WATCH_THREADS, "watch")
        self.long_threads = ThreadPoolExecutor(LONG_THREADS, "long")
        self.hashing_thread = ThreadPoolExecutor(1, "hashing", _yield_to_others)
        self.hashing = 0
        self.is_to_leave = False
        self.told_at = -math.inf
        try:
            super().init_process()
        except Exception as error:
            if self.booted or not (succession.serving() or succession.is_leaving()):
                raise
            # By any other code gunicorn would end.
            self.cannot_start(f"{type(error).__name__}: {error}", error)
            succession.gives_up(self.age)
            sys.exit(0)

    def cannot_start(self, why: str, error: Exception | None = None) -> None:
        """Say so, once for each reason; the next one is to wait before it tries."""
        if succession.could_not_start(why, time.monotonic()):
            self.log.error(
                "A worker cannot start, and its place stays empty: %s. Those that serve go on, and "
                "it is tried again, in the end each %.0f s, without a word until it is something "
                "else. Mend it, or restart gunicorn.",
                why,
                succession.MOST_PAUSE_SECONDS,
                exc_info=error,
            )

    def load_wsgi(self) -> None:
        # Here: before it has loaded anything a worker that waits costs no memory, and it hears its
        # signals by now.
        while succession.pause_seconds(time.monotonic()):
            if self.is_to_leave or not self.alive or os.getppid() != self.ppid:
                succession.leaves(self.age)
                sys.exit(0)
            self.notify()
            time.sleep(LOOK_SECONDS)
        super().load_wsgi()

    def run(self) -> None:
        self.poller.close()
        self.poller = Poller()
        self.parting = Parting(self.poller, self._has_parted)
        super().run()

    def notify(self) -> None:
        now = time.monotonic()
        if now - self.told_at >= ALIVE_SECONDS:
            self.told_at = now
            super().notify()

    def handle_exit(self, sig: int, frame: Any) -> None:
        if self._may_leave():
            super().handle_exit(sig, frame)
        elif not self.is_to_leave:
            # At a reload the master says so each second; by hand it is said once.
            self.is_to_leave = True
            threading.Thread(target=self._leave_in_time, args=[sig], daemon=True).start()

    def set_accept_enabled(self, enabled: bool) -> None:
        super().set_accept_enabled(enabled)
        if enabled or self.alive:
            return
        # Whoever is connected already, though nobody has accepted it, is answered too. From then on
        # the port refuses, which a front notices at once: else connections would be made, wait for
        # the last request in flight, and be reset.
        if succession.is_leaving():
            while self.sockets and select.select(self.sockets, [], [], 0)[0]:
                for listener in self.sockets:
                    self.accept(listener)
        for listener in self.sockets:
            listener.close()
        self.sockets = []

    def _may_leave(self) -> bool:
        return succession.is_leaving() or not succession.is_awaited()

    def _leave_in_time(self, sig: int) -> None:
        while not self._may_leave():
            time.sleep(LOOK_SECONDS)
        super().handle_exit(sig, None)

    def enqueue_req(self, conn: Any) -> None:
        if not conn.initialized and not self.cfg.is_ssl:
            conn.sock = Socket(conn.sock)
        conn.init()
        request, has_ended = hear(conn)
        length = length_of(request)
        # Once for each request: who sends byte by byte is to hold up nobody.
        is_new = not hasattr(conn, "sent_by")
        if is_new and length is not None and len(request) < length < LONGEST_BYTES:
            time.sleep(MOMENT_SECONDS)
            request, has_ended = hear(conn)
        is_whole = length is not None and length <= len(request)
        is_long = max(length or 0, len(request)) >= LONGEST_BYTES
        if not (is_whole or is_long or has_ended) and self.alive:
            self._await_more(conn)
            return
        if not is_new:
            del conn.sent_by
        conn.came_at = time.monotonic()
        threads = self.tpool
        # The parser passes over an empty line in front.
        request = request.removeprefix(b"\r\n")
        if request.startswith(b"POST ") and hashes(request):
            if is_long or self.hashing >= MOST_HASHING:
                self._refuse(conn, TOO_LONG if is_long else TOO_MANY)
                return
            self.hashing += 1
            conn.is_hashing = True
            threads = self.hashing_thread
        elif is_long:
            threads = self.long_threads
        elif is_whole and request.startswith(PROBE_STARTS):
            threads = self.probe_threads
        elif is_whole and request.startswith(WATCH_STARTS):
            threads = self.watch_threads
        threads.submit(self._serve, conn)

    def _serve(self, conn: Any) -> None:
        """In a thread: answer a request, and have the next one awaited."""
        done: Future[Any] = Future()
        try:
            goes_on = self.handle(conn)
            if goes_on is True and self._is_awaited_again(conn):
                return
            done.set_result(goes_on)
        except BaseException as error:  # noqa: BLE001 - as a pool of threads does
            done.set_exception(error)
        self.method_queue.defer(self.finish_request, conn, done)

    def _is_awaited_again(self, conn: Any) -> bool:
        """Register a connection for its next request, as gunicorn's main thread would.

        To wake that one for it takes twice as long. What is not as usual is left to it: then False.
        """
        is_usual = isinstance(conn.sock, Socket) and not getattr(conn, "is_hashing", False)
        if not is_usual or not self.alive or conn.parser.unreader.buf.getvalue():
            return False
        conn.sock.setblocking(False)
        conn.set_timeout()
        # In this order: once it is registered, the main thread may look for it there.
        self.keepalived_conns.append(conn)
        if not self.alive:
            self._cap_keepalive(time.monotonic() + STOP_KEEPALIVE_LINGER)
        readable = functools.partial(self.on_client_socket_readable, conn)
        # After a long sleep of the whole machine, its time may be over, and it is closed by now.
        with contextlib.suppress(OSError, ValueError):
            self.poller.register(conn.sock, selectors.EVENT_READ, readable)
        return True

    def _cap_keepalive(self, deadline: float) -> None:
        # Of a copy, which is made at once: a thread may add to them meanwhile.
        for conn in tuple(self.keepalived_conns):
            conn.timeout = min(conn.timeout, deadline)

    def murder_keepalived(self, force: bool = False) -> None:
        now = time.monotonic()
        waiting = (self.keepalived_conns, self.pending_conns)
        if not force and any(conns and conns[0].timeout <= now for conns in waiting):
            # Who spoke while this process was stopped, or had too much to do, is heard first.
            self.wait_for_and_dispatch_events(0)
        super().murder_keepalived(force)

    def handle(self, conn: Any) -> Any:
        if time.monotonic() - conn.came_at > PATIENT_SECONDS and has_hung_up(conn):
            return False
        if not isinstance(conn.sock, Socket):
            return super().handle(conn)
        conn.sock.hold()
        goes_on = super().handle(conn)
        try:
            conn.sock.let_go()
        except OSError:  # has hung up
            return False
        return goes_on

    def finish_request(self, conn: Any, fs: "Future[Any]") -> None:
        if getattr(conn, "is_hashing", False):
            conn.is_hashing = False
            self.hashing -= 1
        if isinstance(conn.sock, Socket) and not fs.exception() and not fs.result():
            self.parting.begin(conn)
        else:
            super().finish_request(conn, fs)

    def _refuse(self, conn: Any, answer: bytes) -> None:
        with contextlib.suppress(OSError):  # has hung up
            conn.sock.send(answer, NOW)
        if isinstance(conn.sock, Socket):
            self.parting.begin(conn)
        else:
            self.nr_conns -= 1
            conn.close()

    def murder_pending(self) -> None:
        super().murder_pending()
        self.parting.close_expired()

    def _has_parted(self) -> None:
        self.nr_conns -= 1

    def _await_more(self, conn: Any) -> None:
        """Have the connection enqueued once it says more; until then it costs no thread."""
        if not hasattr(conn, "sent_by"):
            conn.sent_by = time.monotonic() + SEND_SECONDS
        conn.timeout = conn.sent_by
        conn.sock.setblocking(False)
        self.pending_conns.append(conn)
        readable = functools.partial(self.on_pending_socket_readable, conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, readable)


def _yield_to_others() -> None:
    """On Linux each thread has a niceness of its own."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), HASHING_NICE)
