"""gunicorn's workers, forked with and without a pool that was used before."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.pool.conftest import SCHEMA, eventually
from tests.pool.project import SETUP, databases, environment

APP = (
    SETUP
    + """
# At import: before the fork with --preload, after it without.
at_import = thread_id()
connection.close()

def app(environ, start_response):
    try:
        number = environ["PATH_INFO"].strip("/")
        answer = f"{os.getpid()} {value('SELECT CONNECTION_ID()')} {value('SELECT ' + number)}"
    finally:
        connection.close()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [answer.encode()]
"""
)

# Runs in gunicorn's first process: does its connection outlive a worker?
CONFIGURATION = """
def child_exit(server, worker):
    import sys
    if "tinyapp" in sys.modules:
        app = sys.modules["tinyapp"]
        with open("arbiter", "a") as file:
            print(app.thread_id() == app.at_import, file=file)
        app.connection.close()
"""


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=60)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


@pytest.mark.parametrize("preload", [["--preload"], []], ids=["preload", "no preload"])
def test_every_request_gets_its_own_row_and_every_worker_its_own_connections(
    preload, tmp_path, server
):
    aborted = server.aborted_clients()
    (tmp_path / "tinyapp.py").write_text(APP)
    (tmp_path / "conf.py").write_text(CONFIGURATION)
    # Relative: a socket's path must be short.
    command = [sys.executable, "-m", "gunicorn", "tinyapp:app", "--config=conf.py", *preload]
    command += ["--bind=unix:s", "--workers=2", "--worker-class=gthread", "--threads=4"]
    env = environment(databases(NAME=SCHEMA, pool={"max_size": 4}), path=str(tmp_path))
    with (tmp_path / "log").open("wb") as log:
        gunicorn = subprocess.Popen(command, cwd=tmp_path, env=env, stdout=log, stderr=log)
    here = os.open(".", os.O_RDONLY)
    os.chdir(tmp_path)
    try:
        seen: dict[int, int] = {}

        def ask(number: int) -> None:
            with contextlib.closing(UnixConnection("s")) as client:
                client.request("GET", f"/{number}")
                pid, connection_id, answer = map(int, client.getresponse().read().split())
            assert answer == number
            # A connection belongs to one process for its life.
            assert seen.setdefault(connection_id, pid) == pid

        def answers() -> bool:
            assert gunicorn.poll() is None, (tmp_path / "log").read_text()
            try:
                ask(0)
            except (ConnectionError, FileNotFoundError):
                return False
            return True

        def all_answer() -> None:
            with ThreadPoolExecutor(8) as executor:
                list(executor.map(ask, range(200)))

        eventually(answers)
        all_answer()
        worker = next(iter(seen.values()))
        os.kill(worker, signal.SIGTERM)
        if preload:
            eventually(lambda: (tmp_path / "arbiter").exists())
        all_answer()
        eventually(lambda: ask(1) or len(set(seen.values()) - {worker}) == 2)
    finally:
        os.fchdir(here)
        os.close(here)
        gunicorn.terminate()
        gunicorn.wait(60)
    if preload:
        said = (tmp_path / "arbiter").read_text().split()
        assert said
        assert set(said) == {"True"}
    assert "Traceback" not in (tmp_path / "log").read_text()
    # Every process said goodbye to the server for every connection.
    assert server.aborted_clients() == aborted
