"""How gunicorn serves the house that nothing watches: as it comes, and with no other thread."""

import gc
import os

from quality import sizing

wsgi_app = "quality.wsgi:application"
bind = f"127.0.0.1:{os.environ['PORT']}"
workers = sizing.WEB_WORKERS
worker_class = "gthread"
threads = sizing.WEB_THREADS
worker_tmp_dir = "/dev/shm"
keepalive = 5
control_socket_disable = True
# As the house has it: the server is told of it, once for each connection.
os.environ.setdefault("DB_READ_TIMEOUT", "8")
os.environ.setdefault("DB_STATEMENT_TIMEOUT", "6")


def post_worker_init(worker):
    # As the house has it.
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)
