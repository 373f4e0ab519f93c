"""The app that knows who may do what."""

from typing import Any

from django.apps import AppConfig
from django.db.models.signals import post_migrate


def sync_roles_after_migrate(using: str, **kwargs: Any) -> None:
    from accounts.revision import mark_change
    from accounts.roles import sync_roles

    sync_roles(using=using)
    # Django makes new permissions in bulk, of which it tells nobody.
    mark_change(using=using)


class AccountsConfig(AppConfig):
    name = "accounts"

    def ready(self) -> None:
        from accounts import revision

        revision.listen()
        post_migrate.connect(sync_roles_after_migrate, sender=self)
