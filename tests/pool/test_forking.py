"""Parent and child are independent after a fork."""

import pytest

from tests.pool.conftest import SCHEMA
from tests.pool.project import databases, run_script

FORK = """
def in_child(work):
    pid = os.fork()
    if pid == 0:
        work()
        # Ends as a process usually does, with everything that happens at exit.
        sys.exit(0)
    assert os.waitpid(pid, 0)[1] == 0
"""


@pytest.fixture
def tiny(server):
    yield databases(NAME=SCHEMA, pool={"max_size": 3})
    server.query(f"TRUNCATE {SCHEMA}.things")


def test_an_idle_connection_stays_the_parents(tiny):
    run_script(
        FORK
        + """
parents = thread_id()
connection.close()

def work():
    assert connections["default"].pool.stats().open == 0
    assert thread_id() != parents

in_child(work)
assert thread_id() == parents
""",
        tiny,
    )


def test_a_borrowed_connection_stays_the_parents(tiny):
    run_script(
        FORK
        + """
parents = thread_id()

def work():
    assert thread_id() != parents
    connection.close()
    connection.close_pool()

in_child(work)
assert thread_id() == parents
""",
        tiny,
    )


@pytest.mark.parametrize("fork", ["os.fork", "ctypes.PyDLL(None).fork"])
def test_a_child_has_one_pool_for_all_its_threads(fork, tiny):
    run_script(
        f"""
import ctypes, threading
thread_id()
connection.close()
pid = {fork}()
if pid == 0:
    try:
        ours = thread_id()
        pool = connections["default"].pool
        assert pool.stats().in_use == 1
        connection.close()
        other = threading.Thread(target=lambda: theirs.append(thread_id()) or connection.close())
        theirs = []
        other.start()
        other.join(30)
        assert theirs == [ours]
        connection.close_pool()
        assert pool.stats().open == 0
        os._exit(0)
    finally:
        os._exit(1)
assert os.waitpid(pid, 0)[1] == 0
""",
        tiny,
    )


def test_a_child_that_does_nothing_leaves_the_parent_alone(tiny):
    run_script(
        FORK
        + """
import gc
lent = thread_id()
other = connections.create_connection("default")
with other.cursor(): pass
other.close()
in_child(gc.collect)
assert thread_id() == lent
assert connections["default"].pool.stats().open == 2
connection.close()
assert value("SELECT 1") == 1
""",
        tiny,
    )


def test_a_child_is_not_part_of_its_parents_transaction(tiny, server):
    run_script(
        FORK
        + """
def work():
    try:
        value("SELECT 1")
    except transaction.TransactionManagementError as error:
        assert "forked" in str(error.__cause__)
    else:
        raise AssertionError("The child spoke in the parent's transaction.")
    connection.close()

with transaction.atomic():
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO things VALUES (3)")
    in_child(work)
""",
        tiny,
    )
    assert server.query(f"SELECT id FROM {SCHEMA}.things") == [(3,)]


def test_a_child_can_work_after_leaving_its_parents_transaction(tiny, server):
    run_script(
        FORK
        + """
def work():
    try:
        with transaction.atomic():
            in_child_only()
    except KeyError:
        pass
    assert value("SELECT count(*) FROM things") == 0

class Leave(Exception):
    pass

try:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO things VALUES (3)")
        pid = os.fork()
        if pid == 0:
            raise Leave
        assert os.waitpid(pid, 0)[1] == 0
except Leave:
    assert value("SELECT count(*) FROM things") == 0
    sys.exit(0)
""",
        tiny,
    )
    assert server.query(f"SELECT id FROM {SCHEMA}.things") == [(3,)]


@pytest.mark.parametrize("lock", ["pool.slots.lock", "registry._lock", "keeper._lock"])
def test_a_fork_while_a_lock_is_held_does_not_hang_the_child(lock, tiny):
    run_script(
        FORK
        + f"""
import threading
from quality.pool.keeper import keeper
from quality.pool.registry import registry
thread_id()
pool, held, done = connections["default"].pool, threading.Event(), threading.Event()

def hold():
    with {lock}:
        held.set()
        done.wait(30)

def work():
    assert registry.all() == []
    assert thread_id() > 0
    # Also for who kept the pool itself.
    pool.borrow().close()

holder = threading.Thread(target=hold)
holder.start()
held.wait(30)
in_child(work)
done.set()
holder.join()
""",
        tiny,
    )


def test_a_fork_that_python_was_not_told_of_is_noticed_at_the_next_borrow(tiny):
    run_script(
        """
import ctypes
parents = thread_id()
connection.close()
pid = ctypes.PyDLL(None).fork()
if pid == 0:
    os._exit(0 if thread_id() != parents else 1)
assert os.waitpid(pid, 0)[1] == 0
assert thread_id() == parents
""",
        tiny,
    )


def test_multiprocessing_workers_and_their_parent_get_their_own_rows(tiny):
    run_script(
        """
import multiprocessing

def ask(number):
    answer = value(f"SELECT {number}")
    connection.close()
    return answer

parents = thread_id()
context = multiprocessing.get_context("fork")
with context.Pool(4) as workers:
    answers = workers.map_async(ask, range(200))
    for number in range(200):
        assert value(f"SELECT {-number}") == -number
    assert answers.get(30) == list(range(200))
    workers.close()
    workers.join()
assert thread_id() == parents
""",
        tiny,
    )
