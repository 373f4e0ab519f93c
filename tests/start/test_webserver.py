from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from quality.start.console import ROOT, Progress, StartError
from quality.start.webserver import WebServer

# Answers 503 once, then 200, and notes a polite end; a real process on a real port.
SERVER = """
import http.server, pathlib, signal, sys
answers = iter([503])
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(next(answers, 200))
        self.end_headers()
        self.wfile.write(b"starting")
    def log_message(self, *args): pass
def polite(number, frame):
    pathlib.Path(sys.argv[2]).write_text("ended")
    sys.exit(0)
signal.signal(signal.SIGTERM, polite)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
def note(tmp_path: Path) -> Path:
    return tmp_path / "note"


@pytest.fixture
def web(free_port: int, note: Path) -> Iterator[WebServer]:
    command = [sys.executable, "-c", SERVER, str(free_port), str(note)]
    server = WebServer(command, env=os.environ)
    yield server
    server.stop()


def test_it_is_ready_when_the_path_answers_200(web: WebServer, free_port: int, note: Path) -> None:
    web.start()
    web.await_ready("127.0.0.1", free_port, "/health/ready", line=Progress("Starting"))
    assert web.ready
    web.stop()
    assert note.read_text() == "ended"
    assert not Path(f"/proc/{web.pid}").exists()


def test_a_server_that_is_never_ready_is_told_with_its_last_answer(
    web: WebServer, free_port: int
) -> None:
    web.start()
    with pytest.raises(StartError, match="not ready in 0 s"):
        web.await_ready("127.0.0.1", free_port, "/", line=Progress("Starting"), seconds=0)
    assert not web.ready


def test_a_server_that_ends_while_it_starts_is_not_waited_for(free_port: int) -> None:
    web = WebServer([sys.executable, "-c", "raise SystemExit(3)"], env=os.environ)
    web.start()
    with pytest.raises(StartError, match="exit code 3"):
        web.await_ready("127.0.0.1", free_port, "/", line=Progress("Starting"))


def test_an_end_by_itself_is_noticed(web: WebServer, free_port: int) -> None:
    web.start()
    web.await_ready("127.0.0.1", free_port, "/", line=Progress("Starting"))
    assert web.pid is not None
    os.kill(web.pid, signal.SIGKILL)
    assert web.wait() == -signal.SIGKILL


def test_it_ends_with_a_parent_that_is_killed(free_port: int, note: Path) -> None:
    code = f"""
import os, sys
from quality.start.console import Progress
from quality.start.webserver import WebServer
command = [sys.executable, "-c", {SERVER!r}, sys.argv[1], sys.argv[2]]
web = WebServer(command, env=os.environ)
web.start()
web.await_ready("127.0.0.1", int(sys.argv[1]), "/", line=Progress("Starting"))
os.kill(os.getpid(), 9)
"""
    command = [sys.executable, "-c", code, str(free_port), str(note)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    assert done.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 60
    while not (note.exists() and note.read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert note.read_text() == "ended"


def test_ctrl_c_in_the_terminal_does_not_reach_it(web: WebServer) -> None:
    web.start()
    assert web.pid is not None
    assert os.getpgid(web.pid) != os.getpgid(0)
