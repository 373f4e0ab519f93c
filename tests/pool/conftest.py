"""A database of their own for the tests of the pool, and wrappers made by hand."""

import copy
import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import MySQLdb
import pytest
from django.conf import settings
from django.db import OperationalError
from django.db.backends.base.base import BaseDatabaseWrapper

from quality.devdb.mariadb import PrivateMariaDB
from quality.pool.base import DatabaseWrapper
from quality.pool.ledger import Page
from quality.pool.lending import Pool
from quality.pool.registry import registry
from tests.faults import COUNT_USERS, Administrator, Proxy
from tests.pool import traces
from tests.pool.ledgers import DATABASE
from tests.pool.project import SCHEMA

_numbers = itertools.count()


class Database:
    """One alias with settings of its own; `wrapper()` is what a thread gets from `connections`."""

    def __init__(self, **changes: Any) -> None:
        self.alias = f"pooltest{next(_numbers)}"
        self.settings: dict[str, Any] = copy.deepcopy(settings.DATABASES["default"])
        self.settings["NAME"] = SCHEMA
        pool = self.settings["OPTIONS"]["pool"]
        # Without a minimum: at its next look the keeper would open what no test counts on.
        few = {"ledger": pool["ledger"], "min_size": 0}
        self.settings["OPTIONS"]["pool"] = few | changes.pop("pool", {})
        self.settings["OPTIONS"] |= changes.pop("OPTIONS", {})
        self.settings |= changes

    def wrapper(self) -> DatabaseWrapper:
        return DatabaseWrapper(self.settings, self.alias)

    @property
    def pool(self) -> Pool:
        pool = self.wrapper().pool
        assert pool is not None
        return pool


class Server:
    """What the server itself says about connections."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        # A connection in two threads' hands is lost, and with it all tests that follow.
        self._lock = threading.Lock()

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with self._lock, self._connection.cursor() as cursor:
            cursor.execute(sql)
            return list(cursor.fetchall())

    def has(self, thread_id: int) -> bool:
        found = self.query(f"SELECT 1 FROM information_schema.processlist WHERE id = {thread_id}")
        return bool(found)

    def aborted_clients(self) -> int:
        """How many connections ended without a goodbye, among them those of the tests before."""
        rest = f"SELECT 1 FROM information_schema.processlist WHERE db = '{SCHEMA}'"
        eventually(lambda: not self.query(rest))
        return int(self.query("SHOW GLOBAL STATUS LIKE 'Aborted_clients'")[0][1])

    def kill(self, thread_id: int) -> None:
        self.query(f"KILL {thread_id}")
        eventually(lambda: not self.has(thread_id))


def eventually(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait until the condition holds, and fail if it never does."""
    pause = threading.Event()
    for _ in range(int(seconds / 0.01)):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("It did not happen in time.")


def thread_id(wrapper: BaseDatabaseWrapper) -> int:
    """The server's number for the connection that the wrapper has, borrowed if need be."""
    with wrapper.cursor() as cursor:
        cursor.execute("SELECT CONNECTION_ID()")
        number: int = cursor.fetchone()[0]
        return number


def select(wrapper: BaseDatabaseWrapper, sql: str) -> Any:
    """The one value that a statement answers."""
    with wrapper.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone()
    return row[0] if row else None


def works(shop: Database) -> bool:
    """Whether a borrower gets its answer now."""
    wrapper = shop.wrapper()
    try:
        return bool(select(wrapper, "SELECT 1") == 1)
    except OperationalError:
        return False
    finally:
        wrapper.close()


def in_thread(function: Callable[[], Any]) -> Future[Any]:
    """Run the function in a thread of its own. Its outcome is the future's."""
    executor = ThreadPoolExecutor(1)
    try:
        return executor.submit(function)
    finally:
        executor.shutdown(wait=False)


@pytest.fixture(autouse=True)
def _connections_are_allowed(django_db_blocker) -> Iterator[None]:
    # These tests have no use for pytest-django's test database.
    with django_db_blocker.unblock():
        yield


