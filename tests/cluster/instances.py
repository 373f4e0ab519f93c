"""Many instances of the application that ask one database all the time, each with a small pool."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from quality.devdb.mariadb import PrivateMariaDB
from tests.faults import Administrator
from tests.serving import ROOT

INSTANCES, THREADS = 20, 8
# Waits until all are there, then writes and reads until its time is over; says how often.
INSTANCE = """
import os, sys, threading, time
import django; django.setup()
from django.contrib.auth.models import Group
from django.db import connection, transaction
threads, seconds = int(sys.argv[1]), float(sys.argv[2])
connection.ensure_connection(); connection.close()
print("ready", flush=True); sys.stdin.readline()
errors, done, stop = [], [], time.monotonic() + seconds
def work(number):
    try:
        while time.monotonic() < stop:
            with transaction.atomic():
                name = f"{os.getpid()} {number} {time.time_ns()}"
                made = Group.objects.create(name=name)
            assert Group.objects.get(pk=made.pk).name == name
            connection.close()
            done.append(1)
    except Exception as error:
        errors.append(repr(error))
threads = [threading.Thread(target=work, args=[n]) for n in range(threads)]
[t.start() for t in threads]; [t.join() for t in threads]
print(len(done), errors, flush=True)
sys.exit(bool(errors))
"""


@dataclass(frozen=True)
class Outcome:
    transactions: int
    most_connections: int
    said: list[str]
    codes: list[int]


def run_instances(
    url: str, server: PrivateMariaDB, home: Path, *, pool_size: int, seconds: float
) -> Outcome:
    """As 20 hosts have it: each with a ledger of its own."""
    instances = [
        subprocess.Popen(
            [sys.executable, "-c", INSTANCE, str(THREADS), str(seconds)],
            cwd=ROOT,
            env=os.environ
            | {
                "DATABASE_URL": url,
                "DJANGO_SETTINGS_MODULE": "quality.settings",
                "WEB_WORKERS": "1",
                "DB_POOL_SIZE": str(pool_size),
                "DB_POOL_TIMEOUT": "30",
                "DB_STATEMENT_TIMEOUT": "0",
                "DB_LEDGER": str(home / f"ledger{number}"),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            # What they log, such as that they waited for long.
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for number in range(INSTANCES)
    ]
    for instance in instances:
        assert instance.stdout is not None
        assert instance.stdin is not None
        said = instance.stdout.readline()
        assert said == "ready\n", said + instance.stdout.read()
    for instance in instances:
        assert instance.stdin is not None
        instance.stdin.write("\n")
        instance.stdin.flush()
    most = 0
    with Administrator(server) as administrator:
        while any(instance.poll() is None for instance in instances):
            most = max(most, len(administrator.connections()))
            time.sleep(0.1)
    said = [instance.communicate()[0] for instance in instances]
    return Outcome(
        sum(int(text.split()[0]) for text in said),
        most,
        said,
        [instance.returncode for instance in instances],
    )
