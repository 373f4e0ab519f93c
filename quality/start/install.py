"""Installs what is missing: system packages, the .venv, and the pinned requirements in it."""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from quality.devdb.configuration import find_program
from quality.start.console import ROOT, StartError, progress, run_hidden, run_step, say, tail
from quality.start.preflight import check_writable, read_var_dir

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "quality-installed.json"
# A .venv serves every patch release of its Python.
MINOR_VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
# It draws no windows, which nobody would see: a page takes half of the processor's time. But it
# remembers less from one start to the next than what people have, so tests want both.
HEADLESS = "chromium-headless-shell"
CHROMIUM_NAMES = (
    HEADLESS,
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
)
NETWORK_REMEDY = (
    "Is the network there? Behind a proxy set https_proxy (pip: also PIP_INDEX_URL, PIP_CERT). "
    "Then run the same command again; what is finished is kept."
)


@dataclass(frozen=True)
class Need:
    """Something the system must be able to do, and the Debian packages that teach it."""

    what: str
    packages: tuple[str, ...]
    present: Callable[[], bool]


def needs_to_run() -> list[Need]:
    return [
        Need(
            "a MariaDB server",
            ("mariadb-server-core", "mariadb-client-core"),
            lambda: all(
                any(find_program(name) for name in names)
                for names in (
                    ("mariadbd", "mysqld"),
                    ("mariadb-install-db", "mysql_install_db"),
                    ("my_print_defaults",),  # which the line above calls
                )
            ),
        ),
        Need(
            "MariaDB's dump program",
            ("mariadb-client",),
            lambda: bool(find_program("mariadb-dump")),
        ),
        Need("time zones", ("tzdata",), _knows_time_zones),
    ]


def needs_to_build() -> list[Need]:
    """What making the .venv takes: the database driver comes as C source."""
    return [
        Need(
            "Python's venv",
            (f"python{MINOR_VERSION}-venv",),
            lambda: bool(_find_module("ensurepip")),
        ),
        Need(
            "Python's headers", (f"python{MINOR_VERSION}-dev",), lambda: _python_header().exists()
        ),
        Need("a C compiler", ("gcc", "libc6-dev"), _compiles_c),
        Need("pkg-config", ("pkg-config",), lambda: bool(find_program("pkg-config"))),
        Need("the MariaDB client library", ("libmariadb-dev",), _has_client_library),
    ]


def needs_to_test() -> list[Need]:
    return [
        Need(
            "a Chromium browser",
            ("chromium",),
            lambda: any(find_program(name) for name in CHROMIUM_NAMES if name != HEADLESS),
        )
    ]


def ensure(*, dev: bool = False, browser: bool = False) -> None:
    """Return when everything is there, quickly when it was before."""
    requirements = [ROOT / "requirements" / "base.txt"]
    if dev or "dev.txt" in _read_stamp():
        # Once there, it is kept in step: a `make run` must not leave half of an older set.
        requirements.append(ROOT / "requirements" / "dev.txt")
    wanted = _stamp(requirements)
    installed = _read_stamp() == wanted and PYTHON.exists()
    needs = needs_to_run()
    if not installed:
        needs += needs_to_build()
    if browser:
        needs += needs_to_test()
    install_system_packages([need for need in needs if not need.present()])
    if browser:
        prefer_headless()
    if not installed:
        install_requirements(requirements, wanted)


# -- system packages --------------------------------------------------------------------------


def install_system_packages(missing: Sequence[Need]) -> None:
    if not missing:
        return
    packages = sorted({package for need in missing for package in need.packages})
    wanted = ", ".join(need.what for need in missing)
    root = become_root()
    if find_program("apt-get") is None:
        raise StartError(
            f"Missing on this machine: {wanted}. There is no apt-get here; install what "
            f"Debian calls {' '.join(packages)}, then run the same command again."
        )
    if root is None:
        raise StartError(
            f"Missing on this machine: {wanted}. Install it with\n\n"
            f"    sudo apt-get update && sudo {shlex.join(apt_get_install(packages))}\n\n"
            "then run the same command again."
        )
    environment = ["env", "DEBIAN_FRONTEND=noninteractive"]
    with progress("Reading the package lists (apt-get update)") as line:
        code, output = run_hidden([*root, *environment, "apt-get", "update"], line=line)
        # Not fatal: the lists that are there may do, and the next step tells.
        line.done("done" if code == 0 else "failed, going on")
    try:
        run_step(
            f"Installing {' '.join(packages)}",
            [*root, *environment, *apt_get_install(packages)],
            remedy=NETWORK_REMEDY,
        )
    except StartError as error:
        if code != 0:
            raise StartError(f"{error}\n\napt-get update had said:\n{tail(output)}") from None
        raise
    still_missing = [need.what for need in missing if not need.present()]
    if still_missing:
        raise StartError(
            f"Still missing after installing {' '.join(packages)}: {', '.join(still_missing)}.\n"
            f"The Python in use is {sys.executable}; choose another with "
            "make PYTHON=/usr/bin/python3 run"
        )


