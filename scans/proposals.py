"""Lets a second person decide about the corrections that quality proposes."""

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from scans.corrections import NotAllowed, end, lock
from scans.floor import current_floor
from scans.models import Decision, Event, Proposal
from scans.replacing import changes_of
from scans.submission import read_remark

# More stay open nowhere; of those that are done the page shows the newest.
MOST_SHOWN = 100
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


def _with_all() -> QuerySet[Proposal]:
    return Proposal.objects.annotate(has_ended=_HAS_ENDED).select_related(
        "scan__defect", "scan__station", "proposed_by", "decision__decided_by"
    )


def waiting() -> list[Proposal]:
    """Those that wait for a decision, the oldest first."""
    found = _with_all().filter(decision=None).exclude(_HAS_ENDED)
    return list(found.order_by("pk")[:MOST_SHOWN])


def done() -> list[Proposal]:
    """The newest that wait no more: decided, or their scan was corrected without them."""
    found = _with_all().filter(Q(decision__isnull=False) | Q(_HAS_ENDED))
    return list(found.order_by("-pk")[:MOST_SHOWN])


def decide(pk: int, user: User, *, is_accepted: bool, reason: str = "") -> Decision:
    """Accept or refuse a proposal; what is accepted is done in the same transaction.

    Raises Proposal.DoesNotExist; NotAllowed when it is one's own, somebody was quicker or the scan
    has ended meanwhile; Refused when what it says is not valid any more.
    """
    remark = read_remark(reason)
    proposal = Proposal.objects.select_related("proposed_by").get(pk=pk)
    if proposal.proposed_by_id == user.pk:
        raise NotAllowed(_("Somebody else decides about what you have proposed."))
    with transaction.atomic():
        _refuse_decided(proposal)
        scan = lock(proposal.scan_id)
        # Once more, as who was quicker had the lock.
        _refuse_decided(proposal)
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


def _refuse_decided(proposal: Proposal) -> None:
    found = Decision.objects.select_related("decided_by").filter(proposal=proposal).first()
    if found is not None:
        raise Decided(found)
