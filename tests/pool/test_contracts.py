"""What we lean on in other people's code stands where we think it does."""

import ast
import inspect
from pathlib import Path

import MySQLdb
import sqlalchemy.pool
from dj_db_conn_pool.core.mixins import DatabasePoolWrapperMixin

from quality.pool.lending import Pool

# The two methods that each of SQLAlchemy's pools supplies, and how they open a connection.
LEANED_ON = {"_do_get", "_do_return_conn", "_create_connection"}


def test_no_other_private_name_of_sqlalchemy_is_used():
    ours = {name for name in vars(Pool) if name.startswith("_")} | set(vars(made_pool()))
    text = Path(inspect.getfile(Pool)).read_text()
    used = {node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}
    theirs = {name for name in dir(sqlalchemy.pool.QueuePool) if name.startswith("_")}
    assert {name for name in used & theirs if not name.startswith("__")} - ours <= LEANED_ON
    # And none of ours happens to be one of theirs.
    clash = {name for name in vars(Pool) if name.startswith("_")} & theirs
    assert {name for name in clash if not name.startswith("__")} == {"_do_get", "_do_return_conn"}


def made_pool() -> Pool:
    from quality.pool.options import PoolOptions

    return Pool("contract", {}, PoolOptions())


def test_sqlalchemys_own_pools_are_made_as_ours_is():
    for name in LEANED_ON:
        assert name in vars(sqlalchemy.pool.Pool)
    for method in ("_do_get", "_do_return_conn"):
        assert method in vars(sqlalchemy.pool.NullPool)
        theirs = inspect.signature(getattr(sqlalchemy.pool.NullPool, method))
        assert list(inspect.signature(getattr(Pool, method)).parameters) == list(theirs.parameters)


def test_the_parent_backend_opens_raw_connections_by_this_name():
    assert callable(DatabasePoolWrapperMixin._get_new_connection)


def test_the_driver_can_ask_and_wait_apart():
    for name in ("send_query", "read_query_result", "fileno", "change_user"):
        assert callable(getattr(MySQLdb.connections.Connection, name))
