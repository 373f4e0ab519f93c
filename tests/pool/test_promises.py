"""Each known defect of pools, on django-db-connection-pool as it is, and on quality.pool.

A line of PROMISES is an experiment and what is seen in it with either ENGINE. That the
defect is seen with the first one proves that the experiment can tell.

The list has 17 defects, and all of them are held here, by 22 experiments: some defects
show in more than one way. Of recycling, the background and the monotonic clock are held
here; the jitter cannot be seen from outside within a test's time and is held by
test_keeper.py.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.pool import experiments
from tests.pool.conftest import SCHEMA
from tests.pool.project import databases, environment, run

THEIRS = "dj_db_conn_pool.backends.mysql"
OURS = "quality.pool"
ENGINES = {THEIRS: "django-db-connection-pool", OURS: "quality.pool"}

Expected = Any


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What is seen, by ENGINE; a function tells whether what was seen is it."""

    theirs: Expected
    ours: Expected
    pool: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    # Of what is measured in time one attempt is proof: another one may tell of the machine.
    attempts: int = 1


def lost(seen: str) -> bool:
    """The server has gone, as either the next write or the next read finds out."""
    return seen in {"OperationalError 2006", "OperationalError 2013"}


def crowded(seen: dict[str, int]) -> bool:
    """Some waited in vain, or nearly so, while others were served again and again."""
    return seen["timed_out"] > 0 or seen["least"] < 0.1 * seen["most"]


def fair(seen: dict[str, int]) -> bool:
    """Nobody waited in vain, and the least served got 80 % of what the most served got."""
    return seen["timed_out"] == 0 and seen["least"] >= 0.8 * seen["most"]


def every_kind(seen: list[str]) -> bool:
    """All the state that a session can have."""
    return seen == list(experiments.STATE)


SET_ISOLATION = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
INSERT = "INSERT INTO things VALUES (1) ON DUPLICATE KEY UPDATE id = 1"

PROMISES = {
    "query_at_start_then_test_runner": Promise(theirs="the configured one", ours="the test's"),
    "parallel_tests": Promise(theirs=["True", "True"], ours=["_1 False", "_2 False"]),
    "no_db_cursor_of_two_servers": Promise(theirs="the first server", ours="its own server"),
    "changed_name": Promise(theirs="the old one", ours="information_schema"),
    "changed_password": Promise(theirs="done", ours="OperationalError 1045"),
    "rows_after_fork": Promise(theirs="the parent's row", ours="the child's row"),
    "parents_connection_after_childs_exit": Promise(theirs=lost, ours="done"),
    "exhausted": Promise(
        theirs=[False, {"limit": None, "in_use": None, "idle": None, "waiting": None}, False],
        ours=[True, {"limit": 1, "in_use": 1, "idle": 0, "waiting": 1}, True],
        pool={"max_size": 1, "timeout": 1},
    ),
    "query_after_close_inside_atomic": Promise(
        theirs="AssertionError", ours="TransactionManagementError"
    ),
    "idle_connection_of_a_frozen_server": Promise(
        theirs="as long as the freeze", ours="within the time-out", pool={"timeout": 1}
    ),
    "new_connection_to_a_frozen_server": Promise(
        theirs="as long as the freeze", ours="within the time-out", pool={"timeout": 1}
    ),
    "forty_threads_on_six_connections": Promise(
        theirs=crowded,
        ours=fair,
        pool={"max_size": 6, "timeout": 5},
        env={"SECONDS": "6"},
        attempts=3,
    ),
    "session_state": Promise(theirs=every_kind, ours=[]),
    "thread_that_ends_without_closing": Promise(
        theirs="TimeoutError", ours="done", pool={"max_size": 1, "timeout": 1}
    ),
    "dispose_with_connections_out": Promise(
        theirs="more than the cap", ours="the cap", pool={"max_size": 2, "timeout": 1}
    ),
    "impossible_options": Promise(
        theirs=["done", "done", "done"], ours=["ImproperlyConfigured"] * 3
    ),
    "clock_that_jumps": Promise(theirs="replaced", ours="kept", pool={"max_lifetime": 3600}),
    "old_connection_that_nobody_borrows": Promise(
        theirs="left open", ours="closed", pool={"max_lifetime": 1}
    ),
    "half_initialised_connection": Promise(theirs="kept", ours="closed"),
    "connects_that_are_counted": Promise(
        theirs={"counted": 5, "server": 1}, ours={"counted": 1, "server": 1}
    ),
    "requests_of_one_select": Promise(
        theirs={
            "round_trips": 4,
            "statements": [SET_ISOLATION, "SELECT 'mine'", "ROLLBACK"],
        },
        ours={"round_trips": 1, "statements": ["SELECT 'mine'"]},
    ),
    "requests_of_one_transaction": Promise(
        theirs={
            "round_trips": 8,
            "statements": [
                SET_ISOLATION,
                "SET autocommit=0",
                "SELECT 'mine'",
                INSERT,
                "COMMIT",
                "SET autocommit=1",
                "ROLLBACK",
            ],
        },
        # BEGIN travels with the first statement.
        ours={"round_trips": 3, "statements": ["BEGIN;SELECT 'mine'", INSERT, "COMMIT"]},
    ),
}


