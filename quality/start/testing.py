"""Runs all tests in a few parts side by side, as each waits most of the time."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from quality.start.console import ROOT, end, say
from quality.start.install import PYTHON, ensure
from quality.start.preflight import read_var_dir
from quality.start.signals import shielded

# As much as the others' part keeps: the slowest one says when all are done.
_HOUSE = tuple(f"tests/{name}" for name in ("pool", "monitor", "quality", "accounts", "backups"))
# Minutes of scanning at a pace: they need patience, not a processor. What breaks comes first, as a
# browser leaves a loop behind in its process.
_CHAOS, _SOAK = "tests/chaos", "tests/e2e/test_soak.py"
# What else has a browser takes longest: it is divided in two.
_PAGES = tuple(
    f"tests/e2e/test_{name}.py"
    for name in (
        *("accounts", "admin", "board", "hostile", "look", "modules", "pages"),
        *("pool_page", "records", "reports", "sheets"),
    )
)
# What is shown first, and what meanwhile writes to files that are shown then.
PARTS = {
    "others": tuple(f"--ignore={folder}" for folder in ("tests/e2e", _CHAOS, *_HOUSE)),
    "house": _HOUSE,
    "pages": _PAGES,
    "stations": ("tests/e2e", *(f"--ignore={path}" for path in (_SOAK, *_PAGES))),
    "soak": (_CHAOS, _SOAK),
}
# Browsers, web servers and a MariaDB are to be ended.
END_SECONDS = 60.0
_LOOK_EACH_SECONDS = 0.5


def test() -> int:
    ensure(dev=True, browser=True)
    return run(PARTS, read_var_dir(os.environ) / "tests")


def run(parts: Mapping[str, Sequence[str]], home: Path) -> int:
    """Run pytest once for each part, each with a MariaDB of its own below `home`.

    Shows what the first says as it says it, then the next, and with COVERAGE=1 in the end how much
    of the code all of them have run. Returns the first exit code of theirs that is no success.
    """
    home.mkdir(parents=True, exist_ok=True)
    first, *others = parts
    with contextlib.ExitStack() as ending:
        meanwhile = {}
        for part in others:
            output = ending.enter_context(tempfile.TemporaryFile())
            process = _start(part, parts[part], home, output)
            ending.callback(end, process, END_SECONDS)
            meanwhile[part] = process, output
        shown = _start(first, parts[first], home, None)
        ending.callback(end, shown, END_SECONDS)
        codes = [shown.wait()]
        for part, (process, output) in meanwhile.items():
            say(f"\n===== {part} =====")
            codes.append(_follow(process, output))
    if _counts_coverage():
        _report_coverage(home)
    return next((code for code in codes if code), 0)


def _start(
    part: str, arguments: Sequence[str], home: Path, output: IO[bytes] | None
) -> subprocess.Popen[bytes]:
    with shielded():
        return subprocess.Popen(
            [PYTHON, "-m", "pytest", *_coverage_options(), *arguments],
            cwd=ROOT,
            env=os.environ
            | {
                "VAR_DIR": str(home / part),
                "COVERAGE_FILE": str(home / f".coverage.{part}"),
                # Else each of the many processes that tests start compiles all modules anew.
                "PYTHONDONTWRITEBYTECODE": "",
            },
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # A Ctrl-C is passed on by us: told twice, it would not tidy up.
            start_new_session=True,
        )


def _follow(process: subprocess.Popen[bytes], output: IO[bytes]) -> int:
    """Show what it has said and says, until its end."""
    # Not by its position: the file's is shared with who writes to it.
    shown = 0
    while True:
        code = process.poll()
        text = os.pread(output.fileno(), 1 << 20, shown)
        sys.stdout.buffer.write(text)
        sys.stdout.flush()
        shown += len(text)
        if not text:
            if code is not None:
                return code
            time.sleep(_LOOK_EACH_SECONDS)


def _counts_coverage() -> bool:
    """Only on demand: to count lines takes as much of the processor as to run them."""
    return os.environ.get("COVERAGE") == "1"


def _coverage_options() -> list[str]:
    return ["--cov", "--cov-report="] if _counts_coverage() else ["--no-cov"]


def _report_coverage(home: Path) -> None:
    file = f"--data-file={home / '.coverage'}"
    for command in (["combine", "--quiet", file, str(home)], ["report", file]):
        subprocess.run([PYTHON, "-m", "coverage", *command], cwd=ROOT, check=False)
