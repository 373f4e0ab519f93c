from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from quality.devdb.mariadb import PrivateMariaDB
from quality.start.console import ROOT, StartError
from quality.start.preflight import (
    check_database,
    check_port,
    check_writable,
    only_run,
    read_place,
)

PYTHON = Path(sys.executable)


def test_without_an_environment_it_is_the_documented_place() -> None:
    place = read_place({"DATABASE_URL": ""})
    assert (place.bind, place.port, place.var_dir) == ("127.0.0.1", 8000, ROOT / "var")
    assert place.url == "http://127.0.0.1:8000/"
    assert place.database_url is None


@pytest.mark.parametrize(
    ("bind", "url"),
    [
        ("0.0.0.0", "http://127.0.0.1:8000/"),  # noqa: S104
        ("::", "http://[::1]:8000/"),
    ],
)
def test_the_url_is_one_that_a_browser_here_can_open(bind: str, url: str) -> None:
    assert read_place({"BIND": bind}).url == url


@pytest.mark.parametrize("port", ["http", "0", "65536", "-1", "80.5"])
def test_a_port_that_is_none_is_refused(port: str) -> None:
    with pytest.raises(StartError, match=r"PORT=.* is not a port.*1 to 65535"):
        read_place({"PORT": port})


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("postgres://u:s3cret@host/db", "lacks the scheme mysql://"),
        ("mysql://host/db", "lacks a user"),
        ("mysql://u:s3cret@host", "lacks a database name"),
        ("mysql://u:s3cret@host:port/db", "cannot be read"),
        ("mysql://u:s3cret/x@host/db", "cannot be read"),
        ("mysql://u:s3cret?x@host/db", "as %XX"),
        ("quality", "lacks the scheme mysql:// and a user and a host"),
    ],
)
def test_a_database_url_is_read_early_and_its_password_never_shown(url: str, says: str) -> None:
    for name in ("DATABASE_URL", "DATABASE_DIRECT_URL"):
        with pytest.raises(StartError) as refused:
            read_place({"DATABASE_URL": "mysql://u:s3cret@host/db"} | {name: url})
        assert says in str(refused.value)
        assert str(refused.value).startswith(name)
        assert "mysql://user:password@host:port/name" in str(refused.value)
        assert "s3cret" not in str(refused.value)


def test_a_direct_url_alone_is_refused() -> None:
    with pytest.raises(StartError, match="DATABASE_URL is not"):
        read_place({"DATABASE_DIRECT_URL": "mysql://u:p@host/db"})


def test_a_taken_port_is_named_with_the_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(StartError, match=rf"{port} .*is taken.*PORT={port + 1} make run"):
            check_port(read_place({"PORT": str(port)}))


def test_a_port_that_was_just_in_use_is_free(free_port: int) -> None:
    # Its last connections linger in TIME_WAIT; gunicorn binds over them, and so must the check.
    with socket.create_server(("127.0.0.1", free_port)) as server:
        client = socket.create_connection(("127.0.0.1", free_port))
        accepted, _ = server.accept()
        accepted.close()
        client.close()
    check_port(read_place({"PORT": str(free_port)}))


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(StartError, match=r"BIND=192\.0\.2\.1.*BIND=127\.0\.0\.1"):
        check_port(read_place({"BIND": "192.0.2.1"}))


def test_a_folder_that_cannot_be_written_is_named_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StartError, match=r"Cannot write in .*file/var .*Set VAR_DIR"):
        check_writable(tmp_path / "file" / "var", variable="VAR_DIR")
    # sysfs takes no files, not even from root.
    with pytest.raises(StartError, match=r"Cannot write in /sys .*Make it writable"):
        check_writable(Path("/sys"))


def test_a_second_run_learns_of_the_first_and_a_later_one_may_start(tmp_path: Path) -> None:
    place = read_place({"VAR_DIR": str(tmp_path), "PORT": "8123"})
    with only_run(place):
        expected = rf"pid {os.getpid()}, http://127\.0\.0\.1:8123/"
        with pytest.raises(StartError, match=expected), only_run(place):
            pass
    with only_run(place):
        pass


def test_a_killed_run_leaves_no_lock(tmp_path: Path) -> None:
    place = read_place({"VAR_DIR": str(tmp_path)})
    code = (
        "import os, sys; from quality.start.preflight import only_run, read_place\n"
        "with only_run(read_place({'VAR_DIR': sys.argv[1]})): os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path], cwd=ROOT, check=False)
    assert "pid" in (tmp_path / "run.lock").read_text()
    with only_run(place):
        pass


class TestDatabase:
    @pytest.fixture
    def server(self, mariadb_home: Path) -> PrivateMariaDB:
        return PrivateMariaDB(mariadb_home)

    def test_a_good_url_passes(self, server: PrivateMariaDB) -> None:
        check_database("DATABASE_URL", server.url(), PYTHON)

    def test_a_wrong_password_is_not_shown(self, server: PrivateMariaDB) -> None:
        url = f"mysql://quality:s3cret@localhost/quality?unix_socket={server.socket}"
        with pytest.raises(StartError) as refused:
            check_database("DATABASE_URL", url, PYTHON)
        text = str(refused.value)
        for part in ("DATABASE_URL", str(server.socket), "user quality", "1045", "Correct the"):
            assert part in text
        assert "s3cret" not in text

    def test_a_missing_database_comes_with_the_statement_that_makes_it(
        self, server: PrivateMariaDB
    ) -> None:
        with pytest.raises(StartError, match="CREATE DATABASE quality_no CHARACTER SET utf8mb4"):
            check_database("DATABASE_DIRECT_URL", server.url("quality_no"), PYTHON)

    def test_a_server_that_is_not_there_is_named(self, free_port: int) -> None:
        url = f"mysql://quality:s3cret@127.0.0.1:{free_port}/quality"
        with pytest.raises(StartError, match=rf"127\.0\.0\.1:{free_port}.*(?s:.)*Start the server"):
            check_database("DATABASE_URL", url, PYTHON)
