from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from quality.start.console import ROOT, StartError, end, run_step, tail


def test_a_step_hides_its_output_and_returns_it(capsys: pytest.CaptureFixture[str]) -> None:
    output = run_step("Speaking", [sys.executable, "-c", "print('a word')"], remedy="")
    assert output == "a word\n"
    shown = capsys.readouterr().out
    assert "Speaking ... done" in shown
    assert "a word" not in shown


def test_a_failed_step_shows_its_output_the_command_and_the_remedy(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = "import sys; print('said'); print('complained', file=sys.stderr); sys.exit(3)"
    with pytest.raises(StartError) as failed:
        run_step("Failing", [sys.executable, "-c", code], remedy="Try harder.")
    text = str(failed.value)
    for expected in ("exit code 3", sys.executable, "said", "complained", "Try harder."):
        assert expected in text
    assert "Failing ... FAILED" in capsys.readouterr().out


def test_the_end_of_a_long_output_is_shown() -> None:
    assert tail("\n".join(map(str, range(100))), lines=2) == "    98\n    99"


def test_a_stop_during_a_step_ends_its_process(tmp_path: Path) -> None:
    marker = tmp_path / "pid"
    script = f"""
import sys
from quality.start.console import run_step
from quality.start.signals import Stopped, stop_signals
child = "import os, pathlib, sys, time; p = pathlib.Path(sys.argv[1]);" \\
    "q = p.with_suffix('.new'); q.write_text(str(os.getpid())); q.rename(p); time.sleep(120)"
try:
    with stop_signals():
        run_step("Waiting", [sys.executable, "-c", child, {str(marker)!r}], remedy="")
except Stopped:
    sys.exit(77)
"""
    parent = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.DEVNULL)
    while not marker.exists():
        assert parent.poll() is None
    parent.send_signal(signal.SIGTERM)
    assert parent.wait(timeout=60) == 77
    assert not Path(f"/proc/{marker.read_text()}").exists()


def test_a_child_that_does_not_listen_is_killed() -> None:
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True)"
    child = subprocess.Popen(
        [sys.executable, "-c", f"{code}; signal.pause()"], stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    with child.stdout as output:
        output.readline()
    end(child, seconds=0)
    assert child.returncode == -signal.SIGKILL


def test_a_closed_terminal_does_not_stop_the_tidying() -> None:
    code = "from quality.start.console import say; say('x' * 100000); say('y')"
    read, write = os.pipe()
    os.close(read)
    with open(write, "w") as closed:
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=closed, check=False)
    assert done.returncode in (0, 120)  # 120: Python could not flush at its very end
