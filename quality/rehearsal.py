"""Finds out whether a new worker would start, before a reload has the old ones make room for it.

gunicorn ends, and the whole site with it, when a worker cannot load what lies on the disk.
"""

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

from quality.environment import BASE_DIR

MOST_SECONDS = 60
_STARTS = "A new worker would start."
# Of what was said: where an error ends.
_MOST_TOLD = 2000
_one_at_a_time = threading.Lock()


def before(
    reload: Callable[[], None], arguments: Sequence[str], log: logging.Logger
) -> threading.Thread:
    """Call `reload` from a thread, unless nothing would come of it; then say why not.

    `arguments` are gunicorn's own, as it was started with them.
    """

    def rehearse() -> None:
        with _one_at_a_time:
            said = _said_by(arguments)
        if said.endswith(_STARTS):
            reload()
        else:
            log.error(
                "Not reloaded: a new worker would not start. The old ones go on. Mend it and send "
                "SIGHUP once more. It said: %s",
                said[-_MOST_TOLD:] or "nothing",
            )

    thread = threading.Thread(target=rehearse, name="rehearsal", daemon=True)
    thread.start()
    return thread


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
            os.killpg(process.pid, signal.SIGKILL)
            return f"it took longer than {MOST_SECONDS} s"
    return said.strip()


def main(arguments: Sequence[str]) -> None:
    """Load all that a worker loads, and say in the end that nothing is in the way."""
    for command in (
        ("-m", "gunicorn", "--check-config", *arguments),
        # The addresses too, which a worker loads with the first request.
        ("manage.py", "check"),
    ):
        if subprocess.run([sys.executable, *command], cwd=BASE_DIR, check=False).returncode:
            return
    print(_STARTS)


if __name__ == "__main__":
    main(sys.argv[1:])
