"""The page of a scan tells all of it; people of quality correct it there."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone, translation

from scans.corrections import correct_scan, replace_scan, void_scan
from scans.models import Decision, Defect, Event, Proposal, Revision, Scan, Settings
from scans.proposals import decide as decide_alone
from scans.recording import record_incident, record_scan
from scans.reporting.timeline import timeline_of
from scans.submission import read, read_incident, read_void
from tests.scans.sample import payload

pytestmark = pytest.mark.usefixtures("master_data")


@pytest.fixture
def english(client_of):
    def make(role: str) -> Client:
        client = client_of(role)
        client.cookies["django_language"] = "en"
        return client

    return make


DEVICE = "11111111-2222-4333-8444-555555555555"


@pytest.fixture
def record(person):
    def make(**changes) -> Scan:
        scan, _ = record_scan(read(payload(station="FG-01") | changes), person("operator"))
        return scan

    return make


@pytest.fixture
def four_eyes(master_data) -> None:
    Settings.objects.update_or_create(pk=1, defaults={"four_eyes": True})
    Revision.objects.update(number=Revision.objects.get().number + 1)


def page(client, scan, *, end: str = "") -> str:
    response = client.get(f"/scans/record/{scan.uid}/{end}")
    assert response.status_code == 200
    return response.content.decode()


def correct(client, scan, **fields):
    return client.post(f"/scans/record/{scan.uid}/correct/", {"kind": "replace"} | fields)


def decide(client, *proposals: Proposal, answer: str = "accept", query: str = "", **more: str):
    sent = {"proposal": [one.pk for one in proposals], "answer": answer} | more
    return client.post(f"/scans/proposals/{query}", sent)


# ----- The page


def test_it_tells_what_was_recorded_in_words(english, record):
    scan = record(
        cp="cp10045821'0001", defect="001", note="left corner", device=str(uuid4()), sequence=1
    )
    shown = page(english("auditor"), scan)
    for text in (
        "CP10045821-0001", "OP0001 Ana Popescu", "001 Scratch", "left corner", "FG-01",
        "cp10045821&#x27;0001", "operator", str(scan.uid), "14:05:09 EET", "late",
    ):  # fmt: skip
        assert text in shown, text
    assert "Correct it" not in shown


def test_only_what_a_browser_delivers_is_late(english, record, person):
    scan = record(device=str(uuid4()), sequence=1)
    event = replace_scan(scan.uid, {"defect": "001"}, "overlooked", person("quality"))
    client = english("quality")
    assert "late</span>" in page(client, scan)
    assert "late</span>" not in page(client, event.replacement)
    # Nor is what another system had.
    old = page(client, record(cp="CP10045821-0002"))
    assert "late</span>" not in old
    assert "Delivered late" not in old


@pytest.mark.parametrize(("seconds", "text"), [(75, "75 s behind"), (-75, "75 s ahead")])
def test_it_tells_of_a_clock_that_was_wrong(english, record, seconds, text):
    sent_at = timezone.now() - timedelta(seconds=seconds)
    assert text in page(english("quality"), record(sent_at=sent_at.isoformat()))


def test_a_scan_that_there_is_not_is_404(english):
    for end in ("", "correct/"):
        assert english("quality").get(f"/scans/record/{uuid4()}/{end}").status_code == 404


def test_the_time_line_tells_what_happened_to_the_piece_in_its_order(record, person):
    first = record(defect="001", scanned_at="2026-11-20T14:00:00+02:00")
    second = record(scanned_at="2026-11-20T14:10:00+02:00")
    at = "2026-11-20T14:10:04+02:00"
    double = {"id": str(uuid4()), "kind": "double_read", "at": at, "station": "FG-01"}
    codes = {"codes": {"cp": "cp10045821'0001"}}
    record_incident(read_incident(double | codes), person("operator"))
    other = {"id": str(uuid4()), "codes": {"cp": "CP10045821-0002"}}
    record_incident(read_incident(double | other), person("operator"))
    wish = {"reason": "undo", "voided_at": "2026-11-20T14:10:09+02:00", "station": "FG-01"}
    void_scan(second.uid, read_void(wish), person("operator"), may_correct_any=False)
    event = replace_scan(first.uid, {"defect": "002", "oc1": "OC03"}, "why", person("quality"))
    with translation.override("ro"):
        found = timeline_of("CP10045821-0001")
    assert [(entry.kind, entry.scan) for entry in found.entries] == [
        ("scan", first),
        ("scan", second),
        ("incident", None),
        ("void", second),
        ("replace", first),
    ]
    changes = {one.name: (one.old, one.new) for one in found.entries[-1].changes}
    assert changes == {
        "oc1": ("OC01", "OC03"),
        "defect": ("001 Zgârietură", "002 Pată"),
    }
    assert found.state == event.replacement


def test_a_piece_under_another_cp_is_in_the_time_line_of_both(record, person):
    scan = record()
    event = replace_scan(scan.uid, {"cp": "CP10045821-0002"}, "swapped", person("quality"))
    for cp in ("CP10045821-0001", "CP10045821-0002"):
        entry = timeline_of(cp).entries[-1]
        assert (entry.kind, entry.event) == ("replace", event)
    assert timeline_of("CP10045821-0001").state is None
    assert timeline_of("CP10045821-0002").state == event.replacement


# ----- Correcting


def test_the_form_has_what_the_scan_says_and_a_change_leads_to_the_new_one(english, record):
    scan = record(defect="001", note="corner")
    client = english("quality")
    form = page(client, scan, end="correct/")
    assert 'value="CP10045821-0001"' in form
    assert '<option value="001" selected>001 Scratch</option>' in form
    answer = correct(client, scan, defect="002", reason="It was a stain")
    new = Scan.objects.latest("pk")
    assert answer["Location"] == f"/scans/record/{new.uid}/"
    shown = page(client, new)
    assert "Replaced. This is the scan that counts now." in shown
    assert "It was a stain" in shown
    old = page(client, scan)
    assert "Another scan counts in its place" in old
    assert "Correct it" not in old


def test_a_void_leads_back_to_the_scan(english, record):
    scan = record()
    client = english("quality")
    answer = correct(client, scan, kind="void", reason="No piece")
    assert answer["Location"] == f"/scans/record/{scan.uid}/"
    assert "Voided. The scan counts no more." in page(client, scan)


def test_what_is_wrong_stands_beside_its_field_and_nothing_is_lost(english, record):
    scan = record()
    answer = correct(english("quality"), scan, cp="CP1", defect="099", note="", reason="")
    assert answer.status_code == 422
    shown = answer.content.decode()
    assert 'id="e-reason"' in shown
    assert 'aria-describedby="e-reason"' in shown
    answer = correct(english("quality"), scan, cp="CP1", defect="099", note="", reason="why")
    shown = answer.content.decode()
    for name in ("cp", "note"):
        assert f'aria-describedby="e-{name}"' in shown
        assert f'id="e-{name}"' in shown
    assert 'value="CP1"' in shown
    assert ">why</textarea>" in shown
    assert '<option value="099" selected>' in shown
    assert not Event.objects.exists()


def test_a_scan_that_ended_has_no_form_and_says_why(english, record, person):
    scan = record()
    replace_scan(scan.uid, {"defect": "001"}, "first", person("superuser"))
    client = english("quality")
    shown = page(client, scan, end="correct/")
    assert "superuser replaced this scan on" in shown
    assert "<textarea" not in shown
    answer = correct(client, scan, defect="002", reason="second")
    assert answer.status_code == 409
    assert "superuser replaced this scan on" in answer.content.decode()


@pytest.mark.parametrize("role", ["operator", "auditor", "admin"])
def test_others_correct_and_decide_nothing(client_of, record, four_eyes, person, role):
    scan = record()
    proposal = replace_scan(scan.uid, {"defect": "001"}, "why", person("quality"))
    client = client_of(role)
    assert correct(client, scan, kind="void", reason="x").status_code == 403
    assert client.get(f"/scans/record/{scan.uid}/correct/").status_code == 403
    assert decide(client, proposal).status_code == 403
    assert not Event.objects.exists()


@pytest.mark.parametrize("address", ["record/{uid}/correct/", "proposals/"])
def test_a_form_from_elsewhere_is_refused(person, record, address):
    client = Client(enforce_csrf_checks=True)
    client.force_login(person("quality"))
    answer = client.post(f"/scans/{address.format(uid=record().uid)}", {"reason": "x"})
    assert answer.status_code == 403
    assert not Event.objects.exists()


# ----- Four eyes


@pytest.mark.usefixtures("four_eyes")
class TestFourEyes:
    def test_what_one_proposes_another_one_accepts(self, english, record):
        scan = record(defect="001")
        client = english("quality")
        assert "Propose the correction" in page(client, scan, end="correct/")
        answer = correct(client, scan, defect="002", reason="It was a stain")
        assert answer["Location"] == f"/scans/record/{scan.uid}/"
        assert "quality has proposed a correction" in page(client, scan)
        assert "Correct it" not in page(client, scan)
        assert "that one is to be decided first" in page(client, scan, end="correct/")
        proposal = Proposal.objects.get()
        own = client.get("/scans/proposals/").content.decode()
        assert "Somebody else decides" in own
        assert 'type="checkbox"' not in own
        assert 'value="accept"' not in own
        other = english("superuser")
        shown = other.get("/scans/proposals/").content.decode()
        assert "001 Scratch" in shown
        assert "002 Stain" in shown
        answer = decide(other, proposal, reason="seen")
        assert answer["Location"] == "/scans/proposals/"
        assert Scan.objects.valid().get().defect_id == "002"
        shown = other.get("/scans/proposals/").content.decode()
        assert "1 proposal accepted." in shown
        assert "Nothing waits for a decision." in shown
        assert "seen" in other.get("/scans/proposals/?state=decided").content.decode()
        assert "Proposal accepted" in page(client, scan)

    @pytest.fixture
    def proposals(self, record, person) -> list[Proposal]:
        return [
            replace_scan(
                record(cp=f"CP10045821-{number:04}").uid,
                {"defect": "001"},
                "why",
                person("quality"),
            )
            for number in range(1, 31)
        ]

    def test_who_comes_too_late_is_told(self, english, proposals):
        other = english("superuser")
        assert decide(other, proposals[0], answer="refuse").status_code == 302
        answer = decide(other, proposals[0])
        assert answer.status_code == 409
        assert "superuser has refused this proposal." in answer.content.decode()

    def test_several_are_decided_and_the_list_stays_where_it_was(self, english, proposals):
        other = english("superuser")
        query = f"?station=FG-01&kind=replace&after={proposals[4].pk}"
        answer = decide(other, *proposals[5:9], query=query, reason="seen")
        assert answer["Location"] == f"/scans/proposals/{query}"
        shown = other.get(answer["Location"]).content.decode()
        assert "4 proposals accepted." in shown
        assert shown.count('name="proposal"') == 21
        assert Decision.objects.filter(reason="seen").count() == Event.objects.count() == 4

    def test_what_was_decided_meanwhile_is_named_and_the_others_go_through(
        self, english, proposals, person
    ):
        first, second, third, *_ = proposals
        decide_alone(second.pk, person("admin"), is_accepted=False)
        answer = decide(english("superuser"), first, second, third, query="?kind=replace")
        assert answer.status_code == 409
        shown = answer.content.decode()
        assert "2 proposals accepted. 1 proposal was not decided:" in shown
        assert f"{second.scan.cp}</a> admin has refused this proposal." in shown
        assert 'action="/scans/proposals/?kind=replace"' in shown
        assert set(
            Decision.objects.filter(is_accepted=True).values_list("proposal", flat=True)
        ) == {
            first.pk,
            third.pk,
        }

    def test_what_is_sent_twice_is_done_once(self, english, proposals):
        other = english("superuser")
        for _ in range(2):
            assert decide(other, *proposals[:3]).status_code == 302
        assert Decision.objects.count() == Event.objects.count() == 3

    def test_a_long_list_has_pages_and_filters(self, english, proposals, record, person):
        void = correct_scan(
            record(cp="CP10045822-0001", station="").uid,
            {"kind": "void", "reason": "none"},
            person("admin"),
        )
        client = english("superuser")
        shown = client.get("/scans/proposals/").content.decode()
        assert '<span class="count">31</span>' in shown
        assert shown.count('name="proposal"') == 25
        query = f"after={proposals[24].pk}"
        assert f'rel="next" href="/scans/proposals/?{query}"' in shown
        shown = client.get(f"/scans/proposals/?{query}").content.decode()
        assert shown.count('name="proposal"') == 6
        assert "These are the newest." in shown
        for query in ("station=-", "kind=void", "proposer=admin"):
            shown = client.get(f"/scans/proposals/?{query}").content.decode()
            assert shown.count('name="proposal"') == 1
            assert void.scan.cp in shown
            assert "selected" in shown
        shown = client.get("/scans/proposals/?station=FG-99&defect=001").content.decode()
        assert "Nothing fits these filters." in shown
        assert '<option value="FG-99" selected>FG-99</option>' in shown

    @pytest.mark.parametrize("text", ["\0", "ț", "😀", "'\"\\%", "x" * 5000, "$.defect"])
    def test_whatever_is_asked_for_is_answered(self, english, proposals, text):
        for name in ("state", "station", "kind", "defect", "proposer"):
            answer = english("superuser").get("/scans/proposals/", {name: text})
            assert answer.status_code == 200, name

    def test_as_many_statements_however_long_the_list_is(
        self, english, proposals, django_assert_max_num_queries
    ):
        client = english("superuser")
        client.get("/scans/proposals/")
        with django_assert_max_num_queries(8):
            client.get("/scans/proposals/")

    def test_who_may_only_look_selects_nothing(self, english, proposals):
        shown = english("auditor").get("/scans/proposals/").content.decode()
        assert proposals[0].scan.cp in shown
        for text in ('type="checkbox"', 'value="accept"', "Somebody else decides"):
            assert text not in shown

    def test_nobody_decides_about_his_own_by_an_address_either(self, english, proposals):
        assert decide(english("quality"), proposals[0]).status_code == 409
        assert not Event.objects.exists()

    def test_422_and_404_for_what_is_no_decision(self, english, proposals):
        client = english("superuser")
        answer = decide(client, proposals[0], answer="", reason="seen")
        assert answer.status_code == 422
        shown = answer.content.decode()
        # Nothing is lost.
        assert f'value="{proposals[0].pk}" aria-labelledby="p-{proposals[0].pk} k-' in shown
        assert shown.count(" checked>") == 1
        assert 'value="seen"' in shown
        answer = decide(client)
        assert answer.status_code == 422
        assert "Select what you decide about." in answer.content.decode()
        assert decide(client, *proposals).status_code == 422
        long = decide(client, proposals[0], answer="refuse", reason="x" * 501)
        assert long.status_code == 422
        for pk in ("999999", "x", "-1", "", "9" * 5000):
            sent = {"proposal": [proposals[0].pk, pk], "answer": "accept"}
            assert client.post("/scans/proposals/", sent).status_code == 404
        for after in ("x", "-1", "9" * 19):
            assert client.get("/scans/proposals/", {"after": after}).status_code == 404
            assert decide(client, proposals[0], query=f"?after={after}").status_code == 404
        assert not Decision.objects.exists()

    def test_a_proposal_that_is_not_valid_any_more_says_what_is_wrong(self, english, proposals):
        Defect.objects.filter(code="001").update(active=False)
        Revision.objects.update(number=Revision.objects.get().number + 1)
        answer = decide(english("superuser"), proposals[0])
        assert answer.status_code == 409
        assert "No defect has the code 001." in answer.content.decode()


def test_without_four_eyes_the_page_of_proposals_says_so(english):
    shown = english("auditor").get("/scans/proposals/").content.decode()
    assert "Corrections by quality hold at once" in shown
