"""Logs what administrators change."""

import logging
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.db.models.signals import post_save

from quality.monitor.texts import printable

changes = logging.getLogger("quality.settings")

DONE = {ADDITION: "added", CHANGE: "changed", DELETION: "deleted"}


def listen() -> None:
    """Have it logged from now on."""
    post_save.connect(_administered, sender=LogEntry)


def _administered(*, instance: LogEntry, created: bool, **_: Any) -> None:
    """An administrator changed something; Django's entry names its fields, not their values."""
    if not created:
        return
    changes.info(
        "%s %s %s: %s",
        instance.user.get_username(),
        DONE.get(instance.action_flag, str(instance.action_flag)),
        f"{instance.content_type.app_label}.{instance.content_type.model}"
        if instance.content_type is not None
        else "something",
        printable(instance.object_repr),
        extra={
            "fields": {
                "user": instance.user_id,
                "object": instance.object_id,
                "details": printable(instance.change_message),
            }
        },
    )
