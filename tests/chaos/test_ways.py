"""The way between stations and site is long, lossy, forgetful and cut while they scan."""

import time

import pytest

from tests.chaos.report import Report
from tests.chaos.rig import Rig
from tests.faults import Proxy

pytestmark = pytest.mark.chaos

FAR_SECONDS = 15
DEAF_SECONDS = 15


def test_a_site_far_away_loses_nothing(rig: Rig, to_site: Proxy, report: Report):
    with rig.fault("stations 1 s away from the site") as episode:
        to_site.delay_seconds = 1.0
        time.sleep(FAR_SECONDS)
        to_site.delay_seconds = 0.0
    verdict = episode.verdict()
    assert report.hold(verdict, must="no errors") == []
    assert not verdict.errors


def test_a_network_that_loses_packets_loses_no_scan(rig: Rig, to_site: Proxy, report: Report):
    with rig.fault("20 % of the site's answers are lost, and sent again by TCP") as episode:
        to_site.lost_share = 0.2
        time.sleep(FAR_SECONDS)
        to_site.lost_share = 0.0
    assert report.hold(episode.verdict()) == []


def test_connections_that_only_stations_believe_in_lose_nothing(
    rig: Rig, to_site: Proxy, report: Report
):
    with rig.fault("half-open: the way to the site forgets all connections") as episode:
        to_site.forget()
    assert report.hold(episode.verdict()) == []
    to_site.hear()


def test_a_network_that_swallows_all_loses_nothing(rig: Rig, to_site: Proxy, report: Report):
    title = f"the way to the site swallows all for {DEAF_SECONDS} s, then cuts what it swallowed"
    with rig.fault(title) as episode:
        to_site.deaf()
        time.sleep(DEAF_SECONDS)
        to_site.hear()
    assert report.hold(episode.verdict()) == []


def test_a_network_that_is_cut_loses_nothing(rig: Rig, to_site: Proxy, report: Report):
    with rig.fault("no way to the site for 10 s: refused, and all connections cut") as episode:
        to_site.stop()
        to_site.cut()
        time.sleep(10)
        to_site.start()
    assert report.hold(episode.verdict()) == []


def test_answers_to_scans_that_get_lost_store_nothing_twice(
    rig: Rig, to_site: Proxy, report: Report
):
    with rig.fault("20 times the answer to a scan is lost on the way to the station") as episode:
        for _ in range(20):
            to_site.lose_next_answer(to=b"POST /scans/ ")
            while to_site.is_to_lose:
                time.sleep(0.01)
    verdict = episode.verdict()
    assert report.hold(verdict) == []
    assert verdict.errors.total() + verdict.page_errors.total() >= 10
