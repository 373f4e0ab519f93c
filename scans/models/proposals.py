"""Corrections that wait for a second person: proposed, then decided; neither is ever changed."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from scans.models.records import REASON_MAX_LENGTH, Event, Scan


class Proposal(models.Model):
    """What one person of quality would have become of a scan."""

    scan = models.ForeignKey(Scan, models.PROTECT, related_name="proposals", verbose_name=_("scan"))
    kind = models.CharField(_("kind"), max_length=16, choices=Event.Kind.choices)
    content = models.JSONField(
        _("content"), default=dict, help_text=_("What a replacement would say otherwise.")
    )
    reason = models.CharField(_("reason"), max_length=REASON_MAX_LENGTH)
    proposed_by = models.ForeignKey(
        "accounts.User", models.PROTECT, related_name="+", verbose_name=_("proposed by")
    )
    proposed_at = models.DateTimeField(_("proposed at"))

    class Meta:
        verbose_name = _("proposed correction")
        verbose_name_plural = _("proposed corrections")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.reason}"


class Decision(models.Model):
    """What another person said to it."""

    proposal = models.OneToOneField(Proposal, models.PROTECT, related_name="decision")
    is_accepted = models.BooleanField(_("accepted"))
    reason = models.CharField(_("reason"), max_length=REASON_MAX_LENGTH, blank=True)
    decided_by = models.ForeignKey(
        "accounts.User", models.PROTECT, related_name="+", verbose_name=_("decided by")
    )
    decided_at = models.DateTimeField(_("decided at"))

    class Meta:
        verbose_name = _("decision")
        verbose_name_plural = _("decisions")
        default_permissions = ()

    def __str__(self) -> str:
        return str(_("accepted") if self.is_accepted else _("refused"))
