from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from quality.devdb.mariadb import PrivateMariaDB


@pytest.fixture
def server(home: Path, make_server: Callable[..., PrivateMariaDB], settings: Any) -> PrivateMariaDB:
    settings.VAR_DIR = home.parent
    return make_server(home)


def test_start_status_and_stop_say_what_is_true(
    server: PrivateMariaDB, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("devdb", "start")
    started = capsys.readouterr().out
    assert f"running, pid {server.pid}, socket {server.socket}" in started
    assert f"DATABASE_URL={server.url()}" in started
    call_command("devdb", "status")
    assert "running" in capsys.readouterr().out
    call_command("devdb", "stop")
    assert "stopped" in capsys.readouterr().out
    assert server.status() == "stopped"


def test_reset_asks_first(server: PrivateMariaDB, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda question: "n")
    with pytest.raises(CommandError, match="Nothing deleted"):
        call_command("devdb", "reset")
    assert server.datadir.exists()
    call_command("devdb", "reset", "--yes")
    assert not server.datadir.exists()


def test_a_failure_is_a_sentence_not_a_traceback(tmp_path: Path, settings: Any) -> None:
    (tmp_path / "mariadb" / "data").mkdir(parents=True)
    settings.VAR_DIR = tmp_path
    with pytest.raises(CommandError, match="was not made by devdb"):
        call_command("devdb", "start")
