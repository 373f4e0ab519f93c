"""What each line of the list of defects does: run by `python -m tests.pool.experiments NAME`.

Each experiment says what it saw, whatever the ENGINE is; test_promises.py knows what
should be seen. They run in processes of their own, because some of them hang, fork or
reach databases that they should not.
"""

import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django
from django.conf import settings

from tests.faults import Proxy, freeze
from tests.pool.asking import (
    Pipe,
    administrator,
    close_the_pool,
    driver_connection,
    how,
    in_child,
    in_thread,
    readable,
    thread_id,
    value,
)

if __name__ == "__main__":
    settings.configure(DATABASES=json.loads(os.environ["DATABASES"]), USE_TZ=True)
    django.setup()

from django.core.signals import request_finished, request_started
from django.db import DatabaseError, connection, connections, transaction

Seen = Any
EXPERIMENTS: dict[str, Callable[[], Seen]] = {}


def experiment(function: Callable[[], Seen]) -> Callable[[], Seen]:
    """Let `python -m tests.pool.experiments` know it by its name."""
    EXPERIMENTS[function.__name__] = function
    return function


@experiment
def query_at_start_then_test_runner() -> Seen:
    """The database that tests reach after somebody asked the configured one."""
    value("SELECT 1")
    connection.close()
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    reached = value("SELECT DATABASE()")
    real = os.environ["NAME"]
    connection.creation.destroy_test_db(real, verbosity=0)
    return {real: "the configured one", f"test_{real}": "the test's"}[reached]


@experiment
def parallel_tests() -> Seen:
    """The databases that two workers of the test runner reach, and whether over one socket."""
    parents, told = thread_id(), Pipe()
    connection.close()

    def work(number: int) -> None:
        connection.creation.setup_worker_connection(number)
        told.tell(f"{value('SELECT DATABASE()')} {thread_id() == parents}")

    seen = []
    for number in (1, 2):
        pid = in_child(lambda number=number: work(number))
        os.waitpid(pid, 0)
        seen.append(told.hear().removeprefix(os.environ["NAME"]).strip())
    return seen


@experiment
def no_db_cursor_of_two_servers() -> Seen:
    """Whether the second alias's connection without a database reaches its own server."""
    reached = []
    for alias in ("default", "other"):
        with connections[alias]._nodb_cursor() as cursor:  # type: ignore[attr-defined]
            cursor.execute("SELECT @@socket")
            reached.append(cursor.fetchone()[0])
    return "its own server" if len(set(reached)) == 2 else "the first server"


@experiment
def changed_name() -> Seen:
    """The database that is reached after NAME was changed."""
    value("SELECT 1")
    connection.close()
    connection.settings_dict["NAME"] = "information_schema"
    return value("SELECT DATABASE()").removeprefix(os.environ["NAME"]) or "the old one"


@experiment
def changed_password() -> Seen:
    """Whether a connection is still lent after the password was changed to a wrong one."""
    value("SELECT 1")
    connection.close()
    connection.settings_dict["PASSWORD"] = "wrong"
    return how(lambda: value("SELECT 1"))


@experiment
def rows_after_fork() -> Seen:
    """What a child reads while its parent asks for something on its own connection."""
    value("SELECT 1")
    connection.close()
    child_has_one, parent_has_asked, answer = Pipe(), Pipe(), Pipe()

    def work() -> None:
        thread_id()
        child_has_one.tell()
        parent_has_asked.hear()
        answer.tell(it_reads())

    def it_reads() -> str:
        try:
            return str(value("SELECT 'the child''s row'"))
        except Exception as error:  # noqa: BLE001
            return type(error).__name__

    pid = in_child(work)
    # One after the other: at the same time they would only hang.
    child_has_one.hear()
    thread_id()
    driver = driver_connection()
    driver.send_query(b"SELECT 'the parent''s row'")
    # Until the answer is there: the child then reads the first one that it finds.
    readable(driver.fileno())
    parent_has_asked.tell()
    heard = answer.hear()
    os.waitpid(pid, 0)
    return heard


@experiment
def parents_connection_after_childs_exit() -> Seen:
    """What becomes of a borrowed connection when a child exits as processes usually do."""
    thread_id()
    pid = os.fork()
    if pid == 0:
        connection.close()
        close_the_pool()
        sys.exit(0)
    os.waitpid(pid, 0)
    return how(lambda: value("SELECT 1"))


@experiment
def exhausted() -> Seen:
    """The error of a borrower who waited in vain, and the numbers in it."""
    thread_id()

    def borrow() -> Seen:
        try:
            thread_id()
        except Exception as error:  # noqa: BLE001
            names = ("limit", "in_use", "idle", "waiting")
            return [
                isinstance(error, DatabaseError),
                {name: getattr(error, name, None) for name in names},
                threading.main_thread().name in str(error),
            ]
        return "lent"

    return in_thread(borrow)