def settings_of(engine: str, pool: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """DATABASES with the same wishes in either ENGINE's spelling."""
    if engine == OURS:
        made = databases(engine, pool=pool, **changes)
    else:
        spelling = {"max_size": "POOL_SIZE", "timeout": "TIMEOUT", "max_lifetime": "RECYCLE"}
        options = {spelling[name]: wish for name, wish in pool.items()}
        if "max_size" in pool:
            options["MAX_OVERFLOW"] = 0
        made = databases(engine, POOL_OPTIONS=options, **changes)
    return made


@pytest.fixture
def see(server, spare_server, administrator) -> Iterator[Callable[..., Any]]:
    """`see("changed_name", ENGINE, {})` is what that experiment sees, on the spare server."""
    schemas = [SCHEMA, f"test_{SCHEMA}", f"{SCHEMA}_1", f"{SCHEMA}_2"]
    for schema in schemas:
        administrator.query(f"CREATE OR REPLACE DATABASE {schema}")
        administrator.query(f"CREATE TABLE {schema}.things (id int PRIMARY KEY) ENGINE=InnoDB")

    def see(name: str, engine: str, pool: dict[str, Any], **env: str) -> Any:
        spare = settings_of(engine, pool, NAME=SCHEMA, PASSWORD=spare_server.password)["default"]
        spare["OPTIONS"]["unix_socket"] = str(spare_server.socket)
        # Only the connections without a database of two servers are of interest there.
        other = settings_of(engine, pool, NAME=SCHEMA)["default"]
        where = {"SERVER_PID": str(spare_server.pid), "SERVER_HOME": str(spare_server.home)}
        said = run(
            *("-W", "error", "-m", "tests.pool.experiments", name),
            env=environment({"default": spare, "other": other}, NAME=SCHEMA, **where, **env),
            seconds=120,
        )
        return json.loads(said.split("SEEN ")[1].splitlines()[0])

    yield see
    for schema in schemas:
        administrator.query(f"DROP DATABASE IF EXISTS {schema}")


def test_every_experiment_has_its_promise():
    assert sorted(experiments.EXPERIMENTS) == sorted(PROMISES)


@pytest.mark.parametrize("engine", ENGINES, ids=ENGINES.values())
@pytest.mark.parametrize("name", PROMISES)
def test_promise(name, engine, see):
    promise = PROMISES[name]
    expected = promise.ours if engine == OURS else promise.theirs

    def is_seen() -> bool:
        seen = see(name, engine, promise.pool, **promise.env)
        print(f"{name} with {ENGINES[engine]}: {seen}")
        return bool(expected(seen)) if callable(expected) else seen == expected

    assert any(is_seen() for _ in range(promise.attempts))
