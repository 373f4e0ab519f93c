"""Marks each change of what stands between people and their rights."""

from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db.models.signals import m2m_changed, post_delete, post_save

from accounts.models import RightsRevision, User

CHANGES = {"post_add", "post_remove", "post_clear"}


def mark_change(*, using: str = "default") -> None:
    """From its commit on, every process reads all rights anew. One statement."""
    RightsRevision.objects.using(using).bulk_create(
        [RightsRevision()], update_conflicts=True, update_fields=["mark"]
    )


def listen() -> None:
    """Mark the changes that Django tells of: those that go through models.

    Not of a user's row, active or superuser: it is read with each request.
    """
    for through in (
        User.groups.through,
        User.user_permissions.through,
        Group.permissions.through,
    ):
        m2m_changed.connect(_links_changed, sender=through)
    post_save.connect(_changed, sender=Permission)
    for model in (Group, Permission):
        post_delete.connect(_changed, sender=model)


def _links_changed(*, action: str, using: str, **_: Any) -> None:
    if action in CHANGES:
        mark_change(using=using)


def _changed(*, using: str, **_: Any) -> None:
    mark_change(using=using)
