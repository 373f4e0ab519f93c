"""Filters are kept under a name, for their owner alone, and within limits."""

from datetime import date, timedelta
from html import unescape
from urllib.parse import parse_qs

import pytest
from django.test import Client
from django.utils import timezone

from scans.models import SavedFilter
from scans.reporting import favourites
from scans.reporting.filters import Filters
from scans.shifts import shift_at

pytestmark = pytest.mark.usefixtures("master_data")

SAVE = "/scans/reports/filters/"
TODAY = date(2026, 11, 20)


@pytest.fixture
def quality(client_of) -> Client:
    client = client_of("quality")
    client.post("/i18n/setlang/", {"language": "en"})
    return client


def post(client, name="Nights", query="since=2026-11-01&until=2026-11-07&shift=night", **fields):
    return client.post(SAVE, {"name": name, "query": query, "page": "scans:rows"} | fields)


def test_a_filter_is_saved_and_shown_as_a_link_on_every_page(quality):
    response = post(quality)
    address = "/scans/reports/rows/?since=2026-11-01&until=2026-11-07&shift=night"
    assert response["Location"] == address
    html = quality.get(address).content.decode()
    assert "Saved as “Nights”." in html
    for page in ("", "operators/", "reinspections/", "data/", "rows/"):
        html = unescape(quality.get(f"/scans/reports/{page}").content.decode())
        assert f'<a href="?{address.partition("?")[2]}">Nights</a>' in html


def test_one_of_the_same_name_is_overwritten_only_after_asking(quality):
    post(quality)
    other = "since=2026-11-08&until=2026-11-14&station=FG-02"
    response = post(quality, query=other)
    assert response.status_code == 409
    page = response.content.decode()
    assert "You have a filter of that name." in page
    # What it is, and what it would become.
    assert "Shift: Night" in page
    assert "Station: FG-02" in page
    assert SavedFilter.objects.get().query == "since=2026-11-01&until=2026-11-07&shift=night"
    assert post(quality, query=other, overwrite="yes").status_code == 302
    assert SavedFilter.objects.get().query == other


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "Give the filter a name."),
        ("   ", "Give the filter a name."),
        ("x" * 61, "A name has at most 60 characters."),
        ("a\x00b", "A name has at most 60 characters."),
    ],
)
def test_a_name_has_limits_and_what_was_typed_stays(quality, name, said):
    response = post(quality, name=name)
    assert response.status_code == 400
    assert said in response.content.decode()
    assert not SavedFilter.objects.exists()


def test_there_are_so_many_and_no_more(quality):
    for number in range(favourites.MOST):
        assert post(quality, name=f"Filter {number}").status_code == 302
    response = post(quality, name="One more")
    assert response.status_code == 400
    assert "You have 30 filters: forget one" in response.content.decode()
    # Those that are there may still be changed.
    assert post(quality, name="Filter 7", overwrite="yes").status_code == 302
    assert SavedFilter.objects.count() == favourites.MOST


def test_what_makes_no_sense_or_is_too_long_is_not_kept(quality):
    assert post(quality, query="since=gestern").status_code == 400
    wide = "&".join(f"{name}={'Ș' * 32}" for name in ("operator", "cp_base", "oc1", "oc2"))
    response = post(quality, query=f"{wide}&station={'Ș' * 32}")
    assert response.status_code == 400
    assert "too long to be kept" in response.content.decode()
    assert not SavedFilter.objects.exists()


def test_everybody_sees_and_forgets_but_the_own(quality, client_of):
    post(quality)
    kept = SavedFilter.objects.get()
    auditor = client_of("auditor")
    assert "Nights" not in auditor.get("/scans/reports/").content.decode()
    assert post(auditor).status_code == 302
    assert SavedFilter.objects.count() == 2
    auditor.post(f"{SAVE}{kept.pk}/forget/")
    assert SavedFilter.objects.filter(pk=kept.pk).exists()
    response = quality.post(
        f"{SAVE}{kept.pk}/forget/", {"page": "scans:rows", "query": "shift=night"}
    )
    assert response["Location"] == "/scans/reports/rows/?shift=night"
    assert not SavedFilter.objects.filter(pk=kept.pk).exists()


def test_nobody_is_led_to_another_site(quality):
    response = post(quality, page="https://evil.test/")
    assert response["Location"].startswith("/scans/reports/?")


@pytest.mark.parametrize("address", [SAVE, f"{SAVE}1/forget/"])
def test_both_are_for_who_may_see_scans_and_want_the_token(client_of, person, address):
    assert client_of("operator").post(address).status_code == 403
    assert client_of("quality").get(address).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(person("quality"))
    assert strict.post(address, {"name": "x", "query": ""}).status_code == 403


# ----- Days


@pytest.mark.parametrize(
    ("since", "until", "opened_since", "opened_until"),
    [
        # Up to today or yesterday: counted from the day on which it is opened.
        ("2026-11-20", "2026-11-20", "2026-12-01", "2026-12-01"),
        ("2026-11-14", "2026-11-20", "2026-11-25", "2026-12-01"),
        ("2026-11-19", "2026-11-19", "2026-11-30", "2026-11-30"),
        # A period that is over is meant as it is.
        ("2026-11-01", "2026-11-15", "2026-11-01", "2026-11-15"),
        ("2026-11-20", "2026-11-21", "2026-11-20", "2026-11-21"),
    ],
)
def test_days_up_to_now_go_on_and_others_stay(person, since, until, opened_since, opened_until):
    filters = Filters.read({"since": since, "until": until, "defect": "001"}, today=TODAY)
    saved = favourites.save(person("quality"), "Some", filters, today=TODAY)
    query = favourites.opened(saved, today=TODAY + timedelta(days=11))
    assert parse_qs(query) == {
        "since": [opened_since],
        "until": [opened_until],
        "defect": ["001"],
    }


def test_a_filter_of_today_is_one_of_tomorrow_tomorrow(quality):
    today = shift_at(timezone.now()).day
    post(quality, query=f"since={today}&until={today}&station=FG-01")
    html = unescape(quality.get("/scans/reports/").content.decode())
    assert f'href="?since={today}&until={today}&station=FG-01"' in html
    assert "since" not in SavedFilter.objects.get().query
