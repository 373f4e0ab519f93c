"""Runs long steps with a line of progress each, and shows their output only when they fail."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from quality.start.signals import shielded

ROOT = Path(__file__).resolve().parents[2]
# A tool that is told to end gets this long to clean up: apt-get must not be cut in half.
END_SECONDS = 20


class StartError(Exception):
    """Why a command cannot go on, and what to do about it."""


def say(text: str, end: str = "\n") -> None:
    # The terminal may be gone (closed window, `make run | head`); what must be stopped is
    # stopped all the same.
    with contextlib.suppress(OSError):
        print(text, end=end, flush=True)


class Progress:
    """One line for one step: its name, the seconds while it lasts, its end."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._begun = time.monotonic()
        self._told = self._begun
        self._on_terminal = sys.stdout.isatty()
        say(f"  {title} ...", end="" if self._on_terminal else "\n")

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begun

    def tick(self) -> None:
        if self._on_terminal:
            say(f"\r  {self.title} ... {self.seconds:.0f} s", end="")
        elif time.monotonic() - self._told >= 10:
            self._told = time.monotonic()
            say(f"  {self.title} ... {self.seconds:.0f} s")

    def done(self, result: str = "done") -> None:
        start = "\r" if self._on_terminal else ""
        say(f"{start}  {self.title} ... {result} ({self.seconds:.1f} s)")


@contextlib.contextmanager
def progress(title: str) -> Iterator[Progress]:
    line = Progress(title)
    try:
        yield line
    except BaseException as error:
        line.done("FAILED" if isinstance(error, Exception) else "stopped")
        raise


def run_step(
    title: str,
    command: Sequence[str | Path],
    *,
    remedy: str,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run a command to its end and return what it printed; a failure shows it and the remedy."""
    with progress(title) as line:
        code, output = run_hidden(command, env=env, line=line)
        if code != 0:
            shown = " ".join(str(part) for part in command)
            raise StartError(
                f"{title}: failed with exit code {code}.\nCommand: {shown}\n"
                f"{tail(output)}\n{remedy}"
            )
        line.done()
    return output


def run_hidden(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    line: Progress | None = None,
) -> tuple[int, str]:
    """Run a command and return its exit code and what it printed."""
    with tempfile.TemporaryFile() as output:
        with shielded():
            child = subprocess.Popen(
                command,
                cwd=ROOT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    code = child.wait(timeout=1)
                    break
                if line is not None:
                    line.tick()
        finally:
            end(child)
        output.seek(0)
        return code, output.read().decode(errors="replace")


def end(child: subprocess.Popen[bytes], seconds: float = END_SECONDS) -> None:
    """Ask a child to end, wait for it, and make it end when it does not."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def tail(output: str, lines: int = 30) -> str:
    return "\n".join(f"    {line}" for line in output.strip().splitlines()[-lines:])
