"""What a borrower can leave behind in its session, and how to see it from the outside."""

from typing import Any

import MySQLdb

from tests.pool.project import SCHEMA

# Differ between any two connections, or with the time, or tell of the last statement alone.
THEIR_OWN = {
    "pseudo_thread_id",
    "rand_seed1",
    "rand_seed2",
    "timestamp",
    "identity",
    "last_insert_id",
    "insert_id",
    "error_count",
    "warning_count",
    "last_gtid",
}

SETUP = (
    f"CREATE TABLE {SCHEMA}.others (id int PRIMARY KEY, v int) ENGINE=InnoDB",
    f"INSERT INTO {SCHEMA}.others VALUES (1, 1)",
    f"CREATE SEQUENCE {SCHEMA}.numbers",
    # Functions that leave something behind, with names that are easy to mistake.
    *(
        f"CREATE FUNCTION {SCHEMA}.`{name}`() RETURNS int DETERMINISTIC NO SQL "
        "BEGIN SET @left_by_function = 1; RETURN 1; END"
        for name in ("meddle", "count", "now", "in", "ſum", "€max", "meddle$sum")
    ),
    f"CREATE PROCEDURE {SCHEMA}.meddle() BEGIN SET @left_by_procedure = 1; END",
)

# Expressions that change the session. `{}` is where a gap may be.
EXPRESSIONS = (
    "@left{}:={}1",
    "GET_LOCK{}('left', 0)",
    "meddle{}()",
    "`meddle`{}()",
    f"{SCHEMA}{{}}.{{}}meddle{{}}()",
    f"`{SCHEMA}`{{}}.{{}}`count`{{}}()",
    f"{SCHEMA}{{}}.{{}}count{{}}()",
    "count{}()",
    "now{}()",
    "`in`{}()",
    "ſum{}()",
    "€max{}()",
    "meddle$sum{}()",
    "NEXTVAL{}(numbers)",
    "NEXT{}VALUE{}FOR{}numbers",
    "(SELECT{}meddle{}())",
)

# Statements that do, each in its own way.
STATEMENTS = (
    "SET @left = 1",
    "SET sql_mode = ''",
    "SET SESSION foreign_key_checks = 0",
    "SET @@session.unique_checks = 0",
    "SET LOCAL time_zone = '+05:00'",
    "SET max_statement_time = 7",
    "SET NAMES latin1",
    "SET CHARACTER SET latin1",
    "SET autocommit = 0",
    "SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    "SET SESSION TRANSACTION READ ONLY",
    "SET TRANSACTION READ ONLY",
    "SET ROLE NONE, @left = 1",
    "SET STATEMENT max_statement_time = 5 FOR SELECT @left := 1",
    "USE information_schema",
    "LOCK TABLES things WRITE",
    "LOCK TABLE things READ",
    "CREATE TEMPORARY TABLE left_table (id int)",
    "CREATE OR REPLACE TEMPORARY TABLE left_table (id int)",
    "CREATE TEMPORARY TABLE left_table SELECT 1",
    "SELECT GET_LOCK('left', 0)",
    "DO GET_LOCK('left', 0)",
    "PREPARE left_statement FROM 'SELECT 1'",
    "EXECUTE IMMEDIATE 'SET @left = 1'",
    "CALL meddle()",
    "DO @left := 1",
    "SELECT 1 INTO @left",
    "SELECT id FROM others WHERE id = 1 INTO @left",
    "REPLACE INTO things VALUES (@left := 1)",
    "UPDATE others SET v = @left := 2 WHERE id = 1",
    "HANDLER others OPEN AS left_handler",
    "BEGIN NOT ATOMIC SET @left = 1; END",
    "SELECT 1; SET @left = 1",
    "/*! SET @left = 1 */",
    "/*M! SET @left = 1 */",
    "/*!50000 SET */ @left = 1",
    "SELECT 1 /*!, @left := 1 */",
    "SELECT 1 /*M!100000 , meddle() */",
    "SELECT meddle()",
    "CREATE OR REPLACE TABLE kept SELECT meddle() AS x",
    "SELECT NEXTVAL(numbers)",
    "XA START 'left'",
    "START TRANSACTION",
    "START TRANSACTION READ ONLY",
    "BEGIN",
    "begin work",
)

