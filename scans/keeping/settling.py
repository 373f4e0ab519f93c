"""Tells up to which record nothing is on its way any more."""

from datetime import timedelta

from django.db import connection, models, transaction
from django.utils import timezone

# Ids are given out before a record is committed, so a lower one may appear behind a higher one. No
# statement takes so long: its own limits are below that.
SETTLED_AFTER = timedelta(seconds=60)
# How many ids back a record might still be on its way.
LOOK_BACK = 10_000


def settled_up_to(model: type[models.Model], after: int) -> int:
    """The highest id above `after` below which every record is there; `after` when there is none.

    `model` has `received_at`. Reads the newest records along the primary key.
    """
    before = connection.ops.adapt_datetimefield_value(timezone.now() - SETTLED_AFTER)
    table = model._meta.db_table
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM {table} WHERE id > %s AND received_at < %s "  # noqa: S608 - ours
            "ORDER BY id DESC LIMIT 1",
            [after, before],
        )
        row = cursor.fetchone()
        if row is None:
            return after
        last = int(row[0])
        # Waits for whoever has inserted and not committed yet, should the server have stood still.
        cursor.execute(
            f"SELECT COUNT(*) FROM {table} WHERE id > %s AND id <= %s "  # noqa: S608 - ours
            "LOCK IN SHARE MODE",
            [max(after, last - LOOK_BACK), last],
        )
        cursor.fetchall()
    return last
