"""What the floor is made of: deactivated, never deleted."""

from functools import partial

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.history import History
from scans.models.settings import Settings

# Codes are compared to the letter: no two that differ may count as one.
CODE_COLLATION = "utf8mb4_bin"
APPROVED = "000"


def check_code(field: str, code: str) -> None:
    """Whether it has the pattern of today. Raises ValidationError."""
    codes = Settings.now().codes
    if not codes.matches(field, code):
        raise ValidationError(
            _("“%(code)s” does not look like %(example)s."),
            params={"code": code, "example": codes.examples[field]},
        )


class Profile(models.Model):
    """How the page of a station behaves. Stations without one of their own have the first."""

    class RepeatPolicy(models.TextChoices):
        REINSPECTION = "reinspection", _("Record it as a re-inspection")
        WARN = "warn", _("Record it and warn")
        BLOCK = "block", _("Refuse it")

    name = models.CharField(_("name"), max_length=100, unique=True)
    operator_is_sticky = models.BooleanField(_("operator stays for the next piece"), default=True)
    oc1_is_sticky = models.BooleanField(_("OC1 stays for the next piece"), default=False)
    oc2_is_sticky = models.BooleanField(_("OC2 stays for the next piece"), default=False)
    double_read_seconds = models.PositiveSmallIntegerField(
        _("double read within seconds"),
        default=10,
        validators=[MaxValueValidator(600)],
        help_text=_("The same CP with the same defect again is one scan for so long."),
    )
    repeat_policy = models.CharField(
        _("a CP scanned again later"),
        max_length=16,
        choices=RepeatPolicy.choices,
        default=RepeatPolicy.REINSPECTION,
    )
    undo_seconds = models.PositiveSmallIntegerField(
        _("undo within seconds"), default=60, validators=[MaxValueValidator(3600)]
    )
    clear_after_seconds = models.PositiveSmallIntegerField(
        _("clear an unfinished piece after seconds"),
        default=30,
        validators=[MinValueValidator(5), MaxValueValidator(3600)],
    )
    idle_flush_milliseconds = models.PositiveSmallIntegerField(
        _("a code without Enter is complete after milliseconds"),
        default=300,
        validators=[MinValueValidator(100), MaxValueValidator(5000)],
    )
    sound_is_on = models.BooleanField(_("sound"), default=True)

    history = History()

    class Meta:
        verbose_name = _("station profile")
        verbose_name_plural = _("station profiles")
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name


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
    line = models.CharField(
        _("line"),
        max_length=32,
        blank=True,
        help_text=_("Stations of one production line stand together on the board."),
    )
    active = models.BooleanField(_("active"), default=True)
    profile = models.ForeignKey(
        Profile,
        models.PROTECT,
        null=True,
        blank=True,
        verbose_name=_("station profile"),
        help_text=_("Without one, the first of the profiles holds."),
    )

    history = History()

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
        validators=[partial(check_code, "operator")],
    )
    name = models.CharField(_("name"), max_length=100)
    active = models.BooleanField(_("active"), default=True)

    history = History()

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
        validators=[partial(check_code, "defect")],
    )
    name_en = models.CharField(_("English name"), max_length=100)
    name_ro = models.CharField(_("Romanian name"), max_length=100)
    note_required = models.BooleanField(_("note required"), default=False)
    active = models.BooleanField(_("active"), default=True)

    history = History()

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


class Revision(models.Model):
    """The one row whose number changes with each change of master data, in the same transaction.

    Triggers see to that (migration 0005), so that no way of changing a row goes past it. The number
    is a time in microseconds: no two states ever share one, not even after a rollback.
    """

    number = models.BigIntegerField(default=0)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.number)