def raw_connection(**changes: Any) -> Any:
    """A connection beside all pools, in autocommit."""
    database = settings.DATABASES["default"]
    options = {key: value for key, value in database["OPTIONS"].items() if key != "pool"}
    return MySQLdb.connect(
        user=database["USER"], password=database["PASSWORD"], autocommit=True, **options, **changes
    )


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    connection = raw_connection()
    connection.query(f"DROP DATABASE IF EXISTS {SCHEMA}")
    connection.query(f"CREATE DATABASE {SCHEMA}")
    connection.query(f"CREATE TABLE {SCHEMA}.things (id int PRIMARY KEY) ENGINE=InnoDB")
    yield Server(connection)
    connection.query(f"DROP DATABASE {SCHEMA}")
    connection.close()


@pytest.fixture
def database(server) -> Iterator[Callable[..., Database]]:
    """`database(pool={"max_size": 1})` is a new alias; its pool is closed after the test."""
    made: list[Database] = []

    def make(**changes: Any) -> Database:
        made.append(Database(**changes))
        return made[-1]

    yield make
    server.query(f"TRUNCATE {SCHEMA}.things")
    for one in made:
        pool = registry.known(one.alias)
        if pool is not None:
            pool.retire()
            # What the test left open; its threads have ended.
            for holding in list(pool.slots.in_use.values()):
                pool.end(holding, "discarded")
            # Nothing outlives its test.
            eventually(lambda pool=pool: not pool.slots.taken and not pool.page.is_shared)


@pytest.fixture
def wrapper(database: Callable[..., Database]) -> Iterator[DatabaseWrapper]:
    """The only connection of its pool, with which nothing was done."""
    wrapper = database(pool={"max_size": 1, "min_size": 0}).wrapper()
    thread_id(wrapper)
    yield wrapper
    wrapper.close()


@pytest.fixture(scope="module")
def objects(server: Server) -> Iterator[None]:
    """The objects that leave traces in a session exist."""
    connection = raw_connection(charset="utf8mb4")
    for statement in traces.SETUP:
        connection.query(statement)
    yield
    for statement in traces.teardown(connection):
        connection.query(statement)
    connection.close()


# ----- What processes share


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """Where processes meet, and nobody but those of one test."""
    return str(tmp_path / "ledger")


@pytest.fixture
def page(folder: str) -> Iterator[Page]:
    """The page of this process in that folder's ledger."""
    page = Page(alias="default", database=DATABASE, directory=folder)
    yield page
    page.close()


# ----- A server and a way to it that tests may break


@pytest.fixture(scope="session")
def _spare_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrivateMariaDB]:
    spare = PrivateMariaDB(tmp_path_factory.mktemp("m"), options=COUNT_USERS)
    yield spare
    spare.stop()


@pytest.fixture
def spare_server(_spare_server: PrivateMariaDB) -> PrivateMariaDB:
    """A server that a test may freeze, kill and restart: it runs when the test begins."""
    _spare_server.start()
    return _spare_server


@pytest.fixture
def administrator(spare_server: PrivateMariaDB) -> Iterator[Administrator]:
    """The spare server's administrator."""
    with Administrator(spare_server) as administrator:
        yield administrator


@pytest.fixture
def proxy(spare_server: PrivateMariaDB) -> Iterator[Proxy]:
    """A proxy to the spare server; `on_spare_server(…, through=proxy)` goes through it."""
    with Proxy(str(spare_server.socket)) as proxy:
        yield proxy


@pytest.fixture
def on_spare_server(
    database: Callable[..., Database], spare_server: PrivateMariaDB
) -> Callable[..., Database]:
    """`on_spare_server({"max_size": 1})` is a new alias on the spare server."""

    def make(
        pool: dict[str, Any] | None = None, *, through: Proxy | None = None, **changes: Any
    ) -> Database:
        changes = {"NAME": "quality", "PASSWORD": spare_server.password} | changes
        shop = database(pool=pool or {}, **changes)
        options = shop.settings["OPTIONS"]
        if through is None:
            options["unix_socket"] = str(spare_server.socket)
        else:
            options.pop("unix_socket", None)
            shop.settings |= {"HOST": through.address[0], "PORT": through.address[1]}
        return shop

    return make
