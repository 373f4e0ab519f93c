"""What a statement does to its session, told from its text alone.

Only what is known to be harmless counts as harmless. A false alarm costs a reset that was not
needed; a miss would let one borrower's settings reach the next. So nothing here tries to find
where string literals end, which depends on the session's sql_mode: a sign counts wherever it
stands.

What no text shows: the triggers that a statement fires, and the functions in a view. Where
those touch the session (a user variable is enough), the pool needs `reset: "full"`.
"""

import re
from enum import IntEnum
from functools import lru_cache

# Longer ones are bulk inserts and lists of ids: they would fill the cache and rarely recur.
LONGEST_CACHED = 4_000
CACHED_STATEMENTS = 2_000


class Effect(IntEnum):
    """What a statement may leave behind, beside the rows that it was sent for."""

    NONE = 0
    # It may open a transaction, or end one: START TRANSACTION, COMMIT, and what commits by
    # itself, as ALTER TABLE does.
    TRANSACTION = 1
    # It may change the session: settings, variables, locks, temporary tables and so on.
    SESSION = 2


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Words that may stand before a parenthesis and call nothing. No function can be named so.
KEYWORDS = _words(
    """
    ALL AND AS BETWEEN BY CASE DISTINCT DIV ELSE EXCEPT EXISTS FROM GROUP HAVING IN INDEX
    INTERSECT INTERVAL IS JOIN KEY LIKE LIMIT MATCH MOD NOT ON OR ORDER OVER PARTITION RECURSIVE
    REGEXP RLIKE SELECT SET THEN UNION USING VALUES WHEN WHERE XOR
    """
)

# Functions and types of MySQL and of MariaDB, in all versions that Django supports, that change
# nothing: one that a server doesn't have may be a function of the database there. Missing,
# because they do: GET_LOCK, RELEASE_LOCK, RELEASE_ALL_LOCKS, LAST_INSERT_ID, NEXTVAL, SETVAL.
FUNCTIONS = _words(
    """
    ABS ACOS ADDDATE ADDTIME AES_DECRYPT AES_ENCRYPT ASCII ASIN ATAN ATAN2 AVG BINARY BIN BIT_AND
    BIT_COUNT BIT_LENGTH BIT_OR BIT_XOR CAST CEIL CEILING CHAR CHARACTER_LENGTH CHAR_LENGTH
    COALESCE COERCIBILITY COLLATION CONCAT CONCAT_WS CONNECTION_ID CONV CONVERT CONVERT_TZ COS COT
    COUNT CRC32 CUME_DIST CURDATE CURRENT_DATE CURRENT_TIME CURRENT_TIMESTAMP CURRENT_USER CURTIME
    DATABASE DATE DATEDIFF DATETIME DATE_ADD DATE_FORMAT DATE_SUB DAY DAYNAME DAYOFMONTH DAYOFWEEK
    DAYOFYEAR DECIMAL DEFAULT DEGREES DENSE_RANK DOUBLE ELT EXP EXPORT_SET EXTRACT EXTRACTVALUE
    FIELD FIND_IN_SET FIRST_VALUE FLOAT FLOOR FORMAT FOUND_ROWS FROM_BASE64 FROM_DAYS
    FROM_UNIXTIME GREATEST GROUP_CONCAT HEX HOUR IF IFNULL INET6_ATON INET6_NTOA INET_ATON
    INET_NTOA INSERT INSTR ISNULL IS_FREE_LOCK IS_IPV4 IS_IPV6 IS_USED_LOCK JSON_ARRAY
    JSON_ARRAYAGG JSON_ARRAY_APPEND JSON_ARRAY_INSERT JSON_CONTAINS JSON_CONTAINS_PATH JSON_DEPTH
    JSON_EXTRACT JSON_INSERT JSON_KEYS JSON_LENGTH JSON_MERGE_PATCH JSON_MERGE_PRESERVE
    JSON_OBJECT JSON_OBJECTAGG JSON_QUOTE JSON_REMOVE JSON_REPLACE
    JSON_SEARCH JSON_SET JSON_TYPE JSON_UNQUOTE JSON_VALID LAG LAST_DAY LAST_VALUE
    LCASE LEAD LEAST LEFT LENGTH LN LOCALTIME LOCALTIMESTAMP LOCATE LOG LOG10 LOG2 LOWER LPAD
    LTRIM MAKEDATE MAKETIME MAKE_SET MAX MD5 MICROSECOND MID MIN MINUTE MONTH MONTHNAME NOW
    NTH_VALUE NTILE NULLIF NUMERIC OCT OCTET_LENGTH ORD PERCENT_RANK PERIOD_ADD PERIOD_DIFF PI
    POSITION POW POWER QUARTER QUOTE RADIANS RAND RANK REGEXP_INSTR REGEXP_REPLACE
    REGEXP_SUBSTR REPEAT REPLACE REVERSE RIGHT ROUND ROW ROW_COUNT ROW_NUMBER RPAD RTRIM SCHEMA
    SECOND SEC_TO_TIME SESSION_USER SHA SHA1 SHA2 SIGN SIN SLEEP SOUNDEX SPACE SQRT STD STDDEV
    STDDEV_POP STDDEV_SAMP STRCMP STR_TO_DATE SUBDATE SUBSTR SUBSTRING SUBSTRING_INDEX SUBTIME SUM
    SYSDATE SYSTEM_USER TAN TIME TIMEDIFF TIMESTAMP TIMESTAMPADD TIMESTAMPDIFF TIME_FORMAT
    TIME_TO_SEC TO_BASE64 TO_DAYS TO_SECONDS TRIM TRUNCATE UCASE UNHEX UNIX_TIMESTAMP UPPER USER
    UTC_DATE UTC_TIME UTC_TIMESTAMP UUID UUID_SHORT VARCHAR VARIANCE VAR_POP VAR_SAMP VERSION WEEK
    WEEKDAY WEEKOFYEAR WEIGHT_STRING YEAR YEARWEEK MBRCONTAINS MBROVERLAPS MBRWITHIN ST_AREA
    ST_ASBINARY ST_ASGEOJSON ST_ASTEXT ST_CENTROID ST_CONTAINS ST_CROSSES ST_DIFFERENCE
    ST_DISJOINT ST_DISTANCE ST_DISTANCE_SPHERE ST_ENVELOPE ST_EQUALS ST_GEOMFROMGEOJSON
    ST_GEOMFROMTEXT ST_GEOMFROMWKB ST_INTERSECTION ST_INTERSECTS ST_LENGTH ST_NUMPOINTS
    ST_OVERLAPS ST_SRID ST_SYMDIFFERENCE ST_TOUCHES ST_UNION ST_WITHIN ST_X ST_Y
    """
)

