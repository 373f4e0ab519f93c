from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from quality.start import install
from quality.start.console import ROOT, StartError
from quality.start.install import Need, install_system_packages

ABSENT = Need("a unicorn", ("unicorn", "libunicorn-dev"), lambda: False)


def program(folder: Path, name: str, script: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH: what is not in it is not on this machine."""
    monkeypatch.setenv("PATH", str(tmp_path))
    os.symlink("/usr/bin/env", tmp_path / "env")
    return tmp_path


def test_what_is_there_is_not_installed(machine: Path) -> None:
    program(machine, "apt-get", "exit 9")
    install_system_packages([])


def test_this_machine_has_what_it_needs() -> None:
    missing = [
        need.what
        for need in install.needs_to_run() + install.needs_to_build() + install.needs_to_test()
        if not need.present()
    ]
    assert missing == []


def test_a_missing_compiler_is_noticed(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CC", raising=False)
    missing = {need.what for need in install.needs_to_build() if not need.present()}
    assert missing == {"a C compiler", "pkg-config", "the MariaDB client library"}


def test_a_compiler_without_headers_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(tmp_path, "headless-cc", "exit 1")
    monkeypatch.setenv("CC", str(tmp_path / "headless-cc"))
    missing = {need.what for need in install.needs_to_build() if not need.present()}
    assert missing == {"a C compiler"}


def test_root_installs_what_is_missing_and_looks_again(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    program(machine, "apt-get", f'echo "$DEBIAN_FRONTEND $*" >> {machine}/calls')
    present = iter([True])
    install_system_packages([Need("a unicorn", ("unicorn",), lambda: next(present))])
    update, installation = (machine / "calls").read_text().splitlines()
    assert update == "noninteractive update"
    assert installation.startswith("noninteractive install --yes --no-install-recommends ")
    assert installation.endswith(" unicorn")
    with pytest.raises(StartError, match=r"Still missing after installing .*: a unicorn"):
        install_system_packages([ABSENT])


def test_without_root_the_exact_command_is_printed_and_nothing_is_done(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    program(machine, "apt-get", f"touch {machine}/called")
    program(machine, "sudo", "exit 1")  # it would ask for a password
    with pytest.raises(StartError) as refused:
        install_system_packages([ABSENT])
    assert "Missing on this machine: a unicorn." in str(refused.value)
    assert (
        "\n    sudo apt-get update && sudo apt-get install --yes --no-install-recommends "
        "--option=DPkg::Lock::Timeout=300 libunicorn-dev unicorn\n"
    ) in str(refused.value)
    assert not (machine / "called").exists()


def test_sudo_is_used_where_it_asks_no_password(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    program(machine, "apt-get", f'echo "$*" >> {machine}/calls')
    program(machine, "sudo", f'echo "sudo $*" >> {machine}/calls; shift; exec "$@"')
    program(machine, "true", "exit 0")
    present = iter([True])
    install_system_packages([Need("a unicorn", ("unicorn",), lambda: next(present))])
    calls = (machine / "calls").read_text()
    assert "sudo -n env DEBIAN_FRONTEND=noninteractive apt-get update\nupdate\n" in calls


def test_a_machine_without_apt_is_told_what_is_missing(machine: Path) -> None:
    with pytest.raises(StartError, match=r"no apt-get here.*libunicorn-dev unicorn"):
        install_system_packages([ABSENT])


def test_a_failed_installation_shows_what_both_steps_said(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    program(machine, "apt-get", 'echo "no $1 today"; exit 100')
    with pytest.raises(StartError, match=r"(?s)no install today.*network.*no update today"):
        install_system_packages([ABSENT])


def test_a_browser_without_windows_is_taken_where_it_can_be_had(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    install.prefer_headless()
    program(machine, "apt-get", 'echo "no $1 today"; exit 100')
    install.prefer_headless()
    assert "Going on with the browser that is there" in capsys.readouterr().out
    os.symlink("/bin/chmod", machine / "chmod")
    program(
        machine,
        "apt-get",
        f'echo "$*" >> {machine}/calls; cd {machine}\n'
        f"> {install.HEADLESS}; chmod +x {install.HEADLESS}",
    )
    install.prefer_headless()
    assert (machine / "calls").read_text().endswith(f" {install.HEADLESS}\n")
    before = (machine / "calls").read_text()
    install.prefer_headless()
    assert (machine / "calls").read_text() == before


class TestVenv:
    @pytest.fixture(autouse=True)
    def project(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        """A project of its own, whose requirements need no network."""
        root = tmp_path / "project"
        (root / "requirements").mkdir(parents=True)
        for name in ("base.txt", "dev.txt"):
            (root / "requirements" / name).write_text("# nothing\n")
        venv = root / ".venv"
        monkeypatch.setattr(install, "ROOT", root)
        monkeypatch.setattr(install, "VENV", venv)
        monkeypatch.setattr(install, "PYTHON", venv / "bin" / "python")
        monkeypatch.setattr(install, "STAMP", venv / "quality-installed.json")
        monkeypatch.setenv("VAR_DIR", str(root / "var"))
        return root

    def half_made(self, project: Path) -> None:
        """As a `python -m venv` that was killed leaves it: a Python, and no pip."""
        command = [sys.executable, "-m", "venv", "--without-pip", str(project / ".venv")]
        subprocess.run(command, check=True)

    def test_it_is_made_once_and_found_ready_later(
        self, project: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.half_made(project)
        (project / ".venv" / "left-over").write_text("")
        install.ensure()
        first = capsys.readouterr().out
        assert "Making .venv" in first
        assert "Installing base.txt into .venv" in first
        assert not (project / ".venv" / "left-over").exists()

        install.ensure()
        assert capsys.readouterr().out == ""

        (project / "requirements" / "base.txt").write_text("# changed\n")
        install.ensure(dev=True)
        later = capsys.readouterr().out
        assert "Making .venv" not in later
        assert "Installing base.txt and dev.txt" in later

        # Tools once installed are kept in step by a plain run too.
        (project / "requirements" / "dev.txt").write_text("# changed\n")
        install.ensure()
        assert "Installing base.txt and dev.txt" in capsys.readouterr().out

        # A failure leaves no stamp, and the next run goes on from there.
        (project / "requirements" / "base.txt").write_text("unpinned\n")
        with pytest.raises(StartError, match=r"(?s)hashes.*Is the network there"):
            install.ensure()
        assert not install.STAMP.exists()

    def test_a_stamp_that_cannot_be_read_does_not_count(self, project: Path) -> None:
        (project / ".venv").mkdir()
        install.STAMP.write_text("{half")
        assert install._read_stamp() == {}
        install.STAMP.write_text(json.dumps(["no", "stamp"]))
        assert install._read_stamp() == {}

    def test_a_folder_that_cannot_be_written_stops_it(
        self, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("VAR_DIR", str(project / "requirements" / "base.txt" / "var"))
        with pytest.raises(StartError, match="Set VAR_DIR"):
            install.ensure()
        assert not (project / ".venv").exists()

    def test_something_else_in_its_place_is_not_deleted(self, project: Path) -> None:
        (project / ".venv").write_text("mine")
        with pytest.raises(StartError, match="is not a folder"):
            install.ensure()
        assert (project / ".venv").read_text() == "mine"


def test_the_real_root_is_this_checkout() -> None:
    assert (ROOT / "requirements" / "base.txt").exists()
