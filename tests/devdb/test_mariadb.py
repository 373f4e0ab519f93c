from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import MySQLdb
import pytest

from quality.devdb.configuration import DevdbError
from quality.devdb.mariadb import MARKER, PrivateMariaDB
from tests.devdb.conftest import ask
from tests.faults import free_port

MakeServer = Callable[..., PrivateMariaDB]


def kill(server: PrivateMariaDB) -> None:
    pid = server.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def test_first_start_makes_a_datadir_that_is_marked_as_ours(
    tmp_path: Path, make_server: MakeServer
) -> None:
    server = make_server(tmp_path / "var" / "mariadb")
    assert server.status() == "not installed"
    server.start()
    assert server.status() == "running"
    assert (server.datadir / MARKER).is_file()
    assert not (server.home / "data.unfinished").exists()
    server.stop()
    assert server.status() == "stopped"


def test_its_url_logs_in(shared_server: PrivateMariaDB) -> None:
    parts = urlsplit(shared_server.url("quality"))
    connection = MySQLdb.connect(
        unix_socket=parse_qs(parts.query)["unix_socket"][0],
        user=parts.username,
        password=parts.password,
        database=parts.path.strip("/"),
    )
    connection.close()
    assert (parts.scheme, parts.hostname) == ("mysql", "localhost")


def test_it_is_durable_and_speaks_utf8mb4(shared_server: PrivateMariaDB) -> None:
    [(flush, doublewrite, charset, sql_mode)] = ask(
        shared_server,
        "SELECT @@innodb_flush_log_at_trx_commit, @@innodb_doublewrite,"
        " @@character_set_database, @@sql_mode",
    )
    assert (flush, doublewrite, charset) == (1, 1, "utf8mb4")
    assert "STRICT_TRANS_TABLES" in sql_mode


def test_the_application_has_rights_on_its_schemas_only(shared_server: PrivateMariaDB) -> None:
    ask(shared_server, "CREATE DATABASE test_quality", "DROP DATABASE test_quality")
    ask(shared_server, "CREATE DATABASE quality_copy", "DROP DATABASE quality_copy")
    for foreign in ("other", "qualityx", "testquality"):
        with pytest.raises(MySQLdb.OperationalError, match="1044"):
            ask(shared_server, f"CREATE DATABASE {foreign}")
    everywhere, *_ = [grant for (grant,) in ask(shared_server, "SHOW GRANTS") if "ON *.*" in grant]
    assert everywhere.startswith("GRANT USAGE ")


def test_rights_granted_by_hand_end_with_the_next_start(server: PrivateMariaDB) -> None:
    ask(server, "GRANT ALL ON *.* TO quality@localhost", admin=True)
    server.stop()
    server.start()
    with pytest.raises(MySQLdb.OperationalError, match="1044"):
        ask(server, "CREATE DATABASE other")


def test_nobody_logs_in_without_a_password(shared_server: PrivateMariaDB) -> None:
    for user in ("quality", "nobody"):
        with pytest.raises(MySQLdb.OperationalError, match=r"1045|1698"):
            MySQLdb.connect(unix_socket=str(shared_server.socket), user=user, password="")
    anonymous = "SELECT user FROM mysql.user WHERE user = ''"
    assert ask(shared_server, anonymous, admin=True) == []


def test_secrets_are_readable_by_the_owner_only(shared_server: PrivateMariaDB) -> None:
    for path in (shared_server.home / "password", shared_server.home / "accounts.sql"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert shared_server.password in shared_server.url()


def test_it_opens_no_port_unless_asked(shared_server: PrivateMariaDB) -> None:
    [(skip_networking,)] = ask(shared_server, "SELECT @@skip_networking")
    assert skip_networking == 1


def test_a_port_is_opened_on_loopback_only(home: Path, make_server: MakeServer) -> None:
    port = free_port()
    server = make_server(home, port=port)
    server.start()
    parts = urlsplit(server.url())
    connection = MySQLdb.connect(
        host=parts.hostname, port=parts.port, user="quality", password=server.password
    )
    connection.close()
    assert parts.port == port
    [(address,)] = ask(server, "SELECT @@bind_address")
    assert address == "127.0.0.1"


def test_a_taken_port_shows_the_end_of_the_servers_log(home: Path, make_server: MakeServer) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        pytest.raises(DevdbError, match=r"(?s)error\.log.*Bind on TCP/IP port"),
    ):
        make_server(home, port=taken.getsockname()[1]).start()
    assert make_server(home).status() == "stopped"


def test_options_reach_the_server(home: Path, make_server: MakeServer) -> None:
    server = make_server(home, options={"max_connections": 17})
    server.start()
    assert ask(server, "SELECT @@max_connections") == [(17,)]


def test_an_unknown_option_is_refused_with_its_name(home: Path, make_server: MakeServer) -> None:
    with pytest.raises(DevdbError, match="max-conections"):
        make_server(home, options={"max_conections": 17}).start()


def test_a_killed_server_recovers_what_was_committed(server: PrivateMariaDB) -> None:
    ask(server, "CREATE TABLE scan (id INT) ENGINE=InnoDB", "INSERT INTO scan VALUES (7)")
    kill(server)
    assert server.status() == "stopped"
    server.start()
    assert ask(server, "SELECT id FROM scan") == [(7,)]


