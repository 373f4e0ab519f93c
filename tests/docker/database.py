"""A real MariaDB, started as the database service is."""

import os
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import MySQLdb

from quality.devdb.configuration import find_program, install_command
from tests.docker.compose import DOCKER, services
from tests.faults import free_port

ROOT = DOCKER.parent
START_SECONDS = 60
MAX_CONNECTIONS = 24
PASSWORDS = {"root": "b2", "quality": "a1", "site": "c3"}

# What the image's entrypoint offers to files like accounts.sh, as it does it.
ENTRYPOINT = """
docker_process_sql() {{ cat; }}
docker_sql_escape_string_literal() {{ printf %s "$1"; }}
. {script}
"""


class Server:
    """Started as the database service is, with the accounts that its image and we make."""

    def __init__(self, home: Path, passwords: dict[str, str] | None = None) -> None:
        self.port, self.extra_port = free_port(), free_port()
        self.told = services(DB_MAX_CONNECTIONS=str(MAX_CONNECTIONS))
        image = self.told["database"]["environment"]
        self.passwords = passwords or PASSWORDS
        accounts = home / "accounts.sql"
        root = f"root@{image['MARIADB_ROOT_HOST']}"
        owner = image["MARIADB_USER"]
        accounts.write_text(
            f"CREATE DATABASE {image['MARIADB_DATABASE']};\n"
            f"CREATE USER {owner}@'%' IDENTIFIED BY '{self.passwords[owner]}';\n"
            f"GRANT ALL ON {image['MARIADB_DATABASE']}.* TO {owner}@'%';\n"
            f"CREATE USER {root} IDENTIFIED BY '{self.passwords['root']}';\n"
            f"GRANT ALL ON *.* TO {root} WITH GRANT OPTION;\n"
            + self.site_accounts(home)
            + (DOCKER / "mariadb-init.sql").read_text()
        )
        install = install_command(home / "data", home, "root")
        subprocess.run(install, check=True, capture_output=True)
        self.log = home / "log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    str(find_program("mariadbd")),
                    f"--defaults-file={DOCKER / 'mariadb.cnf'}",
                    *self.told["database"]["command"],
                    *(f"--datadir={home / 'data'}", f"--init-file={accounts}"),
                    *(f"--socket={home / 'socket'}", f"--pid-file={home / 'pid'}"),
                    # Beside other servers of this machine.
                    *("--bind-address=127.0.0.1", f"--port={self.port}"),
                    f"--extra-port={self.extra_port}",
                    *(["--user=root"] if os.geteuid() == 0 else []),
                ],
                stdout=log,
                stderr=log,
            )

    def site_accounts(self, home: Path) -> str:
        """What accounts.sh sends to the server."""
        (home / "site_password").write_text(self.passwords["site"])
        script = (DOCKER / "accounts.sh").read_text().replace("/run/secrets", str(home))
        (home / "accounts.sh").write_text(script)
        source = ENTRYPOINT.format(script=home / "accounts.sh")
        done = subprocess.run(["bash", "-euc", source], capture_output=True, text=True, check=True)
        return done.stdout

    def connect(self, user: str, *, port: int | None = None) -> Any:
        return MySQLdb.connect(
            host="127.0.0.1", port=port or self.port, user=user, password=self.passwords[user]
        )

    def await_greeting(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                self.connect("root").close()
                return
            except MySQLdb.OperationalError:
                ended = self.process.poll() is not None
                assert not ended and time.monotonic() < deadline, self.log.read_text()  # noqa: PT018
                time.sleep(0.05)

    def value(self, name: str) -> str:
        with closing(self.connect("root", port=self.extra_port)) as connection:
            cursor = connection.cursor()
            cursor.execute(f"SELECT @@global.{name}")
            return str(cursor.fetchone()[0])

    def check(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """The checks that a start makes, told what compose tells the site."""
        told = self.url("site") | environment
        for name, value in self.told["web"]["environment"].items():
            if not name.endswith("_FILE"):
                told.setdefault(name, value)
        return self.manage("check", "--database", "default", **told)

    def url(self, user: str) -> dict[str, str]:
        password = self.passwords[user]
        return {"DATABASE_URL": f"mysql://{user}:{password}@127.0.0.1:{self.port}/quality"}

    def manage(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "manage.py", *command],
            cwd=ROOT,
            env={
                "PATH": os.environ["PATH"],
                "DB_LEDGER": os.environ["DB_LEDGER"],
                "SECRET_KEY": "s" * 30 + "abcdefghijklmnop",
                "ALLOWED_HOSTS": "quality.example",
                "DB_MAX_CONNECTIONS": str(MAX_CONNECTIONS),
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=300,
        )
