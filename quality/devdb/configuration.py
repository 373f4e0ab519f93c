"""What a private server is told: its programs, settings and accounts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

APP_USER = "quality"
# On these schemas the application may do everything, and nothing on any other: an account
# with rights on *.* would also take the connection that a full server keeps for its administrator.
APP_SCHEMAS = (r"quality", r"quality\_%", r"test\_quality%")

SETTINGS: dict[str, str | int] = {
    # Durable as in production: a test that kills the server must find what was committed.
    "innodb-flush-log-at-trx-commit": 1,
    "innodb-doublewrite": 1,
    "character-set-server": "utf8mb4",
    "collation-server": "utf8mb4_unicode_ci",
    "default-time-zone": "+00:00",
    "skip-name-resolve": 1,
    "local-infile": 0,
    "max-connections": 60,
    "innodb-lock-wait-timeout": 10,
    "idle-transaction-timeout": 60,
    # Small and quick to start.
    "performance-schema": 0,
    "innodb-buffer-pool-size": "64M",
    "innodb-log-file-size": "48M",
}


class DevdbError(Exception):
    """What went wrong with a private server, where, and what to do about it."""


def find_program(name: str) -> str | None:
    # Debian keeps servers where an ordinary user's PATH does not look.
    folders = [os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"]
    return shutil.which(name, path=os.pathsep.join(folders))


def install_command(datadir: Path, tmpdir: Path, admin_user: str) -> list[str]:
    return [
        _program("mariadb-install-db", "mysql_install_db"),
        "--no-defaults",
        f"--datadir={datadir}",
        f"--tmpdir={tmpdir}",
        "--auth-root-authentication-method=socket",
        f"--auth-root-socket-user={admin_user}",
        "--skip-name-resolve",
        "--skip-test-db",
        f"--innodb-log-file-size={SETTINGS['innodb-log-file-size']}",
        *_as_root(),
    ]


def server_command(
    files: Mapping[str, Path], port: int | None, options: Mapping[str, str | int]
) -> list[str]:
    """The server's command line; `files` by the server's names for them."""
    network = (
        ["--skip-networking"]
        if port is None
        else ["--bind-address=127.0.0.1", f"--port={port}", "--skip-networking=0"]
    )
    settings = SETTINGS | {key.replace("_", "-"): value for key, value in options.items()}
    return [
        _program("mariadbd", "mysqld"),
        "--no-defaults",
        *(f"--{name}={path}" for name, path in files.items()),
        *network,
        *(f"--{key}={value}" for key, value in settings.items()),
        *_as_root(),
    ]


def accounts_sql(password: str) -> str:
    """The statements that the server runs at each start, one a line."""
    lines = ["CREATE DATABASE IF NOT EXISTS `quality`;"]
    # "localhost" is the socket, the address is TCP: skip-name-resolve tells them apart.
    for host in ("localhost", "127.0.0.1"):
        account = f"'{APP_USER}'@'{host}'"
        # Made anew each time: an earlier version may have granted more.
        lines.append(f"CREATE OR REPLACE USER {account} IDENTIFIED BY '{password}';")
        lines += [f"GRANT ALL ON `{schema}`.* TO {account};" for schema in APP_SCHEMAS]
    return "\n".join(lines) + "\n"


def _program(*names: str) -> str:
    for name in names:
        path = find_program(name)
        if path:
            return path
    raise DevdbError(
        f"{names[0]} is not installed. On Debian and Ubuntu: "
        "apt-get install mariadb-server-core mariadb-client-core"
    )


def _as_root() -> list[str]:
    # MariaDB refuses to run as root unless it is told to.
    return ["--user=root"] if os.geteuid() == 0 else []
