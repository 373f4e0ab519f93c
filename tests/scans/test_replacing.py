"""A scan that says something wrong is replaced by another one, or by nobody alone."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection, connections, transaction
from django.utils import timezone, translation

from accounts.models import User
from scans.corrections import (
    Ended,
    NotAllowed,
    Proposed,
    correct_scan,
    end,
    lock,
    replace_scan,
)
from scans.models import Decision, Defect, Event, Operator, Proposal, Revision, Scan, Settings
from scans.proposals import (
    DECIDED,
    PAGE_SIZE,
    Filters,
    Outcome,
    count_waiting,
    decide,
    decide_all,
    done,
    page,
    waiting,
)
from scans.queries import poll
from scans.recording import record_scan
from scans.reporting.filters import NO_STATION
from scans.shifts import shift_at
from scans.submission import Refused, read
from tests.scans.sample import payload, post

pytestmark = pytest.mark.usefixtures("master_data")

WHY = "Wrong tile"


@pytest.fixture
def quality(person) -> User:
    return person("quality")


@pytest.fixture
def other(person) -> User:
    """Another one who may correct."""
    return person("superuser")


@pytest.fixture
def record(person):
    def make(**changes) -> Scan:
        scan, _ = record_scan(read(payload(station="FG-01") | changes), person("operator"))
        return scan

    return make


@pytest.fixture
def scan(record) -> Scan:
    return record(note="corner")


def ask_for_four_eyes() -> None:
    Settings.objects.update_or_create(pk=1, defaults={"four_eyes": True})
    # Within a test's one transaction the triggers' clock may stand still.
    Revision.objects.update(number=Revision.objects.get().number + 1)


@pytest.fixture
def four_eyes(master_data) -> None:
    ask_for_four_eyes()


def errors_of(uid, content, user, reason=WHY) -> dict[str, list[str]]:
    with pytest.raises(Refused) as caught:
        replace_scan(uid, content, reason, user)
    assert not Event.objects.exists()
    assert Scan.objects.count() == 1
    return caught.value.errors


def test_another_scan_takes_its_place(scan, quality):
    before = Scan.objects.values().get()
    event = replace_scan(scan.uid, {"defect": "001", "operator": "op0002"}, f" {WHY}\n", quality)
    assert isinstance(event, Event)
    assert Scan.objects.filter(pk=scan.pk).values().get() == before
    new = Scan.objects.exclude(pk=scan.pk).get()
    assert (event.kind, event.replacement, event.reason) == ("replace", new, WHY)
    assert event.recorded_by == quality
    assert (new.defect_id, new.operator) == ("001", "OP0002")
    same = ["station_id", "cp", "cp_base", "oc1", "oc2", "note", "scanned_at"]
    assert {name: getattr(new, name) for name in same} == {
        name: getattr(scan, name) for name in same
    }
    assert new.uid != scan.uid
    assert (new.recorded_by, new.device, new.sequence) == (quality, None, None)
    assert new.received_at > scan.received_at


def test_only_the_new_one_counts(scan, quality):
    replace_scan(scan.uid, {"defect": "001"}, WHY, quality)
    assert poll(shift_at(scan.scanned_at)).totals == {"approved": 0, "rejected": 1}


def test_another_cp_brings_its_order_along(scan, quality):
    event = replace_scan(scan.uid, {"cp": "cp10045822'0003"}, WHY, quality)
    assert (event.replacement.cp, event.replacement.cp_base) == ("CP10045822-0003", "CP10045822")


def test_a_replacement_may_be_replaced_or_voided_in_its_turn(scan, quality):
    first = replace_scan(scan.uid, {"defect": "001"}, WHY, quality)
    second = replace_scan(first.replacement.uid, {"defect": "002"}, WHY, quality)
    correct_scan(second.replacement.uid, {"kind": "void", "reason": WHY}, quality)
    assert Scan.objects.valid().count() == 0
    assert Event.objects.count() == 3


def test_what_changes_nothing_is_refused(scan, quality):
    content = {"operator": "OP0001", "cp": "cp10045821'0001", "defect": "000", "note": " corner "}
    assert list(errors_of(scan.uid, content, quality)) == ["content"]
    assert list(errors_of(scan.uid, {}, quality)) == ["content"]


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        ({"cp": "CP1"}, ["cp"]),
        ({"operator": "X", "oc1": "OC1", "oc2": ""}, ["oc2"]),
        ({"operator": "X", "oc1": "OC1", "oc2": "O"}, ["oc1", "oc2", "operator"]),
        ({"defect": "998"}, ["defect"]),
        ({"defect": "099", "note": ""}, ["note"]),
        ({"note": "x" * 501}, ["note"]),
        ({"note": "\x07 bell"}, ["note"]),
        ({"cp": "C" * 65}, ["cp"]),
    ],
)
def test_what_a_station_could_not_send_is_refused(scan, quality, content, fields):
    assert sorted(errors_of(scan.uid, content, quality)) == fields


@pytest.mark.parametrize("reason", ["", " \n", "\u200b", "x" * 501])
def test_a_reason_has_to_be_given(scan, quality, reason):
    assert list(errors_of(scan.uid, {"defect": "001"}, quality, reason)) == ["reason"]
    with pytest.raises(Refused):
        correct_scan(scan.uid, {"kind": "void", "reason": reason}, quality)


def test_a_defect_or_badge_that_was_given_up_is_taken_for_nothing_new(scan, quality):
    Defect.objects.filter(code="001").update(active=False)
    Operator.objects.filter(badge="OP0002").update(active=False)
    found = errors_of(scan.uid, {"defect": "001", "operator": "OP0002"}, quality)
    assert sorted(found) == ["defect", "operator"]


def test_what_stays_as_it_was_is_not_judged_once_more(record, quality):
    scan = record(defect="001", operator="OP0002")
    Defect.objects.filter(code="001").update(active=False)
    Operator.objects.filter(badge="OP0002").update(active=False)
    Settings.objects.update_or_create(
        pk=1, defaults={"oc1_pattern": "OC9\\d", "oc1_example": "OC91"}
    )
    event = replace_scan(scan.uid, {"cp": "CP10045821-0009"}, WHY, quality)
    assert event.replacement.defect_id == "001"


def test_a_replacement_is_linked_to_the_first_scan_of_its_cp_but_never_to_what_it_replaces(
    record, scan, quality
):
    again = record(scanned_at="2026-11-20T14:30:00+02:00")
    assert again.reinspection_of_id == scan.uid
    assert replace_scan(again.uid, {"defect": "001"}, WHY, quality).replacement.reinspection_of == (
        scan
    )
    first = replace_scan(scan.uid, {"defect": "002"}, WHY, quality).replacement
    assert first.reinspection_of is None
    other = record(cp="CP10045821-0002", scanned_at="2026-11-20T15:00:00+02:00")
    moved = replace_scan(other.uid, {"cp": "CP10045821-0001"}, WHY, quality).replacement
    assert (
        moved.reinspection_of
        == Scan.objects.valid().filter(cp=scan.cp).order_by("scanned_at", "pk").first()
    )


def test_a_scan_ends_once_and_who_comes_later_is_told_by_whom(scan, quality, other):
    replace_scan(scan.uid, {"defect": "001"}, WHY, quality)
    for act in (
        lambda: replace_scan(scan.uid, {"defect": "002"}, "other", other),
        lambda: correct_scan(scan.uid, {"kind": "void", "reason": "other"}, other),
    ):
        with pytest.raises(Ended, match=rf"quality .*: {WHY}"):
            act()
    assert Event.objects.count() == 1
    assert Scan.objects.count() == 2


@pytest.mark.parametrize("kind", [None, "", "delete"])
def test_what_shall_become_of_it_has_to_be_said(scan, quality, kind):
    with pytest.raises(Refused) as caught:
        correct_scan(scan.uid, {"kind": kind, "reason": WHY, "defect": "001"}, quality)
    assert list(caught.value.errors) == ["kind"]


def at_once(count, act) -> list:
    """What became of `act(n)` in so many threads."""
    start, outcomes = threading.Barrier(count), []

    def run(number: int) -> None:
        try:
            start.wait(timeout=60)
            outcomes.append(act(number))
        except Exception as error:  # noqa: BLE001 - it is the outcome
            outcomes.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    return outcomes


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(3))
def test_of_many_at_once_one_wins_and_the_others_are_told(person, attempt):
    quality = person("quality")
    scan, _ = record_scan(read(payload()), quality)

    def act(number: int) -> Event | Proposal:
        if number % 2:
            return correct_scan(scan.uid, {"kind": "void", "reason": str(number)}, quality)
        return replace_scan(scan.uid, {"defect": "001"}, str(number), quality)

    outcomes = at_once(6, act)
    assert sorted(type(one).__name__ for one in outcomes) == ["Ended"] * 5 + ["Event"]
    event = Event.objects.get()
    assert Scan.objects.count() == (2 if event.replacement else 1)


# ----- Four eyes


def proposed(scan, user, content=None) -> Proposal:
    found = replace_scan(scan.uid, content or {"defect": "001"}, WHY, user)
    assert isinstance(found, Proposal)
    return found


@pytest.fixture
def in_english():
    with translation.override("en"):
        yield


@pytest.mark.usefixtures("four_eyes", "in_english")
class TestFourEyes:
    def test_a_correction_waits_for_somebody_else(self, scan, quality):
        proposal = proposed(scan, quality)
        assert (proposal.kind, proposal.content) == ("replace", {"defect": "001"})
        assert Scan.objects.valid().get() == scan
        assert list(waiting()) == [proposal]
        assert not done().exists()

    def test_who_accepts_it_makes_the_event_which_is_the_proposers(self, scan, quality, other):
        proposal = proposed(scan, quality)
        decision = decide(proposal.pk, other, is_accepted=True, reason=" fine ")
        assert (decision.decided_by, decision.reason) == (other, "fine")
        event = Event.objects.get()
        assert (event.kind, event.reason, event.recorded_by) == ("replace", WHY, quality)
        assert event.replacement.defect_id == "001"
        assert not waiting().exists()
        assert list(done()) == [proposal]

    def test_who_refuses_it_changes_nothing_and_it_may_be_proposed_again(
        self, scan, quality, other
    ):
        decide(proposed(scan, quality).pk, other, is_accepted=False)
        assert Scan.objects.valid().get() == scan
        assert not Event.objects.exists()
        proposed(scan, quality)

    def test_nobody_decides_about_his_own(self, scan, quality):
        proposal = proposed(scan, quality)
        for is_accepted in (True, False):
            with pytest.raises(NotAllowed, match="Somebody else"):
                decide(proposal.pk, quality, is_accepted=is_accepted)
        assert not Decision.objects.exists()

    def test_it_is_decided_once(self, scan, quality, other, person):
        proposal = proposed(scan, quality)
        decide(proposal.pk, other, is_accepted=False)
        with pytest.raises(NotAllowed, match="superuser has refused"):
            decide(proposal.pk, person("admin"), is_accepted=True)
        assert not Event.objects.exists()

    def test_the_same_decision_once_more_is_the_one_that_there_is(self, scan, quality, other):
        proposal = proposed(scan, quality)
        first = decide(proposal.pk, other, is_accepted=True, reason="seen")
        assert decide(proposal.pk, other, is_accepted=True, reason=" seen") == first
        with pytest.raises(NotAllowed, match="superuser has accepted"):
            decide(proposal.pk, other, is_accepted=True, reason="other")
        assert Event.objects.count() == Decision.objects.count() == 1

    def test_a_scan_has_one_proposal_at_a_time(self, scan, quality, other):
        proposed(scan, quality)
        with pytest.raises(Proposed, match="quality has proposed"):
            proposed(scan, other)
        with pytest.raises(Proposed):
            correct_scan(scan.uid, {"kind": "void", "reason": WHY}, other)

    def test_what_changes_nothing_or_is_wrong_is_not_proposed(self, scan, quality):
        for content in ({}, {"defect": "998"}):
            with pytest.raises(Refused):
                replace_scan(scan.uid, content, WHY, quality)
        assert not Proposal.objects.exists()

    def test_it_says_so_when_the_scan_ended_meanwhile(self, client_of, scan, quality, other):
        proposal = proposed(scan, quality)
        # The station's own undo needs nobody else.
        moment = (scan.scanned_at + timedelta(seconds=5)).isoformat()
        body = {"reason": "undo", "voided_at": moment, "station": "FG-01"}
        answer = post(client_of("operator"), body, f"/scans/{scan.uid}/void/")
        assert answer.status_code == 201
        with pytest.raises(Ended, match=r"operator .*: undo"):
            decide(proposal.pk, other, is_accepted=True)
        assert not waiting().exists()
        assert list(done()) == [proposal]

    def test_what_is_not_valid_any_more_is_not_accepted(self, scan, quality, other):
        proposal = proposed(scan, quality)
        Defect.objects.filter(code="001").update(active=False)
        with pytest.raises(Refused):
            decide(proposal.pk, other, is_accepted=True)
        assert not Decision.objects.exists()
        decide(proposal.pk, other, is_accepted=False)

    def test_a_void_by_quality_answers_202_and_is_proposed_once(self, client_of, scan, other):
        client = client_of("quality")
        body = {"reason": WHY, "voided_at": timezone.now().isoformat(), "station": ""}
        for _ in range(2):
            answer = post(client, body, f"/scans/{scan.uid}/void/")
            assert answer.status_code == 202
            assert answer.json() == {"id": str(scan.uid), "voided": False, "proposed": True}
        proposal = Proposal.objects.get()
        assert post(client_of("superuser"), body, f"/scans/{scan.uid}/void/").status_code == 409
        decide(proposal.pk, other, is_accepted=True)
        assert not Scan.objects.valid().exists()
        assert post(client, body, f"/scans/{scan.uid}/void/").status_code == 200

    def test_who_may_correct_any_still_undoes_what_he_has_just_scanned_himself(self, client_of):
        client = client_of("superuser")
        sent = payload(station="FG-01", scanned_at=timezone.now().isoformat())
        assert post(client, sent).status_code == 201
        body = {"reason": "undo", "voided_at": sent["scanned_at"], "station": "FG-01"}
        assert post(client, body, f"/scans/{sent['id']}/void/").status_code == 201


@pytest.mark.usefixtures("four_eyes", "in_english")
class TestManyProposals:
    @pytest.fixture
    def proposals(self, record, quality) -> list[Proposal]:
        scans = [record(cp=f"CP10045821-{number:04}", defect="001") for number in range(1, 5)]
        return [proposed(scan, quality, {"defect": "002"}) for scan in scans]

    def test_each_is_decided_as_alone_with_the_same_remark(self, proposals, other):
        pks = [one.pk for one in proposals]
        outcome = decide_all(pks, other, is_accepted=True, reason=" seen ")
        assert outcome.left == []
        assert {one.proposal for one in Decision.objects.filter(reason="seen")} == set(proposals)
        assert Event.objects.count() == 4
        assert not waiting().exists()

    def test_what_cannot_be_decided_is_left_with_its_reason_and_the_others_go_through(
        self, record, proposals, quality, other, person
    ):
        ended, refused, *good = proposals
        wrong = proposed(record(cp="CP10045821-0008"), quality, {"operator": "OP0002"})
        own = proposed(record(cp="CP10045821-0009"), other)
        end(lock(ended.scan_id), "void", {}, WHY, quality)
        decide(refused.pk, person("admin"), is_accepted=False)
        Operator.objects.filter(badge="OP0002").update(active=False)
        pks = [one.pk for one in (*proposals, wrong, own)]
        outcome = decide_all(pks, other, is_accepted=True)
        assert [one.proposal for one in outcome.decisions] == good
        assert [one.proposal for one in outcome.left] == [ended, refused, wrong, own]
        why = [one.why for one in outcome.left]
        texts = ("quality voided", "admin has refused", "OP0002", "Somebody else")
        assert all(text in said for text, said in zip(texts, why, strict=True)), why
        assert set(waiting()) == {wrong, own}

    def test_nothing_too_many_or_a_bad_remark_decides_nothing(self, proposals, other):
        pks = [one.pk for one in proposals]
        for asked, reason in (([], ""), (range(1, PAGE_SIZE + 2), ""), (pks, "x" * 501)):
            with pytest.raises(Refused):
                decide_all(asked, other, is_accepted=True, reason=reason)
        with pytest.raises(Proposal.DoesNotExist):
            decide_all([*pks, 10**9], other, is_accepted=True)
        assert not Decision.objects.exists()

    def test_a_list_is_narrowed_by_what_quality_thinks_in(self, record, proposals, other):
        scan = record(cp="CP10045822-0001", station="", defect="002")
        void = correct_scan(scan.uid, {"kind": "void", "reason": WHY}, other)
        for names, found in {
            ("station", "FG-01"): proposals,
            ("station", NO_STATION): [void],
            ("kind", "void"): [void],
            ("kind", "replace"): proposals,
            ("proposer", "superuser"): [void],
            # As the scan says, and as it would.
            ("defect", "001"): proposals,
            ("defect", "002"): [*proposals, void],
            ("defect", "000"): [],
        }.items():
            filters = Filters(**dict([names]))
            assert page(filters).proposals == found, names
            assert count_waiting(filters) == len(found)
            assert page(filters.but(state=DECIDED)).proposals == []

    def test_a_page_leads_to_the_next_and_begins_anew_when_nothing_is_behind(
        self, record, quality, other
    ):
        asked = [
            proposed(record(cp=f"CP10045821-{number:04}"), quality)
            for number in range(1, PAGE_SIZE + 3)
        ]
        first = page(Filters())
        assert first.proposals == asked[:PAGE_SIZE]
        second = page(Filters(), after=first.next)
        assert (second.proposals, second.next) == (asked[PAGE_SIZE:], 0)
        pks = [one.pk for one in second.proposals]
        decide_all(pks, other, is_accepted=False)
        assert page(Filters(), after=first.next) == replace(first, next=0)
        decide_all([one.pk for one in first.proposals], other, is_accepted=False)
        # The newest first.
        done = Filters(state=DECIDED)
        newest = page(done)
        assert newest.proposals == asked[:1:-1]
        assert page(done, after=newest.next).proposals == asked[1::-1]


@pytest.mark.django_db(transaction=True)
def test_of_two_who_decide_about_the_same_many_each_is_decided_once(person):
    ask_for_four_eyes()
    quality, others = person("quality"), [person("superuser"), person("admin")]
    pks = []
    for number in range(1, 11):
        scan, _ = record_scan(read(payload(cp=f"CP10045821-{number:04}")), quality)
        pks.append(proposed(scan, quality).pk)
    outcomes = at_once(
        2, lambda n: decide_all(pks if n else pks[::-1], others[n], is_accepted=True)
    )
    assert sum(len(one.decisions) for one in outcomes) == 10
    assert sum(len(one.left) for one in outcomes) == 10
    assert Event.objects.count() == Decision.objects.count() == 10


@pytest.mark.django_db(transaction=True)
def test_where_the_database_fails_half_way_nothing_is_decided(person):
    ask_for_four_eyes()
    quality, other = person("quality"), person("superuser")
    pks = []
    for number in (1, 2):
        scan, _ = record_scan(read(payload(cp=f"CP10045821-{number:04}")), quality)
        pks.append(proposed(scan, quality).pk)
    held, done = threading.Event(), threading.Event()

    def hold(_: int) -> None:
        with transaction.atomic():
            lock(scan.pk)
            held.set()
            done.wait(timeout=60)

    def act(_: int) -> Outcome:
        held.wait(timeout=60)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SET SESSION innodb_lock_wait_timeout = 1")
            return decide_all(pks, other, is_accepted=True)
        finally:
            done.set()

    outcomes = at_once(2, lambda n: (hold, act)[n](n))
    assert sorted(type(one).__name__ for one in outcomes) == ["NoneType", "OperationalError"]
    assert not Decision.objects.exists()
    assert not Event.objects.exists()
    assert decide_all(pks, other, is_accepted=True).left == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(3))
def test_of_two_who_decide_at_once_one_is_told(person, attempt):
    ask_for_four_eyes()
    quality, others = person("quality"), [person("superuser"), person("admin")]
    scan, _ = record_scan(read(payload()), quality)
    proposal = proposed(scan, quality)
    outcomes = at_once(2, lambda n: decide(proposal.pk, others[n], is_accepted=True))
    names = sorted(type(one).__name__ for one in outcomes)
    assert names in (["Decided", "Decision"], ["Decision", "Ended"])
    assert Event.objects.count() == Decision.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_who_propose_at_once_one_does(person):
    ask_for_four_eyes()
    quality = person("quality")
    scan, _ = record_scan(read(payload()), quality)
    outcomes = at_once(5, lambda n: replace_scan(scan.uid, {"defect": "001"}, str(n), quality))
    assert sorted(type(one).__name__ for one in outcomes) == ["Proposal"] + ["Proposed"] * 4
