"""No statement that changes its session passes for a harmless one."""

import random
import re

import MySQLdb
import pytest

from quality.pool import statements
from quality.pool.statements import FUNCTIONS, KEYWORDS, Effect, effect_of
from tests.pool import traces
from tests.pool.conftest import SCHEMA, raw_connection

# What a Django project sends, all day long.
HARMLESS = (
    "SELECT 1",
    "SELECT `t`.`id`, `t`.`at` FROM `t` WHERE `t`.`id` = %s LIMIT 21",
    "SELECT `t`.`id` FROM `t` WHERE (`t`.`a` IN (%s, %s) AND NOT (`t`.`b` = %s)) ORDER BY `t`.`id`",
    "SELECT COUNT(*) AS `__count` FROM `t`",
    "SELECT COUNT(*) FROM (SELECT DISTINCT `t`.`a` AS `col1` FROM `t`) subquery",
    "SELECT CAST(DATE_FORMAT(CONVERT_TZ(`t`.`at`, 'UTC', %s), '%%Y-%%m-01') AS DATE) FROM `t`",
    "SELECT EXISTS(SELECT 1 AS `a` FROM `u` WHERE `u`.`id` = (`t`.`u_id`) LIMIT 1) AS `e` FROM `t`",
    "SELECT SUM(CASE WHEN (`t`.`a` = %s) THEN %s ELSE NULL END) AS `n` FROM `t` GROUP BY `t`.`b`",
    "SELECT ROW_NUMBER() OVER (PARTITION BY `t`.`a` ORDER BY `t`.`b`) AS `r` FROM `t`",
    "SELECT `t`.`id` FROM `t` INNER JOIN `u` ON (`t`.`u_id` = `u`.`id`) FOR UPDATE",
    "SELECT JSON_UNQUOTE(JSON_EXTRACT(`t`.`j`, %s)) FROM `t` WHERE JSON_CONTAINS(`t`.`j`, %s)",
    "(SELECT `t`.`id` FROM `t`) UNION (SELECT `u`.`id` FROM `u`) ORDER BY (1) ASC",
    "INSERT INTO `t` (`a`, `b`) VALUES (%s, %s)",
    "INSERT INTO `t` (`a`, `b`) VALUES (%s, %s), (%s, %s) RETURNING `t`.`id`",
    "INSERT IGNORE INTO `t` (`a`) VALUES (%s)",
    "INSERT INTO `t` (`a`) VALUES (%s) ON DUPLICATE KEY UPDATE `a` = VALUES(`a`)",
    "INSERT INTO shop.`t` (`a`) SELECT `u`.`a` FROM `u`",
    "UPDATE `t` SET `a` = (`t`.`a` + %s), `b` = CONCAT(`t`.`b`, %s) WHERE `t`.`id` = %s",
    "DELETE FROM `t` WHERE `t`.`id` IN (%s)",
    "SAVEPOINT `s140_x1`",
    "RELEASE SAVEPOINT `s140_x1`",
    "ROLLBACK TO SAVEPOINT `s140_x1`",
    "SHOW TABLES",
    "EXPLAIN SELECT 1",
    "  \n\tselect 1 ; ",
    "/* from here */ SELECT 1 /* to there */",
    b"SELECT `t`.`\xc8\x99` FROM `t`",
    bytearray(b"SELECT 1"),
)

TRANSACTIONAL = (
    "START TRANSACTION",
    "start transaction read only",
    "BEGIN",
    " Begin Work;",
    "COMMIT",
    "ROLLBACK",
    "/* x */ ROLLBACK WORK",
    "CREATE TABLE `t` (`id` bigint AUTO_INCREMENT NOT NULL PRIMARY KEY, `a` varchar(20) NOT NULL)",
    "CREATE INDEX `i` ON `t` (`a`)",
    "CREATE UNIQUE INDEX `i` ON `t` (`a`)",
    "ALTER TABLE `t` ADD COLUMN `b` varchar(20) DEFAULT 'x' NOT NULL",
    "DROP TABLE `t` CASCADE",
    "TRUNCATE `t`",
    "RENAME TABLE `t` TO `u`",
)


@pytest.mark.parametrize("statement", HARMLESS)
def test_the_statements_of_every_day_are_harmless(statement):
    assert effect_of(statement) is Effect.NONE


@pytest.mark.parametrize("statement", TRANSACTIONAL)
def test_what_ends_or_opens_a_transaction_is_known(statement):
    assert effect_of(statement) is Effect.TRANSACTION


@pytest.mark.parametrize(
    "statement",
    [
        "",
        ";",
        "FLUSH TABLES WITH READ LOCK",
        "FLUSH TABLES things FOR EXPORT",
        "UNLOCK TABLES",
        "RELEASE_LOCK('left')",
        "DEALLOCATE PREPARE left_statement",
        "SELECT RELEASE_LOCK('left')",
        "SELECT LAST_INSERT_ID(7)",
        # As it goes with sql_mode ORACLE.
        "SELECT numbers.nextval",
        "SET PASSWORD = PASSWORD('x')",
        "COMMIT AND CHAIN",
        "ROLLBACK RELEASE",
        "COMMIT; SELECT 1",
        "BEGIN; SELECT 1",
        "DROP DATABASE shop",
        "ALTER DATABASE shop CHARACTER SET latin1",
        "LOAD DATA LOCAL INFILE 'x' INTO TABLE things",
        "CREATE TABLE t AS VALUES (meddle())",
        "SELECT 1 -- x",
        "SELECT 1 # x",
        "SELECT 1\0",
        b"SET @left = 1",
        bytearray(b"SET @left = 1"),
        "\ufeffSELECT 1",
        "SEL\u0130CT 1",
    ],
)
def test_what_is_not_known_counts_as_a_change(statement):
    assert effect_of(statement) is Effect.SESSION


