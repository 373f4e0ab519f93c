"""What the office fills in: the settings, tried on real codes before they hold."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import INPUT_CLASSES

from accounts.administration import ReasonForm, reason_field
from scans.barcode import COMMANDS, FIELDS, MAX_LENGTH, Codes, repair
from scans.models import Defect, Operator, Scan, Settings

NAMED = 5
NEWEST_SCANS = 200
SAMPLES = 50


def _strangers(codes: Codes, field: str, known: Iterable[str]) -> str:
    """The codes that would not be read any more, the first of them by name."""
    lost = [code for code in known if not codes.matches(field, code)]
    named = ", ".join(lost[:NAMED])
    return f"{named}, … ({len(lost)})" if len(lost) > NAMED else named


class Clock(forms.TimeInput):
    """Hours and minutes, as the browser offers them."""

    input_type = "time"

    def __init__(self) -> None:
        super().__init__(attrs={"class": " ".join(INPUT_CLASSES)}, format="%H:%M")


class SettingsForm(ReasonForm):
    """Refuses what would lock out a badge or a defect that is in use."""

    reason = reason_field(help_text=gettext_lazy("Is kept in the history."))

    class Meta:
        model = Settings
        fields = "__all__"

    @property
    def has_good_codes(self) -> bool:
        """Whether no pattern and no example was refused."""
        return not any(name.endswith(("_pattern", "_example")) for name in self.errors)

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if not self.has_good_codes:
            return
        codes = self.instance.codes
        in_use = {
            "operator": Operator.objects.filter(active=True).values_list("badge", flat=True),
            "defect": Defect.objects.filter(active=True).values_list("code", flat=True),
        }
        for field, known in in_use.items():
            if lost := _strangers(codes, field, known):
                message = _("These are in use and would not be read any more: %(codes)s.")
                self.add_error(f"{field}_pattern", ValidationError(message, params={"codes": lost}))


def lost_scans(codes: Codes) -> dict[str, str]:
    """By field, the codes of the newest scans that would be refused. Reads the primary key."""
    newest = list(Scan.objects.order_by("-pk").values_list(*FIELDS)[:NEWEST_SCANS])
    found = {}
    for position, field in enumerate(FIELDS):
        known = dict.fromkeys(scan[position] for scan in newest)
        if lost := _strangers(codes, field, known):
            found[field] = lost
    return found


@dataclass(frozen=True)
class Tried:
    """What a sample is taken for, today and then; "" for nothing."""

    raw: str
    code: str
    old: str
    new: str


def _meaning(codes: Codes, code: str) -> str:
    if code in COMMANDS.values():
        return _("command")
    fields: list[Any] = [
        Settings._meta.get_field(f"{field}_example") for field in codes.fields_for(code)
    ]
    return ", ".join(str(field.verbose_name).partition(":")[0] for field in fields)


def tried(samples: str, old: Codes, new: Codes) -> list[Tried]:
    """Each line of the samples, read as a scanner's text is."""
    lines = [line for line in samples.splitlines() if line.strip()][:SAMPLES]
    return [
        Tried(line, code, _meaning(old, code), _meaning(new, code))
        for line in lines
        for code in [repair(line[:MAX_LENGTH])]
    ]
