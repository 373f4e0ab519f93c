"""The web server of make run: a child that is waited for, and ended with its parent."""

from __future__ import annotations

import contextlib
import http.client
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from quality.devdb.configuration import find_program
from quality.start.console import ROOT, Progress, StartError, end
from quality.start.signals import shielded

READY_SECONDS = 60
# Longer than gunicorn's own graceful time-out, which ends what does not end.
STOP_SECONDS = 60


class WebServer:
    def __init__(self, command: Sequence[str | Path], *, env: Mapping[str, str]) -> None:
        self.command = command
        self.env = env
        self.ready = False
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def start(self) -> None:
        # A session of its own: Ctrl-C reaches only this parent, which ends things in order.
        # Should the parent be killed, the kernel ends the child, and the port is free again.
        setpriv = find_program("setpriv")
        with_parent = [setpriv, "--pdeathsig", "TERM"] if setpriv else []
        with shielded():
            self._child = subprocess.Popen(
                [*with_parent, *self.command],
                cwd=ROOT,
                env=self.env,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def await_ready(
        self, host: str, port: int, path: str, *, line: Progress, seconds: float = READY_SECONDS
    ) -> None:
        """Return when the path answers 200; an error when the child ends or time is up."""
        child = self._started()
        answer = "no answer"
        while line.seconds < seconds:
            if child.poll() is not None:
                raise StartError(
                    f"The web server ended with exit code {child.returncode} while it started; "
                    "its messages are above."
                )
            with contextlib.suppress(OSError, http.client.HTTPException):
                status, answer = _get(host, port, path)
                if status == 200:
                    self.ready = True
                    return
            time.sleep(0.05)
        raise StartError(
            f"http://{host}:{port}{path} was not ready in {seconds:g} s. Its last answer: {answer}"
        )

    def wait(self) -> int:
        """Return the exit code when the child ends by itself."""
        return self._started().wait()

    def stop(self) -> None:
        if self._child is not None:
            end(self._child, seconds=STOP_SECONDS)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._child is None:
            raise RuntimeError("start() comes first")
        return self._child


def _get(host: str, port: int, path: str) -> tuple[int, str]:
    # Not urllib, which would ask a proxy for this machine's own address.
    connection = http.client.HTTPConnection(host, port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, f"{response.status} {response.read(500).decode(errors='replace')}"
    finally:
        connection.close()