def prefer_headless() -> None:
    """Install the quicker browser where that is possible; without it another one will do."""
    if find_program(HEADLESS) or find_program("apt-get") is None or become_root() is None:
        return
    quicker = Need("a browser without windows", (HEADLESS,), lambda: bool(find_program(HEADLESS)))
    try:
        install_system_packages([quicker])
    except StartError as error:
        say(f"{error}\n\nGoing on with the browser that is there: the tests take longer.")


def apt_get_install(packages: Sequence[str]) -> list[str]:
    return [
        "apt-get",
        "install",
        "--yes",
        "--no-install-recommends",
        # A fresh machine updates itself in the background, and holds this lock meanwhile.
        "--option=DPkg::Lock::Timeout=300",
        *packages,
    ]


def become_root() -> list[str] | None:
    """The words before a command that needs root; None when there are none."""
    if os.geteuid() == 0:
        return []
    if find_program("sudo"):
        asked = subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False)
        if asked.returncode == 0:
            return ["sudo", "-n"]
    return None


# -- what is there ----------------------------------------------------------------------------


def _find_module(name: str) -> bool:
    importlib.invalidate_caches()
    return importlib.util.find_spec(name) is not None


def _knows_time_zones() -> bool:
    return (Path("/usr/share/zoneinfo") / "Europe" / "Bucharest").exists()


def _python_header() -> Path:
    return Path(sysconfig.get_paths()["include"]) / "Python.h"


def _compiles_c() -> bool:
    compiler = shlex.split(os.environ.get("CC") or sysconfig.get_config_var("CC") or "cc")
    if find_program(compiler[0]) is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "probe.c"
        source.write_text("#include <stdio.h>\nint main(void) { return 0; }\n")
        command = [*compiler, str(source), "-o", str(Path(folder) / "probe")]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0


def _has_client_library() -> bool:
    pkg_config = find_program("pkg-config")
    return pkg_config is not None and any(
        subprocess.run([pkg_config, "--exists", library], check=False).returncode == 0
        for library in ("libmariadb", "mariadb", "mysqlclient")
    )


# -- the .venv --------------------------------------------------------------------------------


def install_requirements(requirements: Sequence[Path], wanted: Mapping[str, str]) -> None:
    check_writable(ROOT)
    if VENV.is_symlink() or VENV.is_file():
        raise StartError(f"{VENV} is not a folder. Move it away, and run the same command again.")
    var_dir = read_var_dir(os.environ)
    check_writable(var_dir, variable="VAR_DIR")
    with open(var_dir / "install.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _read_stamp() == wanted:  # another one did it while this one waited
            return
        # A run that is cut short from here on must not leave a stamp.
        STAMP.unlink(missing_ok=True)
        if not _venv_works():
            _make_venv()
        run_step(
            f"Installing {' and '.join(path.name for path in requirements)} into .venv",
            [
                *(PYTHON, "-m", "pip", "install", "--require-hashes", "--no-input"),
                "--disable-pip-version-check",
                *(word for path in requirements for word in ("-r", path)),
            ],
            remedy=NETWORK_REMEDY,
        )
        STAMP.write_text(json.dumps(wanted, indent=1))


def _venv_works() -> bool:
    """Whether .venv has this Python and a pip; a half-made one has not."""
    if not PYTHON.exists():
        return False
    probe = "import pip, sys; print('%d.%d' % sys.version_info[:2])"
    done = subprocess.run([PYTHON, "-c", probe], capture_output=True, text=True, check=False)
    return done.stdout.strip() == MINOR_VERSION


def _make_venv() -> None:
    shutil.rmtree(VENV, ignore_errors=True)
    run_step(
        f"Making .venv with Python {MINOR_VERSION}",
        [sys.executable, "-m", "venv", VENV],
        remedy=f"If {VENV} is in the way, delete it and run the same command again.",
    )


def _stamp(requirements: Sequence[Path]) -> dict[str, str]:
    hashes = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in requirements}
    return {"python": MINOR_VERSION, **hashes}


def _read_stamp() -> dict[str, str]:
    try:
        stamp = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return stamp if isinstance(stamp, dict) else {}
