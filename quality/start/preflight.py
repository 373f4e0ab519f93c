"""Finds out what would make `make run` fail, before anything is started."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from quality.start.console import ROOT, StartError

URL_FORM = "mysql://user:password@host:port/name"


@dataclass(frozen=True)
class Place:
    """Where this run keeps its files, listens, and finds its database."""

    var_dir: Path
    bind: str
    port: int
    database_url: str | None
    direct_url: str | None

    @property
    def host(self) -> str:
        """An address of this machine at which the server answers."""
        return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.bind, self.bind)  # noqa: S104

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/"


def read_place(environ: Mapping[str, str]) -> Place:
    """Read the environment; an empty variable counts as unset, as in a compose file."""
    var_dir = read_var_dir(environ)
    port_text = environ.get("PORT") or "8000"
    if not port_text.isdecimal() or not 0 < int(port_text) < 65536:
        raise StartError(f"PORT={port_text} is not a port. Give a number from 1 to 65535.")
    place = Place(
        var_dir=var_dir,
        bind=environ.get("BIND") or "127.0.0.1",
        port=int(port_text),
        database_url=environ.get("DATABASE_URL") or None,
        direct_url=environ.get("DATABASE_DIRECT_URL") or None,
    )
    if place.direct_url and not place.database_url:
        raise StartError(
            "DATABASE_DIRECT_URL is set and DATABASE_URL is not. Set both, or none for a "
            "private MariaDB."
        )
    for name, url in (
        ("DATABASE_URL", place.database_url),
        ("DATABASE_DIRECT_URL", place.direct_url),
    ):
        if url:
            split_database_url(name, url)
    return place


def read_var_dir(environ: Mapping[str, str]) -> Path:
    # Relative to the project, as .env files and the documentation mean it.
    return ROOT / (environ.get("VAR_DIR") or "var")


def split_database_url(name: str, url: str) -> SplitResult:
    """Take a database URL apart; errors never repeat it, as it holds a password."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises ValueError when it is no number
    except ValueError:
        # What it takes for the port may be a part of the password.
        raise StartError(
            f"{name} cannot be read: its port is no number, or its password is not quoted. It has "
            f"the form {URL_FORM}; write special characters in the password as %XX."
        ) from None
    if parts.fragment or parts.netloc.count("@") > 1 or "@" in parts.path + parts.query:
        # Part of the password then, most likely: so none of it is repeated.
        raise StartError(
            f"{name} cannot be read. It has the form {URL_FORM}; write special characters in the "
            "password (@ / # ? : %) as %XX, such as %40 for @."
        )
    if parts.hostname == "localhost" and parts.port and "unix_socket=" not in parts.query:
        raise StartError(
            f"{name} names localhost with a port, but for the client library localhost is a "
            f"socket. Write 127.0.0.1:{parts.port}, or add ?unix_socket=/path/of/the.sock"
        )
    missing = [
        what
        for what, value in (
            ("the scheme mysql://", parts.scheme == "mysql"),
            ("a user", parts.username),
            ("a host", parts.hostname),
            ("a database name", parts.path.strip("/")),
        )
        if not value
    ]
    if missing:
        raise StartError(f"{name} lacks {' and '.join(missing)}. It has the form {URL_FORM}.")
    return parts


def check_writable(folder: Path, *, variable: str | None = None) -> None:
    """Make a file in the folder: permissions, mounts and full disks all speak through it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".write-probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        remedy = (
            f"Set {variable} to a folder that you may write to."
            if variable
            else "Make it writable, or use a copy of the project that is."
        )
        raise StartError(f"Cannot write in {folder} ({error.strerror}). {remedy}") from None


def check_port(place: Place) -> None:
    """Bind as gunicorn will, and let go."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            place.bind, place.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise StartError(
                f"Port {place.port} on {place.bind} is taken by another program. "
                f"Choose another: PORT={place.port + 1} make run"
            ) from None
        if error.errno == errno.EACCES:
            raise StartError(
                f"You may not listen on port {place.port}. Choose another: PORT=8000 make run"
            ) from None
        raise StartError(
            f"Cannot listen on BIND={place.bind} ({error.strerror}). "
            "Set BIND to an address of this machine: BIND=127.0.0.1 make run"
        ) from None


@contextlib.contextmanager
def only_run(place: Place) -> Iterator[None]:
    """Hold the lock that says that this checkout is being served; it ends with the process."""
    path = place.var_dir / "run.lock"
    with open(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = file.read().strip() or "starting"
            raise StartError(
                f"Already running from this folder: {holder}. Stop that one first (Ctrl-C in its "
                f"terminal, or kill its pid), or use another VAR_DIR and PORT."
            ) from None
        file.truncate()
        file.write(f"pid {os.getpid()}, {place.url}\n")
        file.flush()
        yield
        file.seek(0)
        file.truncate()


def check_database(name: str, url: str, python: Path) -> None:
    """Log in once; the URL goes through the environment, where `ps` does not show it."""
    done = subprocess.run(
        [python, "-m", "quality.start.login", name],
        cwd=ROOT,
        env=os.environ | {name: url},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise StartError((done.stdout + done.stderr).strip())
