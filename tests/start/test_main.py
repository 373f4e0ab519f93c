from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

from quality.start.__main__ import COMMANDS
from quality.start.console import ROOT

START = ROOT / "quality" / "start"


def test_an_old_python_is_told_which_one_is_needed() -> None:
    # As an old interpreter would: it reads the package's __init__.py files and __main__.py.
    code = (
        "import sys, runpy; sys.version_info = (3, 8, 18);"
        "runpy.run_module('quality.start', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "needs Python 3.11 or newer" in done.stderr
    assert "is 3.8." in done.stderr
    assert "make PYTHON=" in done.stderr


def test_an_old_python_can_read_what_it_meets_first() -> None:
    for path in (ROOT / "quality" / "__init__.py", START / "__init__.py", START / "__main__.py"):
        ast.parse(path.read_text(), feature_version=(3, 6))


def test_it_runs_on_a_bare_python() -> None:
    # -S: without site-packages, as before the first installation; -I would hide this folder.
    done = subprocess.run(
        [sys.executable, "-S", "-m", "quality.start", "nothing"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.startswith("usage: ")


def test_the_makefile_offers_every_command_as_one_simple_command() -> None:
    # A shell in between would get make's signals, and keep them.
    makefile = (ROOT / "Makefile").read_text()
    recipes = re.findall(r"^\t@(.*quality\.start.*)$", makefile, re.MULTILINE)
    assert sorted(recipes) == sorted(f"$(PYTHON) -m quality.start {name}" for name in COMMANDS)


def test_make_help_lists_every_target() -> None:
    # Without what `make test` told this process about itself.
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", "help"], cwd=ROOT, env=env, capture_output=True, text=True, check=True
    )
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    listed = [line.split("\t")[0].removeprefix("make ") for line in done.stdout.splitlines()]
    assert listed == phony.group(1).split()
    assert all(line.split("\t")[1] for line in done.stdout.splitlines())


def test_ci_runs_make_test_in_the_root_and_fails_with_it(tmp_path: Path) -> None:
    make = tmp_path / "make"
    make.write_text('#!/bin/sh\necho "$PWD: make $*"\nexit 5\n')
    make.chmod(0o755)
    done = subprocess.run(
        [ROOT / ".ci" / "run"],
        cwd=tmp_path,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"{ROOT}: make test\n"
    assert done.returncode == 5
