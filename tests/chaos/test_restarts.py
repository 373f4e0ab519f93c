"""Sites are restarted behind a front while stations scan: one retry mends whatever breaks."""

import contextlib
from collections.abc import Iterator

import pytest

from quality.devdb.mariadb import PrivateMariaDB
from tests.chaos.front import Front
from tests.chaos.report import Report
from tests.chaos.rig import Episode, Rig
from tests.faults import Administrator
from tests.serving import Database, Site, running

pytestmark = pytest.mark.chaos

MUST = "one retry mends it; no aborted connections"


@pytest.fixture(scope="module")
def sites(server, tmp_path_factory) -> Iterator[list[Site]]:
    """Two on one database."""
    database = Database(server, "quality_restarts")
    sites = [
        Site(
            database,
            tmp_path_factory.mktemp("site"),
            # A session is valid at both.
            SECRET_KEY="the-same-on-both-" * 3,
            # Time for the front to hear that one of them leaves.
            SHUTDOWN_DELAY="3",
        )
        for _ in range(2)
    ]
    sites[0].prepare()
    with contextlib.ExitStack() as ending:
        for site in sites:
            ending.enter_context(running(site))
        yield sites


@contextlib.contextmanager
def working(sites: list[Site], home) -> Iterator[Rig]:
    front = Front(home, sites)
    with contextlib.ExitStack() as ending:
        front.start()
        ending.callback(front.stop)
        yield ending.enter_context(Rig(front.url, sites[0].database))


def hold(episode: Episode, server: PrivateMariaDB, aborted: int, report: Report) -> None:
    verdict = episode.verdict()
    assert report.hold(verdict, must=MUST) == []
    assert verdict.more_than_one_retry == 0
    with Administrator(server) as administrator:
        assert administrator.status("Aborted_clients") == aborted


def aborted_clients(server: PrivateMariaDB) -> int:
    with Administrator(server) as administrator:
        return administrator.status("Aborted_clients")


def test_one_site_ends_and_starts_behind_the_front(sites, server, tmp_path, report: Report):
    """The front holds what comes meanwhile."""
    with working(sites[:1], tmp_path) as rig:
        aborted = aborted_clients(server)
        with rig.fault("one site behind Caddy: SIGTERM, and started again") as episode:
            sites[0].stop()
            sites[0].start()
        hold(episode, server, aborted, report)


def test_two_sites_are_restarted_one_after_the_other(sites, server, tmp_path, report: Report):
    with working(sites, tmp_path) as rig:
        aborted = aborted_clients(server)
        with rig.fault("two sites behind Caddy: each SIGTERM and started, in turn") as episode:
            for site in sites:
                site.stop()
                site.start()
        hold(episode, server, aborted, report)