GAPS = (
    "",
    " ",
    "\n",
    "\t",
    "/**/",
    " /* in */ ",
    "/*(*/",
    "-- x\n",
    " # sum\n",
    "\v\f",
    "/* sum( */ ",
)

LITERALS = (
    "'it''s'",
    "'\\'",
    "'\\\\'",
    '"',
    '"a"',
    "'/*'",
    "'*/'",
    "'-- '",
    "'('",
    "'sum('",
    "`id`",
)

# Around an expression, as statements that are harmless without it.
FRAMES = (
    "{gap}SELECT {x}",
    "{gap}SELECT {literal}, {x}",
    "{gap}SELECT {literal}, {x}, {literal}",
    "({gap}SELECT {x}) UNION (SELECT 1)",
    "SELECT COUNT(*){gap}, {x} FROM others",
    "SELECT 1 FROM others WHERE id IN ({x})",
    "SELECT 1 FROM others WHERE id IN (1){gap}AND ({x})",
    "SELECT CASE WHEN (1) THEN ({x}) ELSE (2) END",
    "SELECT SUM({x}){gap} FROM others",
    "SELECT 1 AS `INTO`, {x}",
    'SELECT 1 AS "INTO", {x}',
    "WITH a AS (SELECT {x}) SELECT * FROM a",
    "INSERT INTO things (id) SELECT {x}",
    "INSERT INTO things{gap}(id) VALUES ({x})",
    "REPLACE INTO {gap}things SET id = {x}",
    "UPDATE others SET v = ({x}){gap}WHERE id = 1",
    "DELETE FROM things WHERE ({x}) = 5",
    "EXPLAIN SELECT {x}",
    "SHOW TABLES WHERE ({x})",
    "SELECT 1{gap};{gap}",
    "SELECT 1;{gap}SELECT {x}",
    "SELECT 1 /*!50000 , {x} */",
    "SELECT 1 /*M! , {x} */",
    "{gap}/*! SELECT {x} */",
)


def look(connection: Any) -> dict[str, Any]:
    """What makes this session differ from a new one."""
    # First, because it takes up what is said of the next transaction.
    writing = f"UPDATE {SCHEMA}.others SET v = v WHERE id = 0"
    seen: dict[str, Any] = {writing: _rows(connection, writing)}
    seen |= {
        name: value
        for name, value in _rows(connection, "SHOW SESSION VARIABLES")
        if name not in THEIR_OWN
    }
    seen["user variables"] = _rows(connection, "SELECT * FROM information_schema.user_variables")
    for question in (
        "SELECT DATABASE(), CURRENT_ROLE(), CURRENT_USER(), IS_USED_LOCK('left')",
        f"SELECT PREVIOUS VALUE FOR {SCHEMA}.numbers",
        f"SELECT 1 FROM {SCHEMA}.left_table",
        # An error where other tables are locked.
        f"SELECT 1 FROM {SCHEMA}.others WHERE id = 1",
        "EXECUTE left_statement",
        "HANDLER left_handler READ FIRST",
        "XA RECOVER",
    ):
        seen[question] = _rows(connection, question)
    return seen


def _rows(connection: Any, sql: str) -> Any:
    try:
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return tuple(cursor.fetchall())
    except MySQLdb.Error as error:
        return error.args[0]
    except Exception as error:
        # Django's, around the driver's.
        if isinstance(error.__cause__, MySQLdb.Error):
            return error.args[0]
        raise


def difference(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """What is not the same."""
    return {key: (one[key], other.get(key)) for key in one if one[key] != other.get(key)}


def teardown(connection: Any) -> list[str]:
    """What removes what SETUP and STATEMENTS made."""
    routines = _rows(
        connection,
        "SELECT routine_type, routine_name FROM information_schema.routines "
        f"WHERE routine_schema = '{SCHEMA}'",
    )
    return [
        *(f"DROP {kind} {SCHEMA}.`{name}`" for kind, name in routines),
        f"DROP SEQUENCE {SCHEMA}.numbers",
        f"DROP TABLE IF EXISTS {SCHEMA}.others, {SCHEMA}.kept",
    ]