@experiment
def query_after_close_inside_atomic() -> Seen:
    """The error of a statement whose connection was closed before."""

    def work() -> None:
        with transaction.atomic():
            value("SELECT 1")
            connection.close()
            value("SELECT 1")

    return how(work)


def _borrow_from_a_frozen_server(freeze_seconds: float = 4) -> Seen:
    pid = int(os.environ["SERVER_PID"])
    thaw = threading.Timer(freeze_seconds, os.kill, (pid, signal.SIGCONT))
    thaw.start()
    began = time.monotonic()
    freeze(pid)
    try:
        with contextlib.suppress(Exception):
            connection.ensure_connection()
        took = time.monotonic() - began
    finally:
        os.kill(pid, signal.SIGCONT)
        thaw.cancel()
    return "within the time-out" if took < 3.5 else "as long as the freeze"


@experiment
def idle_connection_of_a_frozen_server() -> Seen:
    """How long a borrow takes that has to ask a frozen server; the time-out is 1 s."""
    value("SELECT 1")
    connection.close()
    # Longer than anybody trusts a connection without asking.
    time.sleep(0.7)
    return _borrow_from_a_frozen_server()


@experiment
def new_connection_to_a_frozen_server() -> Seen:
    """How long a borrow takes that has to connect to a frozen server; the time-out is 1 s."""
    assert connection.vendor == "mysql"  # The backend is loaded before the clock runs.
    return _borrow_from_a_frozen_server()


@experiment
def forty_threads_on_six_connections() -> Seen:
    """Time-outs, and how much the least served thread got of what the most served got."""
    seconds = float(os.environ["SECONDS"])
    together = threading.Barrier(40)

    def work(_: int) -> tuple[int, bool]:
        together.wait(30)
        served, until = 0, time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                value("SELECT 1")
            except Exception:  # noqa: BLE001
                return served, True
            finally:
                connection.close()
            served += 1
        return served, False

    with ThreadPoolExecutor(40) as executor:
        done = list(executor.map(work, range(40)))
    served = [one for one, _ in done]
    return {"timed_out": sum(late for _, late in done), "least": min(served), "most": max(served)}


STATE = {
    "sql_mode": ("SET sql_mode = ''", "SELECT @@sql_mode = ''", 1),
    "time_zone": ("SET time_zone = '+05:00'", "SELECT @@time_zone = '+05:00'", 1),
    "foreign_key_checks": ("SET foreign_key_checks = 0", "SELECT @@foreign_key_checks = 0", 1),
    "read only": ("SET SESSION TRANSACTION READ ONLY", "SELECT @@tx_read_only = 1", 1),
    "use": ("USE information_schema", "SELECT DATABASE() = 'information_schema'", 1),
    "temporary table": (
        "CREATE TEMPORARY TABLE left_behind (id int)",
        "SELECT count(*) FROM left_behind",
        0,
    ),
    "get_lock": ("SELECT GET_LOCK('left_behind', 0)", "SELECT IS_USED_LOCK('left_behind') > 0", 1),
    "lock tables": ("LOCK TABLES things READ", "INSERT INTO things VALUES (77)", "1099"),
    "user variable": ("SET @left = 'behind'", "SELECT @left = 'behind'", 1),
    "names": ("SET NAMES latin1", "SELECT @@character_set_client = 'latin1'", 1),
    "prepared statement": ("PREPARE left_behind FROM 'SELECT 1'", "EXECUTE left_behind", 1),
}


@experiment
def session_state() -> Seen:
    """The kinds of state that reach the next borrower."""
    reached = []
    for kind, (leave, ask, met) in STATE.items():
        # A pool of its own: what one kind leaves behind must not disturb the next one.
        first = connection.copy(alias=kind)
        value(leave, first)
        first.close()
        following = connection.copy(alias=kind)
        try:
            answer = value(ask, following)
        except DatabaseError as error:
            answer = str(error.args[0])
        if answer == met:
            reached.append(kind)
        with contextlib.suppress(DatabaseError):
            value("UNLOCK TABLES", following)
        following.close()
    return reached


@experiment
def thread_that_ends_without_closing() -> Seen:
    """Whether its slot comes back; the cap is 1."""
    in_thread(thread_id)
    return how(thread_id)


