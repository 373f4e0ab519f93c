"""How gunicorn serves the house."""

import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from quality import logs, sizing  # noqa: E402

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

timeout = 30
graceful_timeout = 30
keepalive = 5

# Its own messages go where the application's go.
logconfig_dict = logs.configuration()

# Whether a request came by TLS is for Django to say (BEHIND_TLS_PROXY), not for gunicorn, which
# would believe every program on this machine.
secure_scheme_headers = {}


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


def _stop(number, frame):
    sys.exit(128 + number)


def when_ready(server):
    """Ctrl-C lets requests in flight finish, as SIGTERM does."""
    signal.signal(signal.SIGINT, signal.getsignal(signal.SIGTERM))


def post_worker_init(worker):
    # A terminal's Ctrl-C reaches the workers too: it is the master that ends them.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def worker_exit(server, worker):
    """Leave the server politely: no aborted connections in its statistics."""
    from django.db import connections

    for connection in connections.all(initialized_only=True):
        connection.close_pool()
