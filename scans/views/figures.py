"""The numbers at the head of a report."""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from scans.models import APPROVED
from scans.reporting.filters import Filters
from scans.reporting.reinspections import Reinspections
from scans.reporting.reports import Totals
from scans.templatetags.counts import number, percent
from scans.views.chart_data import rows_of


@dataclass(frozen=True)
class Figure:
    """A number with its name, and where those are that it counts."""

    name: Any
    value: str
    note: str = ""
    address: str = ""
    sort: str = ""


def is_narrowed(filters: Filters) -> bool:
    """Whether but some results are looked at: of those, shares of rejects say nothing."""
    return bool(filters.defect or filters.result)


def of_all(filters: Filters, totals: Totals) -> list[Figure]:
    def at(name: str) -> str:
        return f"{reverse(name)}?{filters.as_query()}"

    return [
        Figure(_("Inspected"), number(totals.scans), address=rows_of(filters)),
        Figure(
            _("Approved"),
            number(totals.approved),
            address=rows_of(filters.but(result="approved")),
            sort="good",
        ),
        Figure(
            _("Rejected"),
            number(totals.rejected),
            address=rows_of(filters.but(result="rejected")),
            sort="reject",
        ),
        Figure(_("Reject %"), percent(totals.reject_share), sort="reject"),
        Figure(
            _("FPY"),
            percent(totals.fpy),
            note=_("of %(count)s first scans") % {"count": number(totals.firsts)},
        ),
        Figure(
            _("Re-inspections"), number(totals.reinspections), address=at("scans:reinspections")
        ),
        Figure(
            _("Voided"),
            number(totals.voided),
            note=_("or replaced"),
            address=at("scans:data_quality"),
        ),
    ]


def of_some(filters: Filters, some: Totals, everything: Totals) -> list[Figure]:
    """Those of one defect or one result, among all that the other filters let through."""
    sort = "good" if filters.defect == APPROVED or filters.result == "approved" else "reject"
    share = some.scans / everything.scans if everything.scans else None
    return [
        Figure(_("Scans with it"), number(some.scans), address=rows_of(filters), sort=sort),
        Figure(_("Inspected"), number(everything.scans), address=rows_of(everything_of(filters))),
        Figure(_("Share"), percent(share), sort=sort),
        Figure(_("Voided"), number(some.voided), note=_("or replaced")),
    ]


def everything_of(filters: Filters) -> Filters:
    return filters.but(defect="", result="")


def of_outcomes(found: Reinspections) -> list[Figure]:
    """What became of pieces that were scanned again, by what they were at first."""

    def said(first: str, last: str) -> tuple[str, str]:
        count = found.counts[first, last]
        return number(count), percent(count / found.total if found.total else None)

    names = {
        ("rejected", "approved"): (_("Repaired"), "good"),
        ("rejected", "rejected"): (_("Still rejected"), "reject"),
        ("approved", "rejected"): (_("Rejected later"), "reject"),
        ("approved", "approved"): (_("Approved again"), ""),
    }
    figures = [Figure(_("Scanned again"), number(found.total), note=_("pieces"))]
    for outcome, (name, sort) in names.items():
        count, share = said(*outcome)
        figures.append(Figure(name, count, note=share, sort=sort))
    return figures
