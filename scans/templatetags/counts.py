"""Reckons with counts in templates."""

from collections.abc import Mapping

from django import template

register = template.Library()


@register.filter
def reject_percent(counts: Mapping[str, int]) -> float:
    """How many of a hundred scans were rejected; 0 of none."""
    scanned = counts["approved"] + counts["rejected"]
    return 100 * counts["rejected"] / scanned if scanned else 0.0
