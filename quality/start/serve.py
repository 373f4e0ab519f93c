"""make run: everything up, in order; everything down again, in reverse."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from quality.devdb.configuration import SETTINGS, DevdbError
from quality.devdb.mariadb import PrivateMariaDB
from quality.start import install
from quality.start.console import StartError, progress, run_step, say
from quality.start.preflight import (
    Place,
    check_database,
    check_port,
    check_writable,
    only_run,
    read_place,
)
from quality.start.signals import Stopped, shielded
from quality.start.webserver import WebServer

GUNICORN = (
    *(install.PYTHON, "-m", "gunicorn", "-c", "docker/gunicorn.conf.py"),
    "quality.wsgi:application",
)


def run() -> int:
    place = read_place(os.environ)
    check_writable(place.var_dir, variable="VAR_DIR")
    with only_run(place):
        check_port(place)
        install.ensure()
        with database(place) as database_url:
            return serve(place, database_url)


@contextlib.contextmanager
def database(place: Place) -> Iterator[str]:
    """Lend a database's URL: the one that was given, or that of a private server."""
    if place.database_url:
        check_database("DATABASE_URL", place.database_url, install.PYTHON)
        if place.direct_url:
            check_database("DATABASE_DIRECT_URL", place.direct_url, install.PYTHON)
        yield place.database_url
        return
    server = PrivateMariaDB(place.var_dir / "mariadb")
    try:
        with progress("Starting MariaDB") as line, shielded():
            start(server)
            line.done(f"pid {server.pid}, data in {server.datadir}")
        yield server.url()
    finally:
        with shielded(), progress("Stopping MariaDB") as line:
            server.stop()
            line.done()


def start(server: PrivateMariaDB) -> None:
    try:
        server.start()
    except DevdbError as error:
        raise StartError(str(error)) from error


def serve(place: Place, database_url: str) -> int:
    env = environment(place, database_url)
    manage: tuple[str | Path, ...] = (install.PYTHON, "manage.py")
    run_step(
        "Migrating the database",
        [*manage, "migrate", "--no-input"],
        env=env,
        remedy="Correct what the last lines name, and run the same command again.",
    )
    demo = run_step(
        "Loading the demo data",
        [*manage, "seeddemo"],
        env=env,
        remedy="Correct what the last lines name, and run the same command again.",
    )
    web = WebServer(GUNICORN, env=env)
    try:
        with progress("Starting gunicorn") as line:
            web.start()
            web.await_ready(place.host, place.port, "/health/ready", line=line)
            line.done(f"pid {web.pid}")
        say(banner(place, demo))
        code = web.wait()
    except Stopped as stopped:
        if not web.ready:
            raise
        say(f"\n{stopped}: finishing the requests in flight.")
        return 0
    finally:
        with shielded():
            web.stop()
    raise StartError(
        f"gunicorn ended by itself with exit code {code}; its messages are above. "
        "Correct what they name, and run make run again."
    )


def environment(place: Place, database_url: str) -> dict[str, str]:
    """What every process of this run sees, on top of what the caller set."""
    private = {} if place.database_url else {"DB_MAX_CONNECTIONS": str(SETTINGS["max-connections"])}
    return (
        os.environ
        | private
        | {
            "DEVELOPMENT": "1",
            "DATABASE_URL": database_url,
            "VAR_DIR": str(place.var_dir),
            "BIND": place.bind,
            "PORT": str(place.port),
        }
    )


def banner(place: Place, demo: str) -> str:
    lines = [f"quality is at {place.url}", "", *demo.strip().splitlines(), "", "Ctrl-C stops it."]
    rule = "-" * 72
    return "\n".join(["", rule, *(f"  {line}".rstrip() for line in lines), rule, ""])
