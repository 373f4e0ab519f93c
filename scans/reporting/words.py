"""Names days, shifts and periods as people at this factory do."""

from datetime import date
from typing import Any

from django.utils.formats import date_format
from django.utils.translation import gettext_lazy

from scans.shifts import Shift

SHIFT_LABELS = {
    "morning": gettext_lazy("Morning"),
    "afternoon": gettext_lazy("Afternoon"),
    "night": gettext_lazy("Night"),
}
RESULT_LABELS = {"approved": gettext_lazy("Approved"), "rejected": gettext_lazy("Rejected")}


def day_name(day: date) -> str:
    """As headings begin: "Saturday"."""
    name = date_format(day, "l")
    return name[:1].upper() + name[1:]


def short_day(day: date) -> str:
    """Without its year, which the period says."""
    return date_format(day, "MONTH_DAY_FORMAT")


def hours(shift: Shift) -> str:
    return f"{shift.start:%H:%M}–{shift.end:%H:%M}"


def shift_or_day(label: Any) -> str:
    """Of a point in a chart: the day first, which is what people look for."""
    if isinstance(label, Shift):
        return f"{short_day(label.day)} · {SHIFT_LABELS[label.name]}"
    return date_format(label, "SHORT_DATE_FORMAT")


def moment_format(*, has_many_days: bool) -> str:
    """With the day where there are several."""
    return "SHORT_DATETIME_FORMAT" if has_many_days else "H:i:s"
