"""Lets a second person decide about the corrections that quality proposes."""

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, NamedTuple, Self
from urllib.parse import urlencode

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from scans.corrections import NotAllowed, end, refuse_ended
from scans.floor import current_floor
from scans.models import Decision, Event, Proposal, Scan
from scans.replacing import changes_of
from scans.reporting.filters import NO_STATION
from scans.submission import Refused, read_remark

# What a page shows, and what is decided at once.
PAGE_SIZE = 25
DECIDED = "decided"
_HAS_ENDED = Exists(Event.objects.filter(scan=OuterRef("scan")))


class Decided(NotAllowed):
    """Somebody was quicker; the message says who."""

    def __init__(self, decision: Decision) -> None:
        text = (
            _("%(who)s has accepted this proposal.")
            if decision.is_accepted
            else _("%(who)s has refused this proposal.")
        )
        super().__init__(text % {"who": decision.decided_by.get_username()})


@dataclass(frozen=True, kw_only=True)
class Filters:
    """Which proposals a list shows: those of one `state`; "" does not filter.

    A name that nobody knows is no error: nobody has proposed anything of the kind.
    """

    # DECIDED: those that wait no more. Else those that do.
    state: str = ""
    station: str = ""
    kind: str = ""
    defect: str = ""
    proposer: str = ""

    @classmethod
    def read(cls, query: Mapping[str, Any]) -> Self:
        return cls(**{one.name: str(query.get(one.name) or "") for one in fields(cls)})

    def but(self, **changes: str) -> Self:
        return replace(self, **changes)

    @property
    def is_narrow(self) -> bool:
        return self != Filters(state=self.state)

    def as_query(self, **more: object) -> str:
        return urlencode({name: value for name, value in (asdict(self) | more).items() if value})

    def narrowed(self, found: QuerySet[Proposal]) -> QuerySet[Proposal]:
        if self.station == NO_STATION:
            found = found.filter(scan__station=None)
        elif self.station:
            found = found.filter(scan__station_id=self.station)
        if self.kind:
            found = found.filter(kind=self.kind)
        if self.defect:
            # What the scan says, or would say.
            found = found.filter(Q(scan__defect=self.defect) | Q(content__defect=self.defect))
        if self.proposer:
            found = found.filter(proposed_by__username=self.proposer)
        return found


@dataclass(frozen=True)
class Page:
    """A part of a list; `after` is where it begins, and `next` leads on: 0 at its ends."""

    proposals: list[Proposal]
    after: int
    next: int


def _with_all() -> QuerySet[Proposal]:
    return Proposal.objects.annotate(has_ended=_HAS_ENDED).select_related(
        "scan__defect", "scan__station", "proposed_by", "decision__decided_by"
    )


def waiting() -> QuerySet[Proposal]:
    """Those that wait for a decision, the oldest first."""
    return _with_all().filter(decision=None).exclude(_HAS_ENDED).order_by("pk")


def done() -> QuerySet[Proposal]:
    """Those that wait no more, the newest first: decided, or their scan ended without them."""
    return _with_all().filter(Q(decision__isnull=False) | Q(_HAS_ENDED)).order_by("-pk")


def page(filters: Filters, *, after: int = 0) -> Page:
    """What comes behind one proposal; the beginning, when nothing does any more."""
    is_done = filters.state == DECIDED
    found = filters.narrowed(done() if is_done else waiting())
    behind = found
    if after:
        behind = found.filter(pk__lt=after) if is_done else found.filter(pk__gt=after)
    proposals = list(behind[: PAGE_SIZE + 1])
    if after and not proposals:
        return page(filters)
    shown = proposals[:PAGE_SIZE]
    return Page(shown, after, shown[-1].pk if len(proposals) > PAGE_SIZE else 0)


def count_waiting(filters: Filters) -> int:
    return filters.narrowed(waiting()).count()


def proposers() -> list[str]:
    """Whoever has proposed anything."""
    names = Proposal.objects.order_by("proposed_by__username")
    return list(names.values_list("proposed_by__username", flat=True).distinct())


# ----- Deciding


def decide(pk: int, user: User, *, is_accepted: bool, reason: str = "") -> Decision:
    """Accept or refuse a proposal; what is accepted is done in the same transaction.

    The same decision once more is the one that there is. Raises Proposal.DoesNotExist; NotAllowed
    when it is one's own, somebody was quicker or the scan has ended meanwhile; Refused when what
    it says is not valid any more.
    """
    remark = read_remark(reason)
    proposal = Proposal.objects.select_related("proposed_by").get(pk=pk)
    if proposal.proposed_by_id == user.pk:
        raise NotAllowed(_("Somebody else decides about what you have proposed."))
    with transaction.atomic():
        # Who is quicker has the lock; then his decision says more than the event that came of it.
        scan = Scan.objects.select_for_update().get(pk=proposal.scan_id)
        found = Decision.objects.select_related("decided_by").filter(proposal=proposal).first()
        if found is not None:
            said = (found.decided_by_id, found.is_accepted, found.reason)
            if said == (user.pk, is_accepted, remark):
                return found
            raise Decided(found)
        refuse_ended(scan)
        decision = Decision.objects.create(
            proposal=proposal,
            is_accepted=is_accepted,
            reason=remark,
            decided_by=user,
            decided_at=timezone.now(),
        )
        if is_accepted:
            changes = proposal.content
            if proposal.kind == Event.Kind.REPLACE:
                changes = changes_of(scan, changes, current_floor())
            end(scan, proposal.kind, changes, proposal.reason, proposal.proposed_by)
    return decision


class Left(NamedTuple):
    """A proposal about which nothing was decided, and why."""

    proposal: Proposal
    why: str


@dataclass(frozen=True)
class Outcome:
    """What became of several proposals."""

    decisions: list[Decision]
    left: list[Left]


def decide_all(pks: Collection[int], user: User, *, is_accepted: bool, reason: str = "") -> Outcome:
    """Decide about each as `decide` does; what it refuses is left, and the others go through.

    Where the database fails nothing of it is done. Raises Proposal.DoesNotExist, and Refused when
    nothing can be decided so.
    """
    read_remark(reason)
    if not pks:
        raise Refused({"proposal": [_("Select what you decide about.")]})
    if len(pks) > PAGE_SIZE:
        raise Refused(
            {"proposal": [_("Decide about %(most)d proposals at most.") % {"most": PAGE_SIZE}]}
        )
    # All lock their scans in this order: none waits for another one that waits for it.
    found = Proposal.objects.select_related("scan").filter(pk__in=pks).order_by("pk")
    if len(found) < len(set(pks)):
        raise Proposal.DoesNotExist
    decisions, left = [], []
    with transaction.atomic():
        for proposal in found:
            try:
                decision = decide(proposal.pk, user, is_accepted=is_accepted, reason=reason)
            except NotAllowed as error:
                left.append(Left(proposal, str(error)))
            except Refused as refused:
                why = " ".join(text for texts in refused.errors.values() for text in texts)
                left.append(Left(proposal, why))
            else:
                decisions.append(decision)
    return Outcome(decisions, left)
