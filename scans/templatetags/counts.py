"""Says counts and shares in the reader's language."""

from datetime import date
from typing import Any

from django import template
from django.utils.formats import number_format
from django.utils.translation import get_language

from scans.reporting import words
from scans.shifts import Shift

register = template.Library()


@register.filter
def number(value: int) -> str:
    """Thousands in groups: 12,345."""
    return number_format(value, use_l10n=True, force_grouping=True)


@register.filter
def percent(share: float | None) -> str:
    """Of 0…1, with one digit; a dash where there is nothing to divide by."""
    if share is None:
        return "–"
    # Rounded before: to fewer digits Django cuts off.
    text = number_format(round(100 * share, 1), decimal_pos=1, use_l10n=True)
    return f"{text}%" if get_language() == "en" else f"{text}\u00a0%"


@register.filter
def when(label: Shift | date | Any) -> str:
    """What a point of a chart stands for: a shift or a day."""
    return words.shift_or_day(label)
