"""What holds for the whole factory."""

from datetime import time
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.history import History
from scans.barcode import COMMANDS, CP_BASE_LENGTH, FIELDS, STANDARD, Codes, repair
from scans.patterns import PatternError, shape_of
from scans.shifts import STANDARD as STANDARD_STARTS
from scans.shifts import Starts

PATTERN_MAX_LENGTH = 64
# No longer code fits into the columns of a scan.
LONGEST = {"operator": 16, "cp": 32, "oc1": 8, "oc2": 8, "defect": 3}


def _pattern(field: str, name: Any) -> "models.CharField[str, str]":
    return models.CharField(name, max_length=PATTERN_MAX_LENGTH, default=STANDARD.patterns[field])


def _example(field: str, name: Any) -> "models.CharField[str, str]":
    return models.CharField(name, max_length=LONGEST[field], default=STANDARD.examples[field])


def _start(shift: str, name: Any) -> "models.TimeField[time, time]":
    return models.TimeField(name, default=dict(STANDARD_STARTS)[shift])


class Settings(models.Model):
    """One row: how codes look, when shifts start, what all station pages do.

    What one station does stands in its profile. A change is another revision of the floor, as one
    of master data is, and so holds for the next request of every worker and reaches open pages.
    """

    operator_pattern = _pattern("operator", _("badge: pattern"))
    operator_example = _example("operator", _("badge: example"))
    cp_pattern = _pattern("cp", _("CP: pattern"))
    cp_example = _example("cp", _("CP: example"))
    oc1_pattern = _pattern("oc1", _("OC1: pattern"))
    oc1_example = _example("oc1", _("OC1: example"))
    oc2_pattern = _pattern("oc2", _("OC2: pattern"))
    oc2_example = _example("oc2", _("OC2: example"))
    defect_pattern = _pattern("defect", _("defect: pattern"))
    defect_example = _example("defect", _("defect: example"))
    morning_start = _start("morning", _("morning shift starts at"))
    afternoon_start = _start("afternoon", _("afternoon shift starts at"))
    night_start = _start("night", _("night shift starts at"))
    clock_off_seconds = models.PositiveSmallIntegerField(
        _("warn of a clock that is off by more than seconds"),
        default=60,
        validators=[MinValueValidator(5), MaxValueValidator(3600)],
    )
    warning_seconds = models.PositiveSmallIntegerField(
        _("warn before an unfinished piece is cleared, for seconds"),
        default=10,
        validators=[MinValueValidator(3), MaxValueValidator(600)],
    )
    volume_percent = models.PositiveSmallIntegerField(
        _("volume of the tones in percent"),
        default=30,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text=_("Whether a station has any stands in its profile."),
    )
    four_eyes = models.BooleanField(
        _("a correction by quality needs a second person"),
        default=False,
        help_text=_("Until another one agrees, the scan counts as it stands."),
    )

    history = History()

    class Meta:
        verbose_name = _("settings")
        verbose_name_plural = _("settings")
        default_permissions = ("view", "change")

    def __str__(self) -> str:
        return str(self._meta.verbose_name)

    @classmethod
    def now(cls) -> "Settings":
        """The row; as it comes where somebody has emptied the tables."""
        return cls.objects.filter(pk=1).first() or cls(pk=1)

    @property
    def codes(self) -> Codes:
        return Codes(
            patterns={field: getattr(self, f"{field}_pattern") for field in FIELDS},
            examples={field: getattr(self, f"{field}_example") for field in FIELDS},
        )

    @property
    def starts(self) -> Starts:
        return (
            ("morning", self.morning_start),
            ("afternoon", self.afternoon_start),
            ("night", self.night_start),
        )

    def clean(self) -> None:
        errors = self._errors_of_patterns() or self._errors_of_examples()
        starts = [start for _name, start in self.starts]
        # What is no time at all was refused before.
        if None not in starts and sorted(set(starts)) != starts:
            errors["night_start"] = _("Shifts start one after the other, from morning to night.")
        if errors:
            raise ValidationError(errors)

    def _errors_of_patterns(self) -> dict[str, Any]:
        errors: dict[str, Any] = {}
        for field, pattern in self.codes.patterns.items():
            try:
                shape = shape_of(pattern)
            except PatternError as error:
                errors[f"{field}_pattern"] = str(error)
                continue
            # What an order is stands at the beginning of its pieces' codes.
            least, most = CP_BASE_LENGTH + 1 if field == "cp" else 1, LONGEST[field]
            if shape.least < least or shape.most > most:
                errors[f"{field}_pattern"] = _(
                    "These codes have from %(found_least)d to %(found_most)d characters; there may "
                    "be from %(least)d to %(most)d."
                ) % {
                    "found_least": shape.least,
                    "found_most": shape.most,
                    "least": least,
                    "most": most,
                }
        return errors

    def _errors_of_examples(self) -> dict[str, Any]:
        errors: dict[str, Any] = {}
        codes = self.codes
        for field, example in codes.examples.items():
            fits = codes.fields_for(example)
            # Nobody can tell the two OC codes apart; all others go where they belong by themselves.
            alike = {"oc1", "oc2"} if field in {"oc1", "oc2"} else {field}
            if field not in fits or repair(example) != example:
                errors[f"{field}_example"] = _("The example does not have the pattern.")
            elif others := set(fits) - alike:
                other: Any = self._meta.get_field(f"{min(others)}_pattern")
                errors[f"{field}_pattern"] = _(
                    "A code must tell what it is: “%(code)s” fits “%(other)s” too."
                ) % {"code": example, "other": other.verbose_name}
        for command in COMMANDS.values():
            for field in codes.fields_for(command):
                errors[f"{field}_pattern"] = _("The command %(code)s would be one of these.") % {
                    "code": command
                }
        return errors
