"""Each process counts in files of its own, and its successor counts on in them."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from django.test import RequestFactory

from quality.monitor import latencies, places
from quality.monitor.tally import Tally
from quality.monitor.work import Work

ROOT = Path(__file__).resolve().parents[2]
COUNT = """
import sys
from prometheus_client import Counter, values
from prometheus_client.values import MultiProcessValue
from quality.monitor.places import Place
place = Place(sys.argv[1])
values.ValueClass = MultiProcessValue(place.number)
Counter("pieces", "").inc()
print(place.number(), flush=True)
sys.stdin.read()
"""
TELL = """
import sys
from prometheus_client import CollectorRegistry
from prometheus_client.multiprocess import MultiProcessCollector
for family in MultiProcessCollector(CollectorRegistry(), sys.argv[1]).collect():
    print(family.samples[0].value)
"""
GONE = """
import shutil, sys
import django
django.setup()
from django.test import Client
from quality.monitor import metrics
metrics.count_responses("scans:record", 201, 1)
shutil.rmtree(metrics.FOLDER)
# A page that nobody has asked for yet.
assert Client().get("/accounts/login/", HTTP_HOST="localhost").status_code == 200
assert metrics.counters()["scans_stored"] == 1
assert Client().get("/metrics").status_code == 200
"""
# Every page is asked by every method, as anybody may.
EVERYTHING = """
import sys
import django
django.setup()
from django.urls import get_resolver
from quality.monitor import latencies

def views(resolver, prefix=""):
    for one in resolver.url_patterns:
        if hasattr(one, "url_patterns"):
            namespace = f"{one.namespace}:" if one.namespace else ""
            yield from views(one, prefix + namespace)
        else:
            yield prefix + (one.name or "<unnamed view>")

for status in (200, 302, 403, 404, 405, 503):
    for view in views(get_resolver()):
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "FOO", "BAR"):
            latencies.observe(view, method, [0.01])
            latencies.count(view, method, status, 1)
"""


@contextlib.contextmanager
def process(folder: Path):
    """A process that has counted one piece, and lives on."""
    child = subprocess.Popen(
        [sys.executable, "-c", COUNT, str(folder)],
        cwd=ROOT,
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        child.number = int(child.stdout.readline())
        yield child
    finally:
        child.kill()
        child.stdin.close()
        child.stdout.close()
        child.wait()


def total(folder: Path) -> float:
    done = subprocess.run(
        [sys.executable, "-c", TELL, str(folder)],
        cwd=ROOT,
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=True,
    )
    return float(done.stdout)


def test_a_killed_process_leaves_its_count_and_its_place_to_the_next(tmp_path):
    with process(tmp_path) as one, process(tmp_path) as other:
        assert {one.number, other.number} == {0, 1}
        one.send_signal(signal.SIGKILL)
        one.wait()
        with process(tmp_path) as next_one:
            assert next_one.number == one.number
            assert total(tmp_path) == 3
            assert len(list(tmp_path.iterdir())) == 4


def test_a_forked_child_takes_a_place_of_its_own(tmp_path):
    place = places.Place(str(tmp_path))
    assert place.number() == 0
    child = os.fork()
    if child == 0:
        os._exit(place.number())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1
    assert place.number() == 0


def test_their_disk_space_is_taken_at_once(tmp_path):
    places.Place(str(tmp_path)).number()
    assert all(path.stat().st_blocks * 512 >= places.FILE_BYTES for path in tmp_path.iterdir())


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(places, "_folders", [])
    return tmp_path


def test_a_start_removes_what_killed_ones_left_and_nothing_else(temporary):
    (temporary / "quality-metrics-left").mkdir(mode=0o700)
    (temporary / "quality-metrics-left" / "counter_0.db").touch()
    strange = temporary / "quality-metrics-strange"
    strange.mkdir()
    strange.chmod(0o777)
    first, second = Path(places.fresh_folder()), Path(places.fresh_folder())
    assert set(temporary.iterdir()) == {first, second, strange}
    assert first.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_had_costs_no_worker_its_start(tmp_path):
    (tmp_path / "file").touch()
    done = subprocess.run(
        [
            sys.executable,
            "manage.py",
            "shell",
            "-c",
            "from quality.monitor import metrics as m;"
            "m.count_responses('scans:record', 201, 1);"
            "print('stored', m.counters()['scans_stored'])",
        ],
        cwd=ROOT,
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "file" / "folder")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "stored 1.0" in done.stdout
    assert "is missing in other processes' /metrics" in done.stdout + done.stderr


def test_whatever_strangers_ask_for_is_counted_in_the_space_that_was_set_aside(tmp_path):
    """What grew beyond it would be a signal that kills, on a full disk."""
    run(EVERYTHING, tmp_path)
    files = list(tmp_path.glob("*.db"))
    assert files
    assert {path.stat().st_size for path in files} == {places.FILE_BYTES}
    # With room for pages to come.
    used = max(int.from_bytes(path.read_bytes()[:4], sys.byteorder) for path in files)
    assert used < places.FILE_BYTES * 3 / 4


def test_a_folder_that_somebody_removed_silences_nobody(tmp_path):
    (tmp_path / "counters").mkdir()
    run(GONE, tmp_path / "counters")


def test_what_cannot_be_counted_is_said_once(monkeypatch, caplog):
    def fail(*counted: object) -> None:
        raise OSError("no such folder")

    monkeypatch.setattr(latencies, "observe", fail)
    counting = Tally()
    for _ in range(3):
        request = RequestFactory().get("/")
        work = Work(request)
        work.status = 200
        work.finish(request)
        counting.add_requests([work])
        counting.pass_on()
    assert [record.getMessage() for record in caplog.records] == ["Requests are not counted."]


def run(code: str, folder: Path) -> None:
    """Have the code run in the house, as a worker that counts in this folder."""
    environment = {
        "PROMETHEUS_MULTIPROC_DIR": str(folder),
        "DEVELOPMENT": "1",
        "DJANGO_SETTINGS_MODULE": "quality.settings",
    }
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=os.environ | environment, check=True)
