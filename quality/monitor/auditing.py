"""Logs who signs in and what administrators change."""

import logging
from typing import Any

from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import DatabaseError
from django.db.models.signals import post_save
from django.http import HttpRequest

from quality.monitor.callers import address_of
from quality.monitor.texts import printable

sign_ins = logging.getLogger("quality.signins")
changes = logging.getLogger("quality.settings")

DONE = {ADDITION: "added", CHANGE: "changed", DELETION: "deleted"}


def listen() -> None:
    """Have it logged from now on."""
    user_logged_in.connect(_signed_in)
    user_logged_out.connect(_signed_out)
    user_login_failed.connect(_sign_in_failed)
    post_save.connect(_administered, sender=LogEntry)


def _fields(request: HttpRequest | None, **more: Any) -> dict[str, Any]:
    address = {"address": address_of(request)} if request is not None else {}
    return {"fields": more | address}


def _signed_in(*, request: HttpRequest | None, user: Any, **_: Any) -> None:
    sign_ins.info("%s signed in", user.get_username(), extra=_fields(request, user=user.pk))


def _signed_out(*, request: HttpRequest | None, user: Any, **_: Any) -> None:
    if user is not None:
        sign_ins.info("%s signed out", user.get_username(), extra=_fields(request, user=user.pk))


def _sign_in_failed(
    *, credentials: dict[str, Any], request: HttpRequest | None = None, **_: Any
) -> None:
    model = get_user_model()
    name = credentials.get(model.USERNAME_FIELD)
    them = model._default_manager.filter(**{model.USERNAME_FIELD: name})
    try:
        # As it is stored: the database finds it by other spellings, too.
        known = them.values_list(model.USERNAME_FIELD, flat=True).first()
    except DatabaseError:
        known = None
    # What is nobody's name may be a password in the wrong field.
    who = known or "somebody unknown"
    sign_ins.warning("%s failed to sign in", who, extra=_fields(request))


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
