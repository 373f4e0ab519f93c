"""A private MariaDB: its own datadir and socket in one folder, started and stopped on demand."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from quality.devdb.configuration import (
    APP_USER,
    DevdbError,
    accounts_sql,
    install_command,
    server_command,
)

# sun_path holds 108 bytes with its closing NUL (unix(7)).
SOCKET_PATH_LIMIT_BYTES = 107
MARKER = "made-by-quality-devdb"


class PrivateMariaDB:
    """One server whose every file lies in `home`; several homes make several servers.

    Another object with the same home, in this process or another, sees and stops the same server.
    """

    def __init__(
        self,
        home: Path,
        port: int | None = None,
        *,
        options: Mapping[str, str | int] | None = None,
        start_seconds: float = 60,
        stop_seconds: float = 60,
    ) -> None:
        # Resolved, because a running server is known by the path of its datadir.
        self.home = Path(home).resolve()
        self.port = port
        self.options = options or {}
        self.start_seconds = start_seconds
        self.stop_seconds = stop_seconds
        self.datadir = self.home / "data"
        self.socket = self.home / "mariadb.sock"
        self.log = self.home / "error.log"
        # Not the system's: a server that starts deletes every temporary table (#sql…) in its
        # tmpdir, also those that another server works with at that moment.
        self.tmpdir = self.home / "tmp"
        self._accounts = self.home / "accounts.sql"
        self._pid_file = self.home / "mariadb.pid"
        self._child: int | None = None

    # -- what it is ---------------------------------------------------------------------------

    @property
    def pid(self) -> int | None:
        """The server's process, None when it does not run."""
        try:
            pid = int(self._pid_file.read_text())
        except (OSError, ValueError):
            return None
        return pid if self._runs(pid) else None

    def status(self) -> str:
        if self.pid is not None:
            return "running"
        return "stopped" if self._is_ours() else "not installed"

    @property
    def admin_user(self) -> str:
        """Logs in through `socket` without a password, for the OS user that runs the server."""
        try:
            return pwd.getpwuid(os.geteuid()).pw_name
        except KeyError:  # a container may run under a number without a name
            return "root"

    @property
    def password(self) -> str:
        """Random, and kept; made when first asked for, also before there is a server."""
        path = self.home / "password"
        if not path.exists():
            with self._alone():
                if not path.exists():
                    _write_private(path, secrets.token_urlsafe(24))
        return path.read_text()

    def url(self, database: str = "quality") -> str:
        """What DATABASE_URL wants."""
        login = f"{APP_USER}:{quote(self.password, safe='')}"
        if self.port is not None:
            return f"mysql://{login}@127.0.0.1:{self.port}/{database}"
        return f"mysql://{login}@localhost/{database}?unix_socket={quote(str(self.socket))}"

    # -- what it does -------------------------------------------------------------------------

    def start(self) -> None:
        """Return when the server answers; when it runs already, leave it as it is."""
        self._check_socket_path()
        password = self.password
        with self._alone():
            if self.pid is not None:
                return
            self.tmpdir.mkdir(exist_ok=True)
            if not self._is_ours():
                self._install()
            _write_private(self._accounts, accounts_sql(password))
            # One log for one run, so that its end tells why a start failed.
            if self.log.exists():
                self.log.replace(self.log.with_suffix(".log.1"))
            pid = self._spawn()
            try:
                self._await_greeting(pid)
            except BaseException:
                self._end(pid)
                raise

    def stop(self) -> None:
        """Return when the server has ended; do nothing when it does not run."""
        if not self.home.is_dir():
            return
        with self._alone():
            pid = self.pid
            if pid is not None:
                self._end(pid)

    def reset(self) -> None:
        """Stop the server and delete its data; the next start begins with an empty server."""
        self.stop()
        if not self.home.is_dir():
            return
        with self._alone():
            if self._is_ours():
                shutil.rmtree(self.datadir)

    # -- how ----------------------------------------------------------------------------------

    def _check_socket_path(self) -> None:
        length = len(os.fsencode(self.socket))
        if length > SOCKET_PATH_LIMIT_BYTES:
            raise DevdbError(
                f"The socket path {self.socket} has {length} bytes; the system allows "
                f"{SOCKET_PATH_LIMIT_BYTES}. Set VAR_DIR to a folder with a shorter path."
            )

    def _is_ours(self) -> bool:
        """Whether the datadir exists; an error when something else stands in its place."""
        if not self.datadir.exists():
            return False
        if not (self.datadir / MARKER).is_file():
            raise DevdbError(
                f"{self.datadir} was not made by devdb (it has no file {MARKER}), so devdb does "
                "not touch it. Move it away, or set VAR_DIR to another folder."
            )
        owner = self.datadir.stat().st_uid
        if owner != os.geteuid():
            # A server under another user would leave files that the owner cannot open any more.
            raise DevdbError(
                f"{self.datadir} belongs to the user with uid {owner}, you are uid "
                f"{os.geteuid()}. Run this as its owner, or set VAR_DIR to another folder."
            )
        return True

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Let one start, stop or reset at a time work on this home; others wait for it."""
        try:
            self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.home / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise DevdbError(
                f"Cannot write in {self.home} ({error.strerror}). "
                "Set VAR_DIR to a folder that you may write to."
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)

    def _install(self) -> None:
        # Renamed only when complete: a half-made datadir is never taken for a good one.
        unfinished = self.home / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        command = install_command(unfinished, self.tmpdir, self.admin_user)
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise DevdbError(
                f"mariadb-install-db could not make {self.datadir} (exit {done.returncode}):\n"
                f"{_tail(done.stdout + done.stderr)}"
            )
        (unfinished / MARKER).write_text("devdb made this datadir, and may delete it.\n")
        unfinished.rename(self.datadir)

    def _spawn(self) -> int:
        files = {
            "datadir": self.datadir,
            "tmpdir": self.tmpdir,
            "socket": self.socket,
            "pid-file": self._pid_file,
            "init-file": self._accounts,
        }
        command = server_command(files, self.port, self.options)
        write_log = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        # posix_spawn, not Popen: the server may outlive this process, and Popen complains then.
        # A session of its own: Ctrl-C in the terminal must not end it before those who use it.
        pid = os.posix_spawn(
            command[0],
            command,
            os.environ,
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, os.fspath(self.log), write_log, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )
        self._child = pid
        # The server writes this file too, but late: after recovery, which can take a while.
        self._pid_file.write_text(str(pid))
        return pid

    def _runs(self, pid: int) -> bool:
        if pid == self._child:
            if os.waitpid(pid, os.WNOHANG) == (0, 0):
                return True
            self._child = None
        # After a kill -9 the pid file is stale, and the number may be a stranger's by now.
        try:
            arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except OSError:
            return False
        return os.fsencode(f"--datadir={self.datadir}") in arguments

    def _await_greeting(self, pid: int) -> None:
        deadline = time.monotonic() + self.start_seconds
        while not self._greets():
            if not self._runs(pid):
                problem = "MariaDB ended while it started"
            elif time.monotonic() > deadline:
                problem = f"MariaDB did not answer on {self.socket} in {self.start_seconds:g} s"
            else:
                time.sleep(0.02)
                continue
            raise DevdbError(
                f"{problem}. The end of its log {self.log}:\n"
                f"{_tail(self.log.read_text(errors='replace'))}\n"
                "If the data is beyond repair, `manage.py devdb reset` starts with an empty server."
            )

    def _greets(self) -> bool:
        """Whether a client is greeted: the server does so only after the accounts are made."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.settimeout(1)
            client.connect(os.fspath(self.socket))
            # A packet's header has four bytes; any first packet will do, as
            # "Too many connections" is also said by a server that is up.
            return len(client.recv(5)) == 5
        return False

    def _end(self, pid: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
            # A server that a test has frozen would never see the first signal.
            os.kill(pid, signal.SIGCONT)
        deadline = time.monotonic() + self.stop_seconds
        while self._runs(pid):
            if time.monotonic() > deadline:
                # What is committed is on the disk: killing costs only a recovery at the next start.
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                deadline = float("inf")
            time.sleep(0.02)


def _write_private(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    new.replace(path)


def _tail(text: str, lines: int = 15) -> str:
    return "\n".join(f"    {line}" for line in text.strip().splitlines()[-lines:])
