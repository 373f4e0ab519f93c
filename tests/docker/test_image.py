"""The image holds what serves the house: no root, no secret, no compiler."""

import json
import os
import re
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from tests.docker.compose import DOCKER
from tests.faults import free_port
from tests.test_architecture import ARROWS
from tests.test_docs import variables

ROOT = DOCKER.parent
# Comments, and lines that go on.
DOCKERFILE = re.sub(
    r"\\\n", "", re.sub(r"^ *#.*\n", "", (DOCKER / "Dockerfile").read_text(), flags=re.MULTILINE)
)
STAGES = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)[1:]
FINAL = STAGES[-1]


def instructions(stage: str, name: str) -> list[str]:
    return re.findall(rf"^{name} (.*)$", stage, re.MULTILINE)


def environment() -> dict[str, str]:
    texts = [text for stage in (STAGES[0], FINAL) for text in instructions(stage, "ENV")]
    return dict(pair.split("=", 1) for text in texts for pair in text.split())


def test_it_runs_as_nobody_in_particular():
    assert instructions(FINAL, "USER") == ["1000:1000"]
    assert "useradd --uid 1000" in FINAL
    # What is copied after all belongs to root.
    assert "--chown" not in FINAL


def test_a_signal_reaches_gunicorn_and_no_shell():
    (command,) = instructions(FINAL, "CMD")
    assert json.loads(command) == ["gunicorn", "-c", "docker/gunicorn.conf.py"]
    assert instructions(FINAL, "STOPSIGNAL") == ["SIGTERM"]


def test_no_layer_knows_a_secret():
    assert not re.search(r"KEY|PASSWORD|TOKEN|DATABASE_URL", str(environment()))
    assert not re.search(r"^ARG \w*(KEY|PASSWORD|TOKEN|URL)", DOCKERFILE, re.MULTILINE)


def test_what_it_presets_is_read_by_the_settings():
    ours = {name for name in environment() if name != "PATH" and not name.startswith("PYTHON")}
    assert ours
    assert ours - variables() == set()


def test_compilers_stay_behind():
    assert "gcc" in STAGES[1]
    assert not re.search(r"\bgcc\b|-dev\b|build-essential", FINAL)
    assert "libmariadb3" in FINAL
    # What backups are made with and brought back by.
    assert "/usr/bin/mariadb-dump" in FINAL
    assert "mariadb-client-core" in FINAL
    assert "--require-hashes" in STAGES[1]


def test_it_is_built_on_the_python_that_the_requirements_are_pinned_for():
    (base,) = re.findall(r"^ARG BASE=python:(3\.\d+)\.\d+-slim-bookworm$", DOCKERFILE, re.MULTILINE)
    assert f'requires-python = ">={base}"' in (ROOT / "pyproject.toml").read_text()


def test_every_room_is_let_in_and_nothing_else():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    let_in = {rule[1:] for rule in rules if rule.startswith("!")}
    rooms = {room.split(".")[0] for room in ARROWS} | {"templates"}
    files = {
        "manage.py",
        # The page of it.
        "RUNBOOK.md",
        "requirements/base.txt",
        "docker/gunicorn.conf.py",
        "docker/healthcheck.py",
    }
    assert let_in == rooms | files
    assert all((ROOT / name).exists() for name in let_in)


# ----- The health check


def check(port: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "docker/healthcheck.py"],
        cwd=ROOT,
        # A proxy that nobody may be sent to.
        env={"PATH": os.environ["PATH"], "PORT": str(port), "http_proxy": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.fixture
def answering():
    """`answering(status)` is the port of a server that answers /health/live with that status."""
    started = []

    def start(status: int) -> int:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status if self.path == "/health/live" else 404)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        server = HTTPServer(("127.0.0.1", free_port()), Handler)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        started.append((server, thread))
        return server.server_port

    yield start
    for server, thread in started:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_site_that_answers_is_healthy(answering):
    result = check(answering(200))
    assert result.returncode == 0, result.stderr


def test_a_site_that_answers_otherwise_is_not(answering):
    result = check(answering(503))
    assert result.returncode == 1
    assert "/health/live answers 503" in result.stderr


def test_a_site_that_is_not_there_is_not_healthy():
    result = check(free_port())
    assert result.returncode == 1
    assert "cannot be reached" in result.stderr