def test_a_stale_pid_file_is_not_believed(home: Path, make_server: MakeServer) -> None:
    # This very process has the number now: neither may it be taken for a server, nor be ended.
    (home / "mariadb.pid").write_text(str(os.getpid()))
    server = make_server(home)
    assert server.status() == "stopped"
    server.stop()
    server.start()
    assert server.pid not in (None, os.getpid())


def test_two_starts_at_once_make_one_server(tmp_path: Path, make_server: MakeServer) -> None:
    servers = [make_server(tmp_path / "mariadb") for _ in range(2)]
    failures: list[BaseException] = []

    def start(server: PrivateMariaDB) -> None:
        try:
            server.start()
        except BaseException as error:  # noqa: BLE001 - told to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=start, args=[server]) for server in servers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert servers[0].pid == servers[1].pid is not None


def test_another_process_sees_and_stops_the_server(server: PrivateMariaDB) -> None:
    code = (
        "import sys, pathlib; from quality.devdb.mariadb import PrivateMariaDB;"
        "server = PrivateMariaDB(pathlib.Path(sys.argv[1]));"
        "print(server.pid); server.stop(); print(server.status())"
    )
    expected = f"{server.pid}\nstopped\n"
    done = subprocess.run(
        [sys.executable, "-c", code, server.home], capture_output=True, text=True, check=True
    )
    assert done.stdout == expected
    assert server.status() == "stopped"


def test_several_homes_make_several_servers(
    server: PrivateMariaDB, shared_server: PrivateMariaDB
) -> None:
    assert server.pid != shared_server.pid
    ask(server, "CREATE TABLE here (id INT)")
    assert ask(shared_server, "SHOW TABLES LIKE 'here'") == []


def test_a_start_leaves_the_temporary_tables_of_other_servers_alone(
    tmp_path: Path, make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    tables = [tmp_path / f"#sql-temptable-1-1-1.{kind}" for kind in ("MAI", "MAD")]
    for table in tables:
        table.write_text("somebody's work")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    make_server(tmp_path / "mariadb").start()
    assert all(table.exists() for table in tables)


def test_a_start_leaves_a_running_server_alone(shared_server: PrivateMariaDB) -> None:
    before = shared_server.pid
    shared_server.start()
    assert shared_server.pid == before


def test_it_does_not_share_our_terminal_session(shared_server: PrivateMariaDB) -> None:
    assert shared_server.pid is not None
    assert os.getsid(shared_server.pid) == shared_server.pid


def test_a_frozen_server_can_be_stopped(server: PrivateMariaDB) -> None:
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    server.stop()
    assert server.status() == "stopped"
    assert "Shutdown complete" in server.log.read_text()


def test_a_server_that_does_not_end_is_killed_and_recovers(
    home: Path, make_server: MakeServer
) -> None:
    server = make_server(home, stop_seconds=0)
    server.start()
    ask(server, "CREATE TABLE scan (id INT) ENGINE=InnoDB", "INSERT INTO scan VALUES (7)")
    server.stop()
    assert server.status() == "stopped"
    server.start()
    assert ask(server, "SELECT id FROM scan") == [(7,)]


def test_a_datadir_that_is_not_ours_is_not_touched(tmp_path: Path, make_server: MakeServer) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "ibdata1").write_text("somebody's work")
    server = make_server(tmp_path)
    for action in (server.start, server.reset):
        with pytest.raises(DevdbError, match=r"was not made by devdb.*Move it away.*VAR_DIR"):
            action()
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["ibdata1"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_datadir_of_another_user_is_not_touched(home: Path, make_server: MakeServer) -> None:
    os.chown(home / "data", 65534, 65534)
    with pytest.raises(DevdbError, match=r"belongs to the user with uid 65534, you are uid 0"):
        make_server(home).start()


def test_a_half_made_datadir_is_made_anew(tmp_path: Path, make_server: MakeServer) -> None:
    (tmp_path / "data.unfinished").mkdir()
    (tmp_path / "data.unfinished" / "ibdata1").write_text("cut short")
    server = make_server(tmp_path)
    server.start()
    assert ask(server, "SELECT 1") == [(1,)]


def test_a_too_long_socket_path_is_refused_with_the_remedy(tmp_path: Path) -> None:
    home = tmp_path / ("x" * 100)
    length = len(str(home / "mariadb.sock"))
    with pytest.raises(DevdbError, match=rf"has {length} bytes.*allows 107.*VAR_DIR"):
        PrivateMariaDB(home).start()
    assert not home.exists()


def test_a_home_that_cannot_be_written_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DevdbError, match=r"Cannot write in .*VAR_DIR"):
        PrivateMariaDB(tmp_path / "file" / "mariadb").start()


def test_reset_begins_with_an_empty_server_and_keeps_the_password(server: PrivateMariaDB) -> None:
    ask(server, "CREATE TABLE scan (id INT)")
    url = server.url()
    server.reset()
    assert server.status() == "not installed"
    server.start()
    assert ask(server, "SHOW TABLES") == []
    assert server.url() == url


def test_an_interrupted_start_leaves_no_server(
    home: Path, make_server: MakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = make_server(home)
    spawned: list[int] = []

    def interrupted(pid: int) -> None:
        spawned.append(pid)
        raise KeyboardInterrupt

    # Only the moment is arranged: the process that has to end is a real one.
    monkeypatch.setattr(server, "_await_greeting", interrupted)
    with pytest.raises(KeyboardInterrupt):
        server.start()
    assert server.status() == "stopped"
    assert not Path(f"/proc/{spawned[0]}").exists()
