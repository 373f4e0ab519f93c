"""What a station does all day costs few statements, counted by the server itself."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone

from quality.devdb.mariadb import PrivateMariaDB
from scans.models import Defect
from tests.faults import Administrator
from tests.scans.sample import payload, post

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("master_data")]


@pytest.fixture
def administrator(mariadb_home) -> Iterator[Administrator]:
    with Administrator(PrivateMariaDB(mariadb_home)) as administrator:
        yield administrator


@pytest.fixture
def heard(administrator) -> Callable[..., list[str]]:
    """`heard(act)` is all that the server is sent for it, until the connection has gone back."""

    @contextmanager
    def general_log() -> Iterator[None]:
        administrator.query("TRUNCATE mysql.general_log")
        with administrator.setting("log_output", "TABLE"), administrator.setting("general_log", 1):
            yield

    def listen(act: Callable[[], None]) -> list[str]:
        connection.close()
        # What was done to it before may have cost us the connection: to open one is not measured.
        connection.ensure_connection()
        connection.close()
        with general_log():
            act()
            connection.close()
        own = administrator.query("SELECT CONNECTION_ID()")[0][0]
        rows = administrator.query(
            "SELECT CONVERT(argument USING utf8mb4) FROM mysql.general_log "
            f"WHERE thread_id <> {own} AND command_type <> 'Quit' ORDER BY event_time"
        )
        return [text for (text,) in rows]

    return listen


@pytest.fixture
def operator(client_of):
    client = client_of("operator")
    # Warm: the process holds the floor and the rights.
    assert client.get("/scans/floor/").status_code == 200
    return client


def send(client, body, path="/scans/") -> None:
    response = post(client, body, path)
    assert response.status_code in (200, 201), response.content


def test_a_scan_costs_three_trips(heard, operator):
    scan = payload(station="FG-01", device=str(uuid4()), sequence=1)
    statements = heard(lambda: send(operator, scan))
    session, earlier, insert = statements
    assert "accounts_session" in session
    assert "accounts_user" in session
    assert "scans_revision" in earlier
    assert insert.startswith("INSERT INTO `scans_scan`")


def test_a_poll_costs_two(heard, operator):
    send(operator, payload(station="FG-01"))

    def poll() -> None:
        response = operator.get("/scans/recent/?station=FG-01&cp_base=CP10045821")
        assert len(response.json()["scans"]) == 1

    assert len(heard(poll)) == 2


def test_a_heartbeat_costs_two(heard, operator):
    body = {
        "station": "FG-01",
        "device": str(uuid4()),
        "pending": 0,
        "oldest_pending_seconds": None,
        "attention": 0,
    }
    for _ in range(2):
        statements = heard(lambda: send(operator, body, "/scans/heartbeat/"))
        assert len(statements) == 2, statements


def test_the_floor_and_the_tally_cost_two(heard, operator):
    assert len(heard(lambda: operator.get("/scans/floor/"))) == 2
    now = timezone.now().isoformat()
    query = {"device": str(uuid4()), "since": now, "until": now}
    assert len(heard(lambda: operator.get("/scans/tally/", query))) == 2


def test_the_board_costs_two_and_304_no_more(heard, operator, client_of):
    send(operator, payload(station="FG-01", scanned_at=timezone.now().isoformat()))
    quality = client_of("quality")
    tag = quality.get("/scans/board.json")["ETag"]
    answers = []

    def ask(**headers: str) -> list[str]:
        return heard(lambda: answers.append(quality.get("/scans/board.json", headers=headers)))

    for statements in (ask(), ask(**{"If-None-Match": tag})):
        session, board = statements
        assert "accounts_session" in session
        assert "accounts_user" in session
        assert "scans_revision" in board
    assert [answer.status_code for answer in answers] == [200, 304]


def test_a_change_of_master_data_is_read_once_and_then_held(heard, operator):
    Defect.objects.filter(code="013").update(active=False)
    first = heard(lambda: send(operator, payload()))
    then = heard(lambda: send(operator, payload(cp="CP10045821-0002")))
    # Settings, stations, operators, defects, profiles.
    assert len(first) == len(then) + 5
    assert len(then) == 3
