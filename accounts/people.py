"""Who has an account, and who is signed in where: each one statement, however many they are."""

from datetime import UTC, datetime
from typing import Any

from django.db import connection

from accounts.attempts import MOST_FAILURES, WINDOW

Row = dict[str, Any]

# Somebody is locked until the failure that was one too many is old; few are of the last minutes.
_PEOPLE = """
SELECT u.id, u.username AS name,
    CONCAT_WS(' ', NULLIF(u.first_name, ''), NULLIF(u.last_name, '')) AS full_name,
    (SELECT GROUP_CONCAT(g.name ORDER BY g.name SEPARATOR '\n') FROM accounts_user_groups m
        JOIN auth_group g ON g.id = m.group_id WHERE m.user_id = u.id) AS roles,
    u.is_superuser, u.is_active, u.must_change_password,
    EXISTS (SELECT 1 FROM otp_totp_totpdevice d
        WHERE d.user_id = u.id AND d.confirmed) AS has_second_factor,
    u.last_login AS last_sign_in,
    (SELECT COUNT(*) FROM accounts_session s
        WHERE s.user_id = u.id AND s.expire_date > UTC_TIMESTAMP()) AS sessions,
    l.locked_until
FROM accounts_user u LEFT JOIN (
    SELECT name, MAX(at) + INTERVAL %(window)s SECOND AS locked_until FROM (
        SELECT name, at, ROW_NUMBER() OVER (PARTITION BY name, address ORDER BY at DESC) AS number
        FROM accounts_attempt
        WHERE counts AND at > UTC_TIMESTAMP(6) - INTERVAL %(window)s SECOND AND user_id IS NOT NULL
    ) failures
    WHERE number = %(most)s GROUP BY name
) l ON l.name = u.username
ORDER BY u.username
"""
# A session's key opens it: what tells the rows apart must not.
_PRESENT = """
SELECT LEFT(SHA2(s.session_key, 256), 16) AS id, u.id AS user_id, u.username AS name,
    s.station, s.address, s.signed_in_at, s.seen_at
FROM accounts_session s JOIN accounts_user u ON u.id = s.user_id
WHERE s.expire_date > UTC_TIMESTAMP() AND u.is_active AND NOT u.must_change_password
ORDER BY u.username, s.signed_in_at, s.session_key
"""


def people() -> list[Row]:
    """All accounts by name."""
    window = int(WINDOW.total_seconds())
    rows = _rows(_PEOPLE, {"window": window, "most": MOST_FAILURES})
    for row in rows:
        row["roles"] = row["roles"].split("\n") if row["roles"] else []
        for name in ("is_superuser", "is_active", "must_change_password", "has_second_factor"):
            row[name] = bool(row[name])
    return rows


def present() -> list[Row]:
    """All browsers in which somebody is signed in, by the name."""
    return _rows(_PRESENT)


def _rows(sql: str, values: dict[str, int] | None = None) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, map(_plain, row), strict=True)) for row in cursor.fetchall()]


def _plain(value: object) -> object:
    """As JSON has it; the server's times are UTC, and do not say so."""
    return value.replace(tzinfo=UTC).isoformat() if isinstance(value, datetime) else value
