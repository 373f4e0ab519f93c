"""A house with a database, people, scans and seals, to be backed up and brought back."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from quality.backups.keys import new_key
from quality.backups.manifest import Manifest, path_of, read
from quality.devdb.mariadb import PrivateMariaDB
from tests.serving import ROOT, Database, running

KEY = new_key()


class House:
    """What the commands are told of where they are."""

    def __init__(self, database: Database, home: Path, **env: str) -> None:
        self.database = database
        self.folder = home / "backups"
        self.env = os.environ | {
            "DEVELOPMENT": "1",
            "DATABASE_URL": database.url,
            "VAR_DIR": str(home),
            "LOG_DIR": str(home / "log"),
            "BACKUP_DIR": str(self.folder),
            **env,
        }

    def start(self, *command: str, **env: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env=self.env | env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def fails(self, *command: str, **env: str) -> str:
        """What a command says that must fail."""
        with self.start(*command, **env) as process:
            out, error = process.communicate(timeout=300)
        assert process.returncode == 1, out + error
        assert "Traceback" not in error, error
        return out + error

    def does(self, *command: str, **env: str) -> str:
        with self.start(*command, **env) as process:
            out, error = process.communicate(timeout=300)
        assert process.returncode == 0, out + error
        return out

    def back_up(self, *options: str, **env: str) -> tuple[Path, Manifest]:
        before = set(self.files())
        self.does("backup", *options, **env)
        (name,) = {file for file in set(self.files()) - before if not file.endswith(".json")}
        return self.folder / name, read(path_of(self.folder / name))

    def files(self) -> list[str]:
        return sorted(name for name in os.listdir(self.folder) if name != ".lock")

    def head(self) -> tuple[object, ...]:
        """The newest seal of the scans, and how many scans there are."""
        (row,) = self.database.run(
            "SELECT digest, number, (SELECT COUNT(*) FROM scans_scan) FROM scans_seal "
            "WHERE table_name = 'scans_scan' ORDER BY number DESC LIMIT 1"
        )
        return row


@pytest.fixture(scope="session")
def house(mariadb_home: Path, tmp_path_factory: pytest.TempPathFactory) -> House:
    house = House(
        Database(PrivateMariaDB(mariadb_home), "quality_kept"), tmp_path_factory.mktemp("house")
    )
    house.folder.mkdir()
    house.database.create()
    house.does("migrate", "--verbosity=0")
    house.does("seeddemo", "--full", "--days=1", DEMO_PASSWORD="demo-password-1")
    house.does("sealrecords")
    # What a dump has to keep as it is.
    house.database.run(
        "INSERT INTO scans_operator (badge, name, active) VALUES ('OP7777', %s, 1)",
        '\'; DROP TABLE x; -- \\ \n(1),\n`é` \t"🙂"',
    )
    return house


@pytest.fixture(scope="session")
def plain(house: House) -> tuple[Path, Manifest]:
    """A backup that is not encrypted, and its manifest."""
    return house.back_up()


@pytest.fixture(scope="session")
def encrypted(house: House) -> tuple[Path, Manifest]:
    return house.back_up(BACKUP_KEY=KEY)


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Another house on a server of its own, which holds nothing yet."""
    home = tmp_path_factory.mktemp("other")
    # Nobody pulls its plug: many tables are made, each of which would wait for the disk.
    # And as MariaDB is by default, a client's files may be asked for.
    options = {"innodb-flush-method": "nosync", "local-infile": 1}
    with running(PrivateMariaDB(home / "db", options=options)) as server:
        other = House(Database(server, "quality"), home)
        other.folder.mkdir()
        yield other
