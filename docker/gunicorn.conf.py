"""How gunicorn serves the house."""

import gc
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from quality import logs, rehearsal, sizing, succession  # noqa: E402
from quality.environment import whole_number  # noqa: E402
from quality.monitor import places  # noqa: E402

chdir = str(ROOT)
wsgi_app = "quality.wsgi:application"
_host = os.environ.get("BIND") or "127.0.0.1"
_host = f"[{_host}]" if ":" in _host else _host
bind = f"{_host}:{os.environ.get('PORT') or '8000'}"

worker_class = "quality.serving.Worker"
workers = sizing.WEB_WORKERS
threads = sizing.WEB_THREADS
worker_tmp_dir = "/dev/shm" if Path("/dev/shm").is_dir() else None  # noqa: S108
# A frozen database must not hold the threads for ever. Stations give up after 10 s.
os.environ.setdefault("DB_READ_TIMEOUT", "8")
os.environ.setdefault("DB_STATEMENT_TIMEOUT", "6")
# The socket would lie in the home directory, where a second instance takes it over.
control_socket_disable = True

# What no browser of ours needs is refused before anybody thinks about it.
limit_request_line = 4094
limit_request_fields = 64
limit_request_field_size = 8190

timeout = 30
graceful_timeout = 30
keepalive = 5

# So many seconds before it stops serving it says that it will: whoever sends requests needs time
# to hear that this host is not ready, and until then they are to be answered.
_usual_delay = 0 if os.environ.get("DEVELOPMENT") == "1" else 5
_shutdown_delay_seconds = whole_number("SHUTDOWN_DELAY", _usual_delay, least=0)
# Its own messages go where the application's go.
logconfig_dict = logs.configuration()
logger_class = "quality.serving.Logger"

# Whether a request came by TLS is for Django to say (BEHIND_TLS_PROXY), not for gunicorn, which
# would believe every program on this machine.
secure_scheme_headers = {}
# Nor may a header say below which path the site lies.
forwarder_headers = ""


def on_starting(server):
    """Wait for the database and check the schema, once for all workers.

    In a process of its own: what the master opened its workers would inherit.
    """
    # gunicorn listens to signals only later: until then, nobody else would end this start.
    previous = {number: signal.signal(number, _stop) for number in (signal.SIGTERM, signal.SIGINT)}
    waiting = subprocess.Popen([sys.executable, str(ROOT / "manage.py"), "awaitdatabase"])
    try:
        code = waiting.wait()
    finally:
        waiting.terminate()
        waiting.wait()
    for number, handler in previous.items():
        signal.signal(number, handler)
    if code:
        sys.exit(1)
    _share_counters(server)


def _share_counters(server):
    """Have all workers count, from zero, where each can tell /metrics of all."""
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
    try:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = places.fresh_folder()
    except OSError as error:
        # To serve is more important than to be counted.
        server.log.warning("Each worker's /metrics counts for itself alone: %s. Set TMPDIR.", error)


def on_exit(server):
    shutil.rmtree(os.environ.get("PROMETHEUS_MULTIPROC_DIR", ""), ignore_errors=True)


def _stop(number, frame):
    sys.exit(128 + number)


def when_ready(server):
    """At SIGTERM readiness falls first. Ctrl-C lets requests in flight finish, too.

    At SIGHUP the old workers go only when new ones would come.
    """
    stop, renew = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGHUP)
    master = os.getpid()
    rehearsal.note_what_is_loaded()

    def leave(number, frame):
        # A worker that was forked just now has this handler too, until it sets its own.
        is_first = os.getpid() == master and not succession.is_leaving()
        if is_first:
            succession.leave()
        if is_first and _shutdown_delay_seconds:
            # Once more, when the time is over; who cannot wait sends a second signal himself.
            again = (master, signal.SIGTERM)
            timer = threading.Timer(_shutdown_delay_seconds, os.kill, again)
            timer.daemon = True
            timer.start()
        else:
            stop(signal.SIGTERM, frame)

    def renew_unless_leaving():
        # Old workers that leave wait for nobody: the new ones would still load, and nobody serve.
        if not succession.is_leaving():
            renew(signal.SIGHUP, None)

    def reload(number, frame):
        if os.getpid() == master:
            rehearsal.before(renew_unless_leaving, sys.argv[1:], server.log)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    signal.signal(signal.SIGHUP, reload)


def pre_fork(server, worker):
    succession.comes(worker.age)


def on_reload(server):
    # Somebody has mended something.
    succession.try_at_once()


def child_exit(server, worker):
    # None is to come any more when gunicorn ends: then its ports are closed.
    if succession.has_come_to_nothing(worker.age) and server.LISTENERS:
        if not succession.has_given_up(worker.age):
            worker.cannot_start("it was killed, or ended itself, while it loaded")
        # Before it is not awaited any more: old workers of a reload would make room for nobody.
        server.spawn_worker()
    succession.has_gone(worker.age)


def post_worker_init(worker):
    # A terminal's Ctrl-C reaches the workers too: it is the master that ends them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    from quality import chores
    from quality.monitor import health, sampling, webworkers

    health.leave_when(succession.is_leaving)
    webworkers.tell(expected=worker.cfg.workers, count_serving=succession.serving)
    sampling.start()
    chores.start()
    # What is there by now stays, and most of what comes goes without a search: to look for garbage
    # as often as Python does would be a hundredth of what a scan costs.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)
    if succession.serves(worker.age):
        worker.log.info("Workers start again.")


def worker_exit(server, worker):
    """Leave the server politely: no aborted connections in its statistics."""
    if not worker.booted:
        # It has none, and may have failed at what is imported here.
        return
    from django.db import connections

    from quality import chores
    from quality.monitor import sampling

    chores.stop()
    sampling.stop()
    for connection in connections.all(initialized_only=True):
        connection.close_pool()
