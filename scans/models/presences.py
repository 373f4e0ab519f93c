"""Which browsers are there."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from scans.models.master_data import Station


class Presence(models.Model):
    """When a browser was last heard of, and what it had not delivered then."""

    device = models.UUIDField(_("browser"), primary_key=True)
    station = models.ForeignKey(
        Station,
        models.PROTECT,
        to_field="code",
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("station"),
    )
    seen_at = models.DateTimeField(_("last heard of at"))
    pending = models.PositiveIntegerField(_("scans that wait"))
    oldest_pending_seconds = models.PositiveIntegerField(_("age of the oldest in seconds"))
    attention = models.PositiveIntegerField(_("scans that need attention"))

    class Meta:
        verbose_name = _("browser")
        verbose_name_plural = _("browsers")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return str(self.device)
