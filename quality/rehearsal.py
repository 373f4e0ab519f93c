"""Finds out whether a new worker would start, before a reload has the old ones make room for it.

Else the new ones would try in vain for as long as what lies on the disk cannot be loaded.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

from quality.environment import BASE_DIR

MOST_SECONDS = 60
LOOK_SECONDS = 0.5
_STARTS = "A new worker would start."
# Of what was said: where an error ends.
_MOST_TOLD = 2000
_MOST_FILES = 5
_one_at_a_time = threading.Lock()
# Held by the next one, which has not begun: it will see all that is on the disk by then.
_next = threading.Lock()
# What the master has loaded, which its workers inherit: file → digest.
_loaded: dict[str, str] = {}


def before(reload: Callable[[], None], arguments: Sequence[str], log: logging.Logger) -> None:
    """Call `reload` from a thread, unless nothing would come of it; then say why not.

    `arguments` are gunicorn's own, as it was started with them.
    """

    def rehearse() -> None:
        with _one_at_a_time:
            _next.release()
            try:
                changed = _changed()
                said = "" if changed else _said_by(arguments)
            except OSError as error:
                changed, said = [], str(error)
        if changed:
            log.error(
                "Not reloaded: %s changed since gunicorn has loaded it, and new workers would "
                "inherit what it was. The old ones go on. Restart gunicorn: SIGTERM, then the "
                "start.",
                ", ".join(changed[:_MOST_FILES]) + " and others" * (len(changed) > _MOST_FILES),
            )
        elif said == _STARTS:
            reload()
        else:
            log.error(
                "Not reloaded: a new worker would not start. The old ones go on. Mend it and send "
                "SIGHUP once more. It said: %s",
                said[-_MOST_TOLD:] or "nothing",
            )

    if not _next.acquire(blocking=False):
        return
    try:
        threading.Thread(target=rehearse, name="rehearsal", daemon=True).start()
    except RuntimeError as error:
        # The machine gives no more of them; what is raised in here would end gunicorn.
        _next.release()
        log.error("Not reloaded: %s. The old workers go on. Send SIGHUP once more.", error)


# ----- What a new worker would inherit


def note_what_is_loaded() -> None:
    """Of what the master loads from now on nothing is known: call it when all is loaded."""
    _loaded.clear()
    for name, module in list(sys.modules.items()):
        # gunicorn's configuration is read anew at each reload.
        if (file := getattr(module, "__file__", None)) and name != "__config__":
            _loaded[file] = _digest(file)


def _changed() -> list[str]:
    """The files of which another version lies on the disk now."""
    return sorted(file for file, digest in _loaded.items() if _digest(file) != digest)


def _digest(file: str) -> str:
    try:
        return sha256(Path(file).read_bytes()).hexdigest()
    except OSError:
        return ""


# ----- What it would load


def _said_by(arguments: Sequence[str]) -> str:
    # What it counts is nobody's.
    environment = {
        name: value for name, value in os.environ.items() if name != "PROMETHEUS_MULTIPROC_DIR"
    }
    # In a process of its own: what the master imports, its workers would inherit. By what it says
    # and not by its exit code, which gunicorn's master takes away, as it does of each child.
    with subprocess.Popen(
        [sys.executable, "-m", "quality.rehearsal", *arguments],
        cwd=BASE_DIR,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            said, _ = process.communicate(timeout=MOST_SECONDS)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            return f"it took longer than {MOST_SECONDS} s"
    return said.strip()


def main(arguments: Sequence[str]) -> None:
    """Load all that a worker loads, and say in the end that nothing is in the way."""
    master = os.getppid()
    for command in (
        ("-m", "gunicorn", "--check-config", *arguments),
        # The addresses and templates too, which a worker loads with the first request for them.
        ("-m", "quality.compiling"),
    ):
        code, said = _tried(command, master)
        if code:
            print(said)
            return
    print(_STARTS)


def _tried(command: Sequence[str], master: int) -> tuple[int, str]:
    """How it ended, and the end of what it said. It ends with the master, however that ends."""
    process = subprocess.Popen(
        [sys.executable, *command], cwd=BASE_DIR, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    stdout: Any = process.stdout
    end = _End(stdout.fileno())
    while True:
        with suppress(subprocess.TimeoutExpired):
            code = process.wait(LOOK_SECONDS)
            break
        if os.getppid() != master:
            os.killpg(0, signal.SIGKILL)
    # Not for ever: it may have left a process behind that could still say something.
    end.join(LOOK_SECONDS)
    return code, end.said.decode(errors="replace")


class _End(threading.Thread):
    """Keeps the end of what somebody says, however much that is."""

    def __init__(self, source: int) -> None:
        super().__init__(daemon=True)
        self._source = source
        self.said = b""
        self.start()

    def run(self) -> None:
        while piece := os.read(self._source, 65536):
            self.said = (self.said + piece)[-4 * _MOST_TOLD :]


if __name__ == "__main__":
    main(sys.argv[1:])
