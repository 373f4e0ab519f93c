"""Notes which browsers are there, and what they have not delivered yet."""

from django.db import connection
from django.utils import timezone

from scans.submission import Heartbeat

# One statement, as each browser sends one each 30 s all day long. A station that there is not
# counts as none.
_SEEN = """
INSERT INTO scans_presence
    (device, station_id, seen_at, pending, oldest_pending_seconds, attention)
VALUES
    (%s, (SELECT code FROM scans_station WHERE code = %s), %s, %s, %s, %s)
ON DUPLICATE KEY UPDATE
    station_id = VALUES(station_id), seen_at = VALUES(seen_at), pending = VALUES(pending),
    oldest_pending_seconds = VALUES(oldest_pending_seconds), attention = VALUES(attention)
RETURNING IFNULL((SELECT MAX(number) FROM scans_revision), 0)
"""


def note_heartbeat(heartbeat: Heartbeat) -> int:
    """Note that a browser is there; returns the revision of the floor."""
    seen_at = connection.ops.adapt_datetimefield_value(timezone.now())
    with connection.cursor() as cursor:
        cursor.execute(
            _SEEN,
            [
                heartbeat.device.hex,
                heartbeat.station,
                seen_at,
                heartbeat.pending,
                heartbeat.oldest_pending_seconds,
                heartbeat.attention,
            ],
        )
        (revision,) = cursor.fetchone()
    return int(revision)
