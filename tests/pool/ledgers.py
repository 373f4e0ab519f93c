"""Processes that write in a ledger, and do nothing else."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

from tests.pool.project import ROOT

DATABASE = "shop@db:3306/shop"


@contextlib.contextmanager
def worker(script: str, folder: str) -> Iterator[subprocess.Popen[str]]:
    """A process with a page of its own, which says "ready" and then waits."""
    begin = (
        "import os, signal, sys, time\n"
        "from quality.pool import ledger\n"
        f"page = ledger.Page(alias='default', database={DATABASE!r}, directory={folder!r})\n"
    )
    end = "\nprint('ready', flush=True)\nsys.stdin.read()\n"
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", begin + script + end],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout
    try:
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.stdin.close()
        process.stdout.close()
        process.wait(10)
