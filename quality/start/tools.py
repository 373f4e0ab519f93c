"""Unpacks programs of Debian's without installing them: none of them starts as a service."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from quality.devdb.configuration import find_program
from quality.start.console import StartError, progress, run_hidden, run_step, tail
from quality.start.install import NETWORK_REMEDY, become_root
from quality.start.preflight import check_writable, read_var_dir

# The programs that watch the house, and those of a cluster of databases, and the packages that
# hold them.
PROGRAMS = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
    "haproxy": "haproxy",
    # How a node gets the data of another one. The rest of its package is there already.
    "wsrep_sst_rsync": "mariadb-server",
    "rsync": "rsync",
    "socat": "socat",
    "lsof": "lsof",
}
# No program, but what the database loads.
GALERA = "galera-4"
INSTALLED = Path("/")
GALERA_LIBRARY = Path("usr/lib/galera/libgalera_smm.so")
# Those of the above that come with libraries; Debian and Ubuntu give these different names.
WITH_LIBRARIES = ("haproxy", "rsync", "socat", GALERA)


def find_tool(name: str, environ: Mapping[str, str]) -> Path | None:
    """The program, as installed or as unpacked here; Debian gives some a longer name."""
    for known in (name, f"prometheus-{name}"):
        if found := find_program(known):
            return Path(found)
        for folder in ("bin", "sbin"):
            unpacked = tools_dir(environ) / "usr" / folder / known
            if unpacked.exists():
                return unpacked
    return None


def find_galera(environ: Mapping[str, str]) -> Path | None:
    """What a MariaDB loads to be a node of a cluster, as installed or as unpacked here."""
    places = (root / GALERA_LIBRARY for root in (INSTALLED, tools_dir(environ)))
    return next((place for place in places if place.exists()), None)


def tools_dir(environ: Mapping[str, str]) -> Path:
    return read_var_dir(environ) / "tools"


def ensure_tools(environ: Mapping[str, str]) -> None:
    """Return when all of them are there. Needs no root, unless the package lists are missing."""
    names = [name for name in PROGRAMS if find_tool(name, environ) is None]
    if not names and find_galera(environ) is not None:
        return
    if find_program("apt-get") is None or find_program("dpkg") is None:
        raise StartError(
            f"Missing on this machine: {', '.join(names) or GALERA}, and there is no apt-get here. "
            "Put them on the PATH, then run the same command again."
        )
    check_writable(read_var_dir(environ), variable="VAR_DIR")
    folder = tools_dir(environ)
    # Made aside: what is cut short must not look like all of it.
    aside = folder.with_suffix(".new")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    # All of them: the folder is replaced as a whole.
    packages = {*PROGRAMS.values(), GALERA}
    _download(sorted(packages), aside)
    if libraries := _libraries() - packages:
        _download(sorted(libraries), aside)
    for package in sorted(aside.glob("*.deb")):
        run_step(
            f"Unpacking {package.name.partition('_')[0]}",
            ["dpkg", "-x", package, aside],
            remedy="Is the disk full?",
        )
        package.unlink()
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)


def _libraries() -> set[str]:
    """The packages that installing those programs would bring along, which takes no root."""
    command = ["apt-get", "install", "--simulate", "--no-install-recommends", *WITH_LIBRARIES]
    with progress("Looking for their libraries") as line:
        code, output = run_hidden(command, line=line)
        line.done("done" if code == 0 else "failed, going on without")
    return set(re.findall(r"^Inst (\S+)", output, re.MULTILINE)) if code == 0 else set()


def _download(packages: Iterable[str], folder: Path) -> None:
    names = " ".join(packages)
    # apt-get puts them where it runs.
    command = ["env", f"--chdir={folder}", "apt-get", "download", *names.split()]
    with progress(f"Fetching {names}") as line:
        code, output = run_hidden(command, line=line)
        line.done("done" if code == 0 else "not in the package lists")
    if code == 0:
        return
    root = become_root()
    if root is None:
        raise StartError(
            f"apt-get does not know {names}:\n{tail(output)}\n"
            "Read the package lists with `sudo apt-get update`, then run the same command again."
        )
    run_step(
        "Reading the package lists (apt-get update)",
        [*root, "apt-get", "update"],
        remedy=NETWORK_REMEDY,
    )
    run_step(f"Fetching {names}", command, remedy=NETWORK_REMEDY)
