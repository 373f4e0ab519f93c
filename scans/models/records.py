"""What was scanned, and what became of it: added, never changed."""

from datetime import datetime, timedelta, timezone

from django.db import models
from django.utils.translation import gettext_lazy as _

from scans.models.master_data import APPROVED, CODE_COLLATION, Defect, Station

REASON_MAX_LENGTH = 500


def local(moment: datetime, offset_minutes: int) -> datetime:
    """A stored moment with the offset from UTC with which it was sent."""
    return moment.astimezone(timezone(timedelta(minutes=offset_minutes)))


class ScanQuerySet(models.QuerySet["Scan"]):
    """What ended a scan, a void or a replacement, is found in the index `event_of_scan`."""

    def with_voids(self) -> "ScanQuerySet":
        """Each with `is_voided`: it counts no more, be it voided or replaced."""
        return self.annotate(is_voided=_is_voided())

    def valid(self) -> "ScanQuerySet":
        """Those that count."""
        return self.filter(~_is_voided())


def _is_voided() -> models.Exists:
    return models.Exists(Event.objects.filter(scan=models.OuterRef("pk")))


class Scan(models.Model):
    """One checked piece, as the operator recorded it. It never changes."""

    uid = models.UUIDField(
        _("id"),
        unique=True,
        help_text=_("Made by the station: the same scan sent twice is one row."),
    )
    # NULL when the browser that sent it is bound to no station.
    station = models.ForeignKey(
        Station,
        models.PROTECT,
        to_field="code",
        null=True,
        blank=True,
        verbose_name=_("station"),
        db_index=False,  # The indexes below begin with it.
    )
    # No foreign key: a new colleague's badge must count before the office has entered the name.
    operator = models.CharField(_("operator"), max_length=16, db_collation=CODE_COLLATION)
    cp = models.CharField(_("CP"), max_length=32, db_collation=CODE_COLLATION)
    cp_base = models.CharField(_("CP base"), max_length=16, db_collation=CODE_COLLATION)
    oc1 = models.CharField("OC1", max_length=8, db_collation=CODE_COLLATION)
    oc2 = models.CharField("OC2", max_length=8, db_collation=CODE_COLLATION)
    defect = models.ForeignKey(
        Defect,
        models.PROTECT,
        to_field="code",
        verbose_name=_("defect"),
        db_index=False,  # An index below begins with it.
    )
    note = models.CharField(_("note"), max_length=500, blank=True)
    raw = models.JSONField(
        _("as scanned"), default=dict, help_text=_("Codes that were repaired, as they were typed.")
    )
    scanned_at = models.DateTimeField(_("scanned at"), help_text=_("By the station's clock."))
    scanned_offset_minutes = models.SmallIntegerField(
        _("offset"), help_text=_("The station's offset from UTC, in minutes.")
    )
    received_at = models.DateTimeField(_("received at"), help_text=_("By the server's clock."))
    recorded_by = models.ForeignKey(
        "accounts.User", models.PROTECT, related_name="+", verbose_name=_("recorded by")
    )
    # NULL in what pages sent that did not know of it yet; so the next two.
    device = models.UUIDField(
        _("browser"), null=True, blank=True, help_text=_("Made by the browser, for itself.")
    )
    sequence = models.PositiveIntegerField(
        _("number"), null=True, blank=True, help_text=_("Which of the browser's scans it is.")
    )
    clock_skew_seconds = models.IntegerField(
        _("clock behind by seconds"),
        null=True,
        blank=True,
        help_text=_("How far the station's clock was behind the server's when it sent the scan."),
    )
    reinspection_of = models.ForeignKey(
        "self",
        models.PROTECT,
        to_field="uid",
        null=True,
        blank=True,
        related_name="reinspections",
        verbose_name=_("re-inspection of"),
    )

    objects = ScanQuerySet.as_manager()
    # Of those that were asked for it: with_voids().
    is_voided: bool

    class Meta:
        verbose_name = _("scan")
        verbose_name_plural = _("scans")
        default_permissions = ("view",)
        permissions = [
            ("record_scan", "Can record scans"),
            ("correct_scan", "Can correct any scan at any time"),
            ("view_board", "Can see the live board"),
        ]
        indexes = [
            # The shift's totals, for one station and for all of them.
            models.Index(fields=["station", "scanned_at", "defect"], name="scan_station_time"),
            models.Index(fields=["scanned_at", "defect"], name="scan_time"),
            # The last scans of a station: InnoDB ends every index with the primary key.
            models.Index(fields=["station"], name="scan_station"),
            # The first and the last scan of a piece.
            models.Index(fields=["cp", "scanned_at"], name="scan_cp"),
            # The rows of a report that asks for one operator or one defect.
            models.Index(fields=["operator", "scanned_at"], name="scan_operator_time"),
            models.Index(fields=["defect", "scanned_at"], name="scan_defect_time"),
            # How far an order is: all that it takes, without a look at the rows.
            models.Index(fields=["cp_base", "cp", "scanned_at", "defect"], name="scan_order"),
            # How many scans a browser has made.
            models.Index(fields=["device", "scanned_at"], name="scan_device_time"),
        ]

    def __str__(self) -> str:
        return f"{self.cp} {self.defect_id}"

    @property
    def is_approved(self) -> bool:
        return self.defect_id == APPROVED

    @property
    def scanned_at_local(self) -> datetime:
        """`scanned_at` with the offset that the station sent."""
        return local(self.scanned_at, self.scanned_offset_minutes)


