"""The commands for those who change the code: chaos, soak, check, bench, format, lock."""

from __future__ import annotations

import os
import secrets
import subprocess

from quality.start.console import ROOT, StartError, progress, run_hidden, run_step, say, tail
from quality.start.image import unpack_programs
from quality.start.install import PYTHON, ensure
from quality.start.preflight import read_var_dir
from quality.start.tools import ensure_tools

# No server is asked for a check; what is asked all the same fails at once.
NO_DATABASE = "mysql://quality:none@127.0.0.1:9/quality"


def chaos() -> int:
    """The slow tests, in which real programs watch the house while it breaks."""
    ensure(dev=True, browser=True)
    ensure_tools(os.environ)
    # The front is the one of the compose file.
    unpack_programs(read_var_dir(os.environ) / "image")
    # pytest takes this process over: signals and its exit code (5: nothing tested) are its own.
    os.chdir(ROOT)
    command = [str(PYTHON), "-m", "pytest", "-m", "chaos or short"]
    os.execv(PYTHON, command)  # noqa: S606 - a shell is what must not stand in between


def soak() -> int:
    """The long run; its bar and its table are printed as it goes."""
    ensure(dev=True, browser=True)
    os.chdir(ROOT)
    os.execv(PYTHON, [str(PYTHON), "-m", "pytest", "-m", "soak", "-s", "tests/e2e"])  # noqa: S606


def check() -> int:
    """Run every check, also after one failed; the exit code tells whether all passed."""
    ensure(dev=True)
    development = os.environ | {"DEVELOPMENT": "1", "DATABASE_URL": NO_DATABASE}
    production = os.environ | {
        "DEVELOPMENT": "",
        "SECRET_KEY": secrets.token_urlsafe(64),
        "ALLOWED_HOSTS": "quality.example.org",
        "DATABASE_URL": NO_DATABASE,
    }
    # Without a server Django cannot compare the history of migrations, and says so.
    quiet = ["-W", "ignore:Got an error checking a consistent migration history:RuntimeWarning"]
    failed = []
    for title, arguments, env in (
        ("Format", ["-m", "ruff", "format", "--check", "."], development),
        ("Lint", ["-m", "ruff", "check", "."], development),
        ("Types", ["-m", "mypy"], development),
        (
            "Migrations in step with the models",
            [*quiet, "manage.py", "makemigrations", "--check", "--dry-run"],
            development,
        ),
        (
            "Deploy check of production settings",
            ["manage.py", "check", "--deploy", "--fail-level", "WARNING"],
            production,
        ),
        (
            "Migrations that an old version survives",
            ["-m", "pytest", "--no-cov", "tests/test_migrations.py"],
            development,
        ),
        ("Documentation", ["-m", "pytest", "--no-cov", "tests/test_docs.py"], development),
    ):
        with progress(title) as line:
            code, output = run_hidden([PYTHON, *arguments], env=env, line=line)
            line.done("passed" if code == 0 else "FAILED")
        if code != 0:
            failed.append(title)
            say(tail(output, lines=200))
    if failed:
        say(f"\nquality: failed: {', '.join(failed)}")
    return 1 if failed else 0


def bench() -> int:
    ensure(dev=True)
    os.chdir(ROOT)
    # First whether it measures at all, with tiny numbers: half an hour is long to find out.
    tried = subprocess.run([PYTHON, "-m", "pytest", "-m", "bench", "tests/benchmarks"], check=False)
    if tried.returncode:
        return tried.returncode
    # It starts a server of its own, and takes this process over as the tests do.
    return os.execv(PYTHON, [str(PYTHON), "-m", "tests.benchmarks"])  # noqa: S606


def format_code() -> int:
    ensure(dev=True)
    for title, arguments in (
        ("Sorting imports and small repairs", ["check", "--fix", "--exit-zero", "."]),
        ("Formatting", ["format", "."]),
    ):
        run_step(title, [PYTHON, "-m", "ruff", *arguments], remedy="Correct the file it names.")
    return 0


def lock() -> int:
    """Pin the newest versions that the .in files allow, with their hashes."""
    ensure(dev=True)
    uv = PYTHON.parent / "uv"
    for name in ("base", "dev", "image"):
        if not (ROOT / "requirements" / f"{name}.in").exists():
            raise StartError(f"requirements/{name}.in is missing.")
        run_step(
            f"Pinning requirements/{name}.in",
            [
                *(uv, "pip", "compile", "--quiet", "--upgrade", "--generate-hashes"),
                # For `name[extra]` not pinned as such pip takes a newer one, without a hash.
                "--no-strip-extras",
                *("--python-version", "3.11", "--default-index", "https://pypi.org/simple"),
                *("--custom-compile-command", "make lock"),
                *(f"requirements/{name}.in", "--output-file", f"requirements/{name}.txt"),
            ],
            remedy="Is the network there? Are two requirements at odds?",
        )
    return 0
