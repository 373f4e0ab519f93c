"""Says in a sentence or two how it stands: what somebody in a hurry reads of a report."""

from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from scans.charts import Bar, PChart
from scans.reporting.filters import Filters
from scans.reporting.reports import Totals, is_of_one_defect
from scans.reporting.words import shift_or_day
from scans.templatetags.counts import number, percent
from scans.views.chart_data import is_within, of_defect, of_point, rows_of

# Of fewer points nobody can tell what is usual.
LEAST_POINTS = 5


@dataclass(frozen=True)
class Sentence:
    text: str
    address: str = ""


@dataclass(frozen=True)
class Verdict:
    """A colour, an icon, a word, and why."""

    sort: str
    icon: str
    word: str
    sentences: list[Sentence] = field(default_factory=list)


def judge(
    filters: Filters,
    totals: Totals,
    chart: PChart,
    bars: list[Bar],
    names: dict[str, str],
    *,
    everything: Totals,
    charted_days: int,
    is_counted: bool,
) -> Verdict:
    """By the numbers of the filters and of all results; the chart may look back further."""
    if not totals.scans:
        word = _("Nothing was scanned") if is_counted else _("Not counted yet")
        return Verdict("calm", "scan" if is_counted else "clock", word, [])
    chosen = [point for point in chart.points if is_within(filters, point.label)]
    above = [point for point in chosen if point.is_out and point.share > point.upper]
    most = _most_frequent(filters, bars, names)
    if above:
        worst = max(above, key=lambda point: point.share - point.upper)
        sentences = [_worst(filters, worst, len(above) - 1), *most]
        return Verdict("problem", "alert", _("Out of limits"), sentences)
    centre = percent(chart.centre)
    if len(chart.points) < LEAST_POINTS:
        text = _("Too few shifts have scans to tell what is usual.")
        return Verdict("calm", "clock", _said(filters, totals, everything), [Sentence(text), *most])
    below = any(point.is_out for point in chosen)
    mean = ngettext(
        "The mean of %(days)d day is %(mean)s.",
        "The mean of %(days)d days is %(mean)s.",
        charted_days,
    )
    text = mean % {"days": charted_days, "mean": centre}
    if below:
        text = _("That is lower than chance explains.") + " " + text
    return Verdict(
        "good",
        "check",
        _("Within limits"),
        [Sentence(_said(filters, totals, everything) + "."), Sentence(text), *most],
    )


def _said(filters: Filters, totals: Totals, everything: Totals) -> str:
    """What the chart looks for: rejects, or one kind of them."""
    if not is_of_one_defect(filters):
        return _("%(share)s rejected") % {"share": percent(everything.reject_share)}
    share = totals.scans / everything.scans if everything.scans else None
    return _("%(share)s of all that was inspected") % {"share": percent(share)}


def _worst(filters: Filters, worst: Any, others: int) -> Sentence:
    said = {
        "when": shift_or_day(worst.label),
        "share": percent(worst.share),
        "limit": percent(worst.upper),
    }
    text = _("%(when)s: %(share)s, the limit is %(limit)s.") % said
    if others:
        more = ngettext("And %(count)d more.", "And %(count)d more.", others)
        text = f"{text} {more % {'count': others}}"
    rejects = of_point(filters, worst.label).but(result="rejected")
    if not is_of_one_defect(filters):
        rejects = rejects.but(defect="")
    return Sentence(text, rows_of(rejects))


def _most_frequent(filters: Filters, bars: list[Bar], names: dict[str, str]) -> list[Sentence]:
    if not bars or filters.defect:
        return []
    first = bars[0]
    text = _("Most frequent: %(defect)s, %(count)s of the rejects (%(share)s).") % {
        "defect": f"{first.defect} {names.get(first.defect, '')}".strip(),
        "count": number(first.count),
        "share": percent(first.share),
    }
    return [Sentence(text, of_defect(filters)(first.defect))]
