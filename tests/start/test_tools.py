"""What `make chaos` watches with, and breaks, is unpacked, not installed."""

import os
from pathlib import Path

import pytest

from quality.start import tools
from quality.start.console import StartError

DOWNLOAD = """
echo "$*" >> {calls}
if [ "$1" = update ]; then touch {updated}; exit 0; fi
if [ "$1" = install ]; then echo "Inst libpopt0 (1.19 Debian [amd64])"; exit 0; fi
[ -e {updated} ] || {{ echo "E: Can't select candidate version"; exit 100; }}
shift
for package in "$@"; do touch "${{package}}_1_amd64.deb"; done
"""
# As dpkg -x file folder.
UNPACK = """
mkdir -p "$3/usr/bin" "$3/usr/sbin" "$3/usr/lib/galera"
case "$2" in
*alertmanager*) touch "$3/usr/bin/prometheus-alertmanager" "$3/usr/bin/amtool" ;;
*/prometheus*) touch "$3/usr/bin/prometheus" "$3/usr/bin/promtool" ;;
*haproxy*) touch "$3/usr/sbin/haproxy" ;;
*mariadb-server*) touch "$3/usr/bin/wsrep_sst_rsync" ;;
*galera*) touch "$3/usr/lib/galera/libgalera_smm.so" ;;
*) name="${2##*/}"; touch "$3/usr/bin/${name%%_*}" ;;
esac
"""


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path, monkeypatch) -> Path:
    """A folder that is the whole PATH; its apt-get knows no package before an update."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("env", "touch", "mkdir"):
        os.symlink(f"/usr/bin/{name}", folder / name)
    monkeypatch.setattr(tools, "find_program", lambda name: _in(folder, name))
    monkeypatch.setattr(tools, "INSTALLED", tmp_path / "system")
    monkeypatch.setenv("PATH", str(folder))
    script = DOWNLOAD.format(calls=tmp_path / "calls", updated=tmp_path / "updated")
    program(folder, "apt-get", script)
    program(folder, "dpkg", UNPACK)
    return folder


def _in(folder: Path, name: str) -> str | None:
    return str(folder / name) if (folder / name).exists() else None


def test_they_are_fetched_once_after_reading_the_lists_and_unpacked(machine, tmp_path, monkeypatch):
    monkeypatch.setattr(tools, "become_root", list)
    environ = {"VAR_DIR": str(tmp_path / "var")}
    tools.ensure_tools(environ)
    assert {path.name for path in (tmp_path / "var" / "tools" / "usr" / "bin").iterdir()} == {
        *("prometheus", "promtool", "prometheus-alertmanager", "amtool"),
        *("wsrep_sst_rsync", "rsync", "socat", "lsof", "libpopt0"),
    }
    assert tools.find_tool("haproxy", environ) == tmp_path / "var/tools/usr/sbin/haproxy"
    calls = (tmp_path / "calls").read_text().splitlines()
    assert [call.split()[0] for call in calls] == [
        *("download", "update", "download"),
        # What they are linked with.
        *("install", "download"),
    ]
    assert calls[-1] == "download libpopt0"
    assert list((tmp_path / "var").rglob("*.deb")) == []
    tools.ensure_tools(environ)
    assert (tmp_path / "calls").read_text().splitlines() == calls


def test_who_may_not_read_the_lists_is_told_the_command(machine, tmp_path, monkeypatch):
    monkeypatch.setattr(tools, "become_root", lambda: None)
    with pytest.raises(StartError, match="sudo apt-get update"):
        tools.ensure_tools({"VAR_DIR": str(tmp_path / "var")})


def test_what_is_installed_is_not_fetched(machine, tmp_path):
    for name in tools.PROGRAMS:
        program(machine, name, "")
    galera = tmp_path / "var" / "tools" / tools.GALERA_LIBRARY
    galera.parent.mkdir(parents=True)
    galera.touch()
    tools.ensure_tools({"VAR_DIR": str(tmp_path / "var")})
    assert not (tmp_path / "calls").exists()


def test_a_machine_without_apt_is_told_what_is_missing(machine, tmp_path):
    (machine / "apt-get").unlink()
    with pytest.raises(StartError, match=r"no apt-get here.*PATH"):
        tools.ensure_tools({"VAR_DIR": str(tmp_path / "var")})