@experiment
def dispose_with_connections_out() -> Seen:
    """How many connections are open at once; the cap is 2."""
    wrappers = [connection.copy() for _ in range(4)]
    borrowed = 0
    for wrapper in wrappers[:2]:
        value("SELECT 1", wrapper)
        borrowed += 1
    close_the_pool()
    for wrapper in wrappers[2:]:
        with contextlib.suppress(Exception):
            value("SELECT 1", wrapper)
            borrowed += 1
    return "more than the cap" if borrowed > 2 else "the cap"


@experiment
def impossible_options() -> Seen:
    """What happens to options that cannot be meant."""
    seen = []
    for options in ({"pool_size": 1}, {"POOL_SISE": 1}, {"POOL_SIZE": 0}):
        settings_dict = {**connection.settings_dict, "POOL_OPTIONS": options}
        given = connection.settings_dict["OPTIONS"]
        settings_dict["OPTIONS"] = {key: given[key] for key in given if key != "pool"}

        def start(settings_dict: dict[str, Any] = settings_dict, name: str = str(options)) -> None:
            type(connection.copy())(settings_dict, name).ensure_connection()

        seen.append(how(start))
    return seen


@experiment
def clock_that_jumps() -> Seen:
    """Whether a connection survives that somebody sets the clock forward by two hours."""
    first = thread_id()
    connection.close()
    real = time.time
    time.time = lambda: real() + 7200
    return "kept" if thread_id() == first else "replaced"


@experiment
def old_connection_that_nobody_borrows() -> Seen:
    """Whether a connection beyond its lifetime of 1 s is replaced without a borrower."""
    first = thread_id()
    connection.close()
    with administrator() as admin:
        until = time.monotonic() + 5
        while time.monotonic() < until:
            if first not in admin.connections():
                return "closed"
            time.sleep(0.05)
    return "left open"


@experiment
def half_initialised_connection() -> Seen:
    """Whether a connection that could not be initialised is used all the same."""
    wrapper: Any = connection.copy()

    def broken() -> None:
        raise RuntimeError

    wrapper.init_connection_state = broken
    ended = how(wrapper.ensure_connection)
    assert ended == "RuntimeError", ended
    return "closed" if wrapper.connection is None else "kept"


@experiment
def connects_that_are_counted() -> Seen:
    """How many connects are counted for five borrows, and how many the server saw."""
    base: Any = type(connection.copy())
    counted = 0

    class Counting(base):  # type: ignore[misc]
        """What django-prometheus puts on top of an ENGINE."""

        def get_new_connection(self, conn_params: Any) -> Any:
            nonlocal counted
            counted += 1
            return super().get_new_connection(conn_params)

    wrapper = Counting(connection.settings_dict, "counting")
    with administrator() as admin:
        before = admin.status("Connections")
        for _ in range(5):
            value("SELECT 1", wrapper)
            wrapper.close()
        seen_by_the_server = admin.status("Connections") - before
    if hasattr(wrapper, "close_pool"):
        counted = wrapper.pool.page.numbers().connects
    return {"counted": counted, "server": seen_by_the_server}


@experiment
def requests_of_one_select() -> Seen:
    """What a request with one SELECT sends: round trips, and statements by the server's log."""
    return _sent(lambda: value("SELECT 'mine'"))


@experiment
def requests_of_one_transaction() -> Seen:
    """What a transaction of two statements sends."""

    def work() -> None:
        with transaction.atomic():
            value("SELECT 'mine'")
            value("INSERT INTO things VALUES (1) ON DUPLICATE KEY UPDATE id = 1")

    return _sent(work)


def _sent(work: Callable[[], object], times: int = 5) -> Seen:
    settings_dict = connection.settings_dict
    with Proxy(settings_dict["OPTIONS"].pop("unix_socket")) as proxy, administrator() as admin:
        settings_dict["HOST"], settings_dict["PORT"] = proxy.address

        def request() -> None:
            request_started.send(sender=request, environ={})
            try:
                work()
            finally:
                request_finished.send(sender=request)

        for _ in range(3):
            request()
        with admin.setting("log_output", "TABLE"), admin.setting("general_log", 1):
            admin.query("TRUNCATE mysql.general_log")
            before = proxy.requests
            for _ in range(times):
                request()
            round_trips = (proxy.requests - before) / times
            logged = admin.query(
                "SELECT argument FROM mysql.general_log "
                "WHERE user_host LIKE 'quality%' ORDER BY event_time"
            )
    statements = [text for (text,) in logged]
    return {"round_trips": round_trips, "statements": statements[: len(statements) // times]}


def main() -> None:
    """Print what one experiment saw, as JSON."""
    signal.alarm(100)
    seen = EXPERIMENTS[sys.argv[1]]()
    print(f"SEEN {json.dumps(seen)}", flush=True)
    # Without tidying: whatever is broken by now must not hang the exit.
    os._exit(0)


if __name__ == "__main__":
    main()
