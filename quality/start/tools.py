"""Unpacks programs of Debian's without installing them: none of them starts as a service."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from quality.devdb.configuration import find_program
from quality.start.console import StartError, progress, run_hidden, run_step, tail
from quality.start.install import NETWORK_REMEDY, become_root
from quality.start.preflight import check_writable, read_var_dir

# The programs that watch the house, and the packages that hold them.
MONITORING = {
    "prometheus": "prometheus",
    "promtool": "prometheus",
    "alertmanager": "prometheus-alertmanager",
    "amtool": "prometheus-alertmanager",
}


def find_tool(name: str, environ: Mapping[str, str]) -> Path | None:
    """The program, as installed or as unpacked here; Debian gives some a longer name."""
    for known in (name, f"prometheus-{name}"):
        unpacked = tools_dir(environ) / "usr" / "bin" / known
        if found := find_program(known):
            return Path(found)
        if unpacked.exists():
            return unpacked
    return None


def tools_dir(environ: Mapping[str, str]) -> Path:
    return read_var_dir(environ) / "tools"


def ensure_tools(environ: Mapping[str, str]) -> None:
    """Return when all of them are there. Needs no root, unless the package lists are missing."""
    missing = {package for name, package in MONITORING.items() if find_tool(name, environ) is None}
    if not missing:
        return
    if find_program("apt-get") is None or find_program("dpkg") is None:
        raise StartError(
            f"Missing on this machine: {', '.join(MONITORING)}, and there is no apt-get here. "
            "Put them on the PATH, then run the same command again."
        )
    check_writable(read_var_dir(environ), variable="VAR_DIR")
    folder = tools_dir(environ)
    # Made aside: what is cut short must not look like all of it.
    aside = folder.with_suffix(".new")
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    # All of them: the folder is replaced as a whole.
    _download(sorted(set(MONITORING.values())), aside)
    for package in sorted(aside.glob("*.deb")):
        run_step(
            f"Unpacking {package.name.partition('_')[0]}",
            ["dpkg", "-x", package, aside],
            remedy="Is the disk full?",
        )
        package.unlink()
    shutil.rmtree(folder, ignore_errors=True)
    aside.rename(folder)


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
