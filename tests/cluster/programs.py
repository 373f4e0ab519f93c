"""Finds the programs that a cluster on loopback is made of, and says who runs them."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from quality.devdb.configuration import find_program
from quality.start.tools import find_galera, find_tool, tools_dir

# A server that runs as root cannot hand its data to another one: rsync gives up root's rights.
NOBODY = 65534
# What a node runs to get another one's data.
TRANSFER = ("rsync", "socat", "lsof", "wsrep_sst_rsync")


@dataclass(frozen=True)
class Programs:
    """`environ` is what they need to find each other and their libraries."""

    mariadbd: str
    install: str
    galera: Path
    haproxy: Path
    environ: dict[str, str]
    # Who runs the servers; None: whoever runs the tests.
    user: int | None

    def own(self, path: Path) -> None:
        """Give a new folder to who runs the servers."""
        path.mkdir(parents=True, exist_ok=True)
        if self.user is not None:
            os.chown(path, self.user, self.user)


def find_programs(home: Path) -> Programs | None:
    """None where they are missing. Copies to `home` what another user could not reach."""
    found = {name: find_tool(name, os.environ) for name in (*TRANSFER, "haproxy")}
    galera = find_galera(os.environ)
    if galera is None or not all(found.values()):
        return None
    unpacked = tools_dir(os.environ)
    libraries = [path for path in (unpacked / "usr/lib").glob("*-linux-gnu*") if path.is_dir()]
    folders = [unpacked / "usr/bin", unpacked / "usr/sbin"]
    user = NOBODY if os.geteuid() == 0 else None
    if user is not None and unpacked.exists():
        # The checkout may lie where only root may look.
        names = [unpacked / "usr" / "bin" / name for name in (*TRANSFER, "wsrep_sst_common")]
        folders = [_copied(home / "bin", [path for path in names if path.exists()])]
        galera = _copied(home / "galera", [galera]) / galera.name
        libraries = [
            _copied(home / "lib", [file for one in libraries for file in one.glob("*.so*")])
        ]
    path = os.pathsep.join(map(str, [*folders, os.environ.get("PATH", os.defpath), "/usr/sbin"]))
    haproxy, mariadbd = found["haproxy"], find_program("mariadbd")
    install = find_program("mariadb-install-db")
    assert haproxy is not None
    assert mariadbd is not None
    assert install is not None
    environ = os.environ | {
        "PATH": path,
        "LD_LIBRARY_PATH": os.pathsep.join(map(str, libraries)),
    }
    return Programs(mariadbd, install, galera, haproxy, environ, user)


def _copied(folder: Path, files: list[Path]) -> Path:
    folder.mkdir(exist_ok=True)
    for file in files:
        shutil.copy(file, folder)
    return folder
