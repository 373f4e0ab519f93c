"""Keeps who changed what, when and why."""

from collections.abc import Iterable
from typing import Any

from django.db import models
from simple_history.models import HistoricalRecords

REASON_MAX_LENGTH = 200


class History(HistoricalRecords):
    """One row for each state of a model's rows, with the person and the reason."""

    def __init__(self, **options: Any) -> None:
        options.setdefault(
            "history_change_reason_field",
            models.CharField(max_length=REASON_MAX_LENGTH, blank=True, default=""),
        )
        super().__init__(**options)

    def get_meta_options(self, model: type[models.Model]) -> dict[str, Any]:
        """Nobody has rights on history: who may see a thing sees how it came about."""
        return {**super().get_meta_options(model), "default_permissions": ()}

    def get_meta_options_m2m(self, through_model: type[models.Model]) -> dict[str, Any]:
        return {**super().get_meta_options_m2m(through_model), "default_permissions": ()}

    def get_change_reason_for_object(self, instance: Any, history_type: str, using: Any) -> str:
        return getattr(instance, "_change_reason", None) or ""

    def post_save(
        self,
        instance: models.Model,
        created: bool,
        using: str | None = None,
        update_fields: Iterable[str] | None = None,
        **kwargs: Any,
    ) -> None:
        """A sign-in saves when it was; that is no change of the account."""
        if update_fields and set(update_fields) <= set(self.excluded_fields):
            return
        super().post_save(instance, created, using=using, **kwargs)

    def m2m_changed(
        self,
        instance: Any,
        action: str,
        attr: str,
        pk_set: set[int] | None,
        reverse: bool,
        **_: Any,
    ) -> None:
        """Changed from the other side, it is a change of each row here that is named."""
        if not reverse:
            super().m2m_changed(instance, action, attr, pk_set, reverse)
        elif action in ("post_add", "post_remove"):
            for holder in self.cls._default_manager.filter(pk__in=pk_set or ()):
                self.create_historical_record(holder, "~")

    def finalize(self, sender: type[models.Model], **kwargs: Any) -> None:
        super().finalize(sender, **kwargs)
        if sender is self.cls:
            _histories[sender] = self


_histories: dict[type[models.Model], History] = {}


def write_down(instance: models.Model, *, is_new: bool) -> None:
    """Keep the state of now, for who has saved it together with what belongs to it."""
    _histories[type(instance)].create_historical_record(instance, "+" if is_new else "~")