class Event(models.Model):
    """What ended a scan: the record stays as it was, and counts no more.

    What was replaced lives on in another scan, of the same moment and station. That one may be
    voided or replaced in its turn.
    """

    class Kind(models.TextChoices):
        VOID = "void", _("voided")
        REPLACE = "replace", _("replaced")

    scan = models.ForeignKey(
        Scan,
        models.PROTECT,
        related_name="events",
        verbose_name=_("scan"),
        db_index=False,  # The constraint below begins with it.
    )
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    replacement = models.OneToOneField(
        Scan,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="replaces",
        verbose_name=_("replaced by"),
    )
    reason = models.CharField(_("reason"), max_length=REASON_MAX_LENGTH)
    station = models.ForeignKey(
        Station,
        models.PROTECT,
        to_field="code",
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("station"),
    )
    happened_at = models.DateTimeField(_("happened at"), help_text=_("By the station's clock."))
    happened_offset_minutes = models.SmallIntegerField(
        _("offset"), help_text=_("The station's offset from UTC, in minutes.")
    )
    received_at = models.DateTimeField(_("received at"), help_text=_("By the server's clock."))
    recorded_by = models.ForeignKey(
        "accounts.User", models.PROTECT, related_name="+", verbose_name=_("recorded by")
    )

    class Meta:
        verbose_name = _("correction")
        verbose_name_plural = _("corrections")
        default_permissions = ("view",)
        constraints = [
            # A scan ends once, however many say so at the same moment.
            models.UniqueConstraint(fields=["scan"], name="event_of_scan"),
            models.CheckConstraint(
                condition=models.Q(kind="void", replacement=None)
                | models.Q(kind="replace", replacement__isnull=False),
                name="event_replaces",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.reason}"

    @property
    def happened_at_local(self) -> datetime:
        return local(self.happened_at, self.happened_offset_minutes)


class Incident(models.Model):
    """What a station did instead of recording a scan."""

    class Kind(models.TextChoices):
        ABANDONED = "abandoned", _("unfinished piece was cleared")
        DOUBLE_READ = "double_read", _("double read")

    uid = models.UUIDField(_("id"), unique=True)
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    happened_at = models.DateTimeField(_("happened at"), help_text=_("By the station's clock."))
    station = models.ForeignKey(
        Station,
        models.PROTECT,
        to_field="code",
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("station"),
    )
    device = models.UUIDField(_("browser"), null=True, blank=True)
    codes = models.JSONField(_("codes"), default=dict)
    received_at = models.DateTimeField(_("received at"), help_text=_("By the server's clock."))
    recorded_by = models.ForeignKey(
        "accounts.User", models.PROTECT, related_name="+", verbose_name=_("recorded by")
    )

    class Meta:
        verbose_name = _("incident")
        verbose_name_plural = _("incidents")
        default_permissions = ("view",)
        indexes = [models.Index(fields=["happened_at", "kind"], name="incident_time")]

    def __str__(self) -> str:
        return self.get_kind_display()
