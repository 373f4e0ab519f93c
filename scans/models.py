"""What the floor is made of, and what was scanned there."""

from datetime import datetime, timedelta, timezone

from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from scans.barcode import PATTERNS

# Codes are compared to the letter: no two that differ may count as one.
CODE_COLLATION = "utf8mb4_bin"
APPROVED = "000"


def _matching(field: str) -> RegexValidator:
    return RegexValidator(rf"^{PATTERNS[field]}\Z", _("This is not a valid code."))


class Station(models.Model):
    """A place where finished pieces are scanned."""

    code = models.CharField(
        _("code"),
        max_length=16,
        unique=True,
        db_collation=CODE_COLLATION,
        validators=[RegexValidator(r"^[A-Z0-9-]+\Z", _("Use A–Z, 0–9 and “-”."))],
    )
    name = models.CharField(_("name"), max_length=100, blank=True)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("station")
        verbose_name_plural = _("stations")
        ordering = ["code"]
        permissions = [("bind_station", "Can bind a browser to a station")]

    def __str__(self) -> str:
        return self.code


class Operator(models.Model):
    """A person who scans, known by the badge."""

    badge = models.CharField(
        _("badge"),
        max_length=16,
        unique=True,
        db_collation=CODE_COLLATION,
        validators=[_matching("operator")],
    )
    name = models.CharField(_("name"), max_length=100)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("operator")
        verbose_name_plural = _("operators")
        ordering = ["badge"]

    def __str__(self) -> str:
        return f"{self.badge} {self.name}"


class Defect(models.Model):
    """What was found on a piece; 000 says that nothing was."""

    code = models.CharField(
        _("code"),
        max_length=3,
        unique=True,
        db_collation=CODE_COLLATION,
        validators=[_matching("defect")],
    )
    name_en = models.CharField(_("English name"), max_length=100)
    name_ro = models.CharField(_("Romanian name"), max_length=100)
    note_required = models.BooleanField(_("note required"), default=False)
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("defect")
        verbose_name_plural = _("defects")
        ordering = ["code"]

    def __str__(self) -> str:
        return f"{self.code} {self.name}"

    def clean(self) -> None:
        if self.code == APPROVED and (self.note_required or not self.active):
            raise ValidationError(
                _("%(code)s says that a piece is good: it stays active and needs no note."),
                params={"code": APPROVED},
            )

    @property
    def name(self) -> str:
        """The name in the reader's language."""
        return self.name_ro if (get_language() or "").startswith("ro") else self.name_en


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
    defect = models.ForeignKey(Defect, models.PROTECT, to_field="code", verbose_name=_("defect"))
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

    class Meta:
        verbose_name = _("scan")
        verbose_name_plural = _("scans")
        default_permissions = ("view",)
        permissions = [("record_scan", "Can record scans")]
        indexes = [
            # The shift's totals, for one station and for all of them.
            models.Index(fields=["station", "scanned_at", "defect"], name="scan_station_time"),
            models.Index(fields=["scanned_at", "defect"], name="scan_time"),
            # The last scans of a station: InnoDB ends every index with the primary key.
            models.Index(fields=["station"], name="scan_station"),
            models.Index(fields=["cp"], name="scan_cp"),
            models.Index(fields=["cp_base"], name="scan_cp_base"),
        ]

    def __str__(self) -> str:
        return f"{self.cp} {self.defect_id}"

    @property
    def is_approved(self) -> bool:
        return self.defect_id == APPROVED

    @property
    def scanned_at_local(self) -> datetime:
        """`scanned_at` with the offset that the station sent."""
        offset = timezone(timedelta(minutes=self.scanned_offset_minutes))
        return self.scanned_at.astimezone(offset)