class Subject:
    """A session that is replaced when something was done to it."""

    def __init__(self, sql_mode: str | None = None) -> None:
        self.sql_mode = sql_mode
        self.connection = None
        self.start_anew()

    def start_anew(self) -> None:
        self.close()
        more = {} if self.sql_mode is None else {"sql_mode": self.sql_mode}
        self.connection = raw_connection(database=SCHEMA, charset="utf8mb4", **more)
        self.as_new = traces.look(self.connection)

    def close(self) -> None:
        if self.connection is not None:
            self.connection.close()

    def change_by(self, statement: str | bytes) -> dict | None:
        """How the statement changed the session; None if the server refused it."""
        try:
            with self.connection.cursor() as cursor:
                cursor.execute(statement)
                while cursor.nextset():
                    pass
        except MySQLdb.Error:
            refused = True
        else:
            refused = False
        change = traces.difference(self.as_new, traces.look(self.connection))
        if change:
            self.start_anew()
        return None if refused and not change else change


@pytest.mark.usefixtures("objects")
@pytest.mark.parametrize("statement", traces.STATEMENTS)
def test_the_server_agrees_that_these_change_something(statement):
    subject = Subject()
    try:
        assert subject.change_by(statement)
    finally:
        subject.close()
    wanted = (
        Effect.TRANSACTION if re.match("(?i)start|begin(?! not)", statement) else Effect.SESSION
    )
    assert effect_of(statement) is wanted
    assert effect_of(statement.encode()) is wanted


@pytest.mark.usefixtures("objects")
@pytest.mark.parametrize("sql_mode", [None, "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "IGNORE_SPACE"])
def test_whatever_is_called_harmless_leaves_the_session_alone(sql_mode):
    chance = random.Random(f"{sql_mode}")  # noqa: S311
    subject = Subject(sql_mode)
    alarms = accepted = 0
    try:
        for _ in range(2000):
            statement = disguise(chance)
            effect = effect_of(statement)
            if effect is Effect.SESSION:
                alarms += 1
                continue
            change = subject.change_by(statement)
            accepted += change is not None
            assert not change, statement
    finally:
        subject.close()
    # Of both kinds there were enough for this to mean something.
    assert alarms > 500
    assert accepted > 50


def disguise(chance: random.Random) -> str:
    """A statement with something in it that may change the session, hidden somehow."""

    def gap() -> str:
        return chance.choice(traces.GAPS)

    expression = chance.choice((*traces.EXPRESSIONS, "SUM(1)", "(2)", "COUNT(*)", "NOW()", "3"))
    while "{}" in expression:
        expression = expression.replace("{}", gap(), 1)
    frame = chance.choice(traces.FRAMES)
    for name, fill in (
        ("{x}", lambda: expression),
        ("{gap}", gap),
        ("{literal}", lambda: chance.choice(traces.LITERALS)),
    ):
        while name in frame:
            frame = frame.replace(name, fill(), 1)
    spelling = chance.choice((str, str.lower, str.swapcase))
    return spelling(frame)


@pytest.mark.usefixtures("objects")
def test_every_function_that_is_called_harmless_is_the_servers_own():
    # Nobody can have made a function of the database that goes by this bare name.
    for name in sorted(FUNCTIONS | KEYWORDS):
        assert re.fullmatch("[A-Z0-9_]+", name)
    own = raw_connection(database=SCHEMA)
    try:
        for name in sorted(FUNCTIONS | KEYWORDS):
            own.query(
                f"CREATE OR REPLACE FUNCTION `{name}`() RETURNS int DETERMINISTIC NO SQL "
                f"BEGIN SET @left_by_{name} = 1; RETURN 1; END"
            )
            for call in (f"SELECT {name}()", f"SELECT {name}(1)", f"SELECT {name}(1, 1)"):
                try:
                    with own.cursor() as cursor:
                        cursor.execute(call)
                except MySQLdb.Error:
                    pass
        with own.cursor() as cursor:
            cursor.execute("SELECT variable_name FROM information_schema.user_variables")
            assert cursor.fetchall() == ()
    finally:
        own.close()


def test_a_text_is_looked_at_once_and_the_longest_are_not_kept():
    statements._look_once.cache_clear()
    for _ in range(3):
        effect_of("SELECT 1")
        effect_of("SELECT '" + "x" * statements.LONGEST_CACHED + "'")
    kept = statements._look_once.cache_info()
    assert (kept.hits, kept.misses, kept.currsize) == (2, 1, 1)
    assert kept.maxsize == statements.CACHED_STATEMENTS


def test_a_bulk_insert_is_judged_quickly():
    rows = ", ".join(["(%s, %s, %s, %s)"] * 20_000)
    assert effect_of(f"INSERT INTO `t` (`a`, `b`, `c`, `d`) VALUES {rows}") is Effect.NONE
    assert effect_of(f"INSERT INTO `t` (`a`) VALUES {rows}, (meddle())") is Effect.SESSION
