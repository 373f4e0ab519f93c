"""What the office keeps beside the records: filters, imports, reports that were sent."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class SavedFilter(models.Model):
    """A filter of the reports under a name of its owner's."""

    user = models.ForeignKey("accounts.User", models.CASCADE, related_name="+")
    name = models.CharField(_("name"), max_length=60)
    # As the address has it: `shift=night&station=FG-01`.
    query = models.CharField(max_length=500)

    class Meta:
        default_permissions = ()
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="filter_name")]

    def __str__(self) -> str:
        return self.name


class LegacyImport(models.Model):
    """One run that brought scans over from another system."""

    source = models.CharField(_("source"), max_length=200)
    started_at = models.DateTimeField(_("started at"))
    # NULL: it was cut short. Run again, it goes on.
    finished_at = models.DateTimeField(_("finished at"), null=True, blank=True)
    imported_by = models.ForeignKey("accounts.User", models.PROTECT, related_name="+")
    read = models.PositiveIntegerField(_("rows read"), default=0)
    stored = models.PositiveIntegerField(_("stored"), default=0)
    # There from an earlier run.
    repeated = models.PositiveIntegerField(_("there before"), default=0)
    rejected = models.PositiveIntegerField(_("rejected"), default=0)

    class Meta:
        verbose_name = _("import from another system")
        verbose_name_plural = _("imports from another system")
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.source} {self.started_at}"


class SentReport(models.Model):
    """The daily report of a day goes out once, whichever process is the first."""

    day = models.DateField(unique=True)
    sent_at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.day)