_SPACE = " \t\n\v\f\r"
_FLAGS = re.IGNORECASE | re.DOTALL | re.ASCII

# No literal can begin before the first word, so that comments there end where they seem to.
# One that begins with /*! or /*M! is executed.
_LEADING = re.compile(r"(?:[\s(]|/\*(?!M?!).*?\*/|--\s[^\n\0]*\n|\#[^\n\0]*\n)*", _FLAGS)

_PLAIN = re.compile(
    r"(?:SELECT|INSERT|UPDATE|DELETE|REPLACE|WITH|SHOW|EXPLAIN|DESCRIBE|DESC|SAVEPOINT"
    r"|RELEASE\s+SAVEPOINT|ROLLBACK\s+TO)\b",
    _FLAGS,
)

_TRANSACTIONAL = re.compile(
    r"(?:BEGIN|COMMIT|ROLLBACK)(?:\s+WORK)?[\s;]*\Z"
    r"|(?:START\s+TRANSACTION|ALTER\s+TABLE|RENAME\s+TABLE|TRUNCATE|DROP\s+(?:TABLE|INDEX)"
    r"|CREATE\s+(?:TABLE|(?:UNIQUE\s+|FULLTEXT\s+|SPATIAL\s+)?INDEX))\b"
    # CREATE TABLE … SELECT may call whatever SELECT may call.
    r"(?!.*\b(?:SELECT|VALUES)\b)",
    _FLAGS,
)

_SUSPICIOUS = re.compile(
    r"@|:=|/\*M?!|\0"
    # Only space may follow a semicolon, else there is a second statement.
    r"|;(?!\s*\Z)"
    # Sequences remember, session by session, which number came last.
    r"|\bVALUE(?:\s|/\*.*?\*/)+FOR\b|\bNEXTVAL\b",
    _FLAGS,
)

# A comment up to the end of a line could hide what stands before a parenthesis.
_LINE_COMMENT = re.compile(r"\#|--\s")

_NAME = re.compile(r"[\w$\x80-\U0010ffff]+\Z", _FLAGS)

# A table with its columns: calls nothing, but looks like it.
_INTO_TABLE = re.compile(r"\bINTO\s+[\w$`\".\x80-\U0010ffff]+\Z", _FLAGS)

LONGEST_NAME = 64


def effect_of(statement: str | bytes | bytearray) -> Effect:
    """What `statement` may do, with its parameters put in or not. 0.2 µs when it is known."""
    if len(statement) > LONGEST_CACHED or isinstance(statement, bytearray):
        return _look(statement)
    return _look_once(statement)


def _look(statement: str | bytes | bytearray) -> Effect:
    if not isinstance(statement, str):
        # Each byte becomes a letter of its own; what matters here is ASCII in any case.
        statement = statement.decode("latin-1")
    leading = _LEADING.match(statement)
    start = leading.end() if leading else 0
    if _SUSPICIOUS.search(statement):
        return Effect.SESSION
    if _TRANSACTIONAL.match(statement, start):
        return Effect.TRANSACTION
    if not _PLAIN.match(statement, start) or _LINE_COMMENT.search(statement, start):
        return Effect.SESSION
    # In a bulk insert, what stands before each row's parenthesis is the same: look once.
    before_parentheses = set(statement[start:].split("(")[:-1])
    return Effect.NONE if all(map(_is_known, before_parentheses)) else Effect.SESSION


def _is_known(before: str) -> bool:
    """Whether the parenthesis that follows `before` calls nothing, or what changes nothing."""
    end = before.rstrip(_SPACE)
    name = _NAME.search(end[-LONGEST_NAME - 1 :])
    word = name[0] if name else ""
    # Outside of ASCII, capitals could make a known name of an unknown one.
    word = word.upper() if word.isascii() else word
    if word in KEYWORDS or (word in FUNCTIONS and end == before):
        # The server's own functions go by their bare names; any other is a database's.
        rest = end[: -len(word)].rstrip(_SPACE)
        known = not rest.endswith((".", "*/"))
    else:
        # No name but a quoted one may be a function too, and a comment may hide one.
        known = not word and not end.endswith(("`", '"', "*/"))
    return known or bool(_INTO_TABLE.search(end))


_look_once = lru_cache(CACHED_STATEMENTS)(_look)
