"""The page of corrections that a second person decides about."""

from typing import Any, cast

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django.views.decorators.http import require_http_methods

from accounts.models import User
from accounts.rights import page
from scans import proposals
from scans.floor import Floor, current_floor
from scans.models import Event, Proposal
from scans.proposals import DECIDED, Filters, Outcome
from scans.replacing import content_of
from scans.reporting.timeline import changes_between
from scans.submission import Refused
from scans.views.filter_bar import Field, defect_choices, station_choices, with_typed
from scans.views.records import CORRECT, VIEW

# No id is longer.
MOST_DIGITS = 18


@require_http_methods(["GET", "HEAD", "POST"])
def proposed(request: HttpRequest) -> HttpResponseBase:
    """The list, and what is decided about it, at one address: it has the list's filters."""
    return _decide(request) if request.method == "POST" else _look(request)


@page(VIEW)
def _look(request: HttpRequest) -> HttpResponse:
    """What waits for a second person, or what became of the others."""
    return _listed(request)


@page(CORRECT)
def _decide(request: HttpRequest) -> HttpResponse:
    """Accept those that were selected, or refuse them."""
    # All that is wrong with the address or the form is found before anything is decided.
    query = Filters.read(request.GET).as_query(after=_after(request))
    selected = {_number(text) for text in request.POST.getlist("proposal")}
    answer = request.POST.get("answer")
    if answer not in ("accept", "refuse"):
        return _listed(request, problem=_("Accept or refuse."), selected=selected, status=422)
    try:
        outcome = proposals.decide_all(
            selected,
            cast(User, request.user),
            is_accepted=answer == "accept",
            reason=request.POST.get("reason", ""),
        )
    except Proposal.DoesNotExist as error:
        raise Http404 from error
    except Refused as refused:
        problem = " ".join(text for texts in refused.errors.values() for text in texts)
        return _listed(request, problem=problem, selected=selected, status=422)
    said = _said(outcome, is_accepted=answer == "accept")
    if outcome.left:
        left = {one.proposal.pk for one in outcome.left}
        return _listed(request, outcome=outcome, done=said, selected=left, status=409)
    messages.success(request, said)
    return redirect(f"{reverse('scans:proposals')}?{query}".rstrip("?"))


def _said(outcome: Outcome, *, is_accepted: bool) -> str:
    number = len(outcome.decisions)
    if not number:
        return ""
    text = (
        ngettext("%(number)d proposal accepted.", "%(number)d proposals accepted.", number)
        if is_accepted
        else ngettext("%(number)d proposal refused.", "%(number)d proposals refused.", number)
    )
    return text % {"number": number}


def _number(text: str) -> int:
    """Raises Http404."""
    if not text.isdecimal() or len(text) > MOST_DIGITS:
        raise Http404
    return int(text)


def _after(request: HttpRequest) -> int:
    return _number(request.GET.get("after") or "0")


# ----- The list


def _listed(
    request: HttpRequest,
    *,
    problem: str = "",
    outcome: Outcome | None = None,
    done: str = "",
    selected: set[int] | None = None,
    status: int = 200,
) -> HttpResponse:
    floor = current_floor()
    filters = Filters.read(request.GET)
    shown = proposals.page(filters, after=_after(request))
    rows = [
        {
            "proposal": one,
            "decision": getattr(one, "decision", None),
            "changes": changes_between(content_of(one.scan), one.content, floor),
            "is_own": one.proposed_by_id == request.user.pk,
            "is_selected": one.pk in (selected or set()),
        }
        for one in shown.proposals
    ]
    is_done = filters.state == DECIDED
    may_decide = not is_done and request.user.has_perm(CORRECT)
    context = {
        "rows": rows,
        "page": shown,
        "count": proposals.count_waiting(filters),
        "filters": filters,
        "fields": _fields(filters, floor),
        "is_done": is_done,
        "may_decide": may_decide,
        "has_any_to_decide": may_decide and not all(one["is_own"] for one in rows),
        "here": filters.as_query(after=shown.after),
        "first": filters.as_query(),
        "next": filters.as_query(after=shown.next),
        "all": Filters(state=filters.state).as_query(),
        "tab_waiting": filters.but(state="").as_query(),
        "tab_decided": filters.but(state=DECIDED).as_query(),
        "four_eyes": floor.settings.four_eyes,
        "problem": problem,
        "done": done,
        "left": outcome.left if outcome else [],
        "reason": request.POST.get("reason", ""),
    }
    return render(request, "scans/proposals.html", context, status=status)


def _fields(filters: Filters, floor: Floor) -> list[Field]:
    kinds = [
        ("", _("All")),
        (Event.Kind.VOID, pgettext("proposal", "Void")),
        (Event.Kind.REPLACE, pgettext("proposal", "Replace")),
    ]
    names = [("", _("All")), *((name, name) for name in proposals.proposers())]
    choices: dict[str, list[Any]] = {
        "station": station_choices(floor),
        "kind": kinds,
        "defect": defect_choices(floor),
        "proposer": names,
    }
    values = {name: getattr(filters, name) for name in choices}
    return [
        Field(name, values[name], choices=with_typed(offered, values[name]))
        for name, offered in choices.items()
    ]
