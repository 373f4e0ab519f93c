"""Processes are killed and restarted under load: nothing is lost, and all mend by themselves."""

import os
import signal

import pytest

from tests.chaos.report import Report
from tests.chaos.watching import await_true
from tests.faults import Administrator, kill

pytestmark = pytest.mark.short

SUCCESSOR_SECONDS = 60


def test_a_killed_database_loses_nothing(rig, server, report: Report):
    with rig.fault("MariaDB: kill -9, and started again") as episode:
        kill(server)
        server.start()
    assert report.hold(episode.verdict()) == []


def test_a_killed_worker_costs_each_request_one_retry(rig, site, report: Report):
    before = set(site.worker_pids)
    with rig.fault("gunicorn's worker: kill -9") as episode:
        os.kill(min(before), signal.SIGKILL)
    verdict = episode.verdict()
    assert report.hold(verdict, must="one retry mends it") == []
    assert verdict.more_than_one_retry == 0
    await_true("a successor", lambda: len(site.worker_pids) == len(before), SUCCESSOR_SECONDS)


def test_a_reload_costs_each_request_one_retry_at_most(rig, site, server, report: Report):
    before = set(site.worker_pids)
    with Administrator(server) as administrator:
        aborted = administrator.status("Aborted_clients")
        with rig.fault("gunicorn's master: SIGHUP") as episode:
            site.signal(signal.SIGHUP)
            await_true("new workers", lambda: not before & set(site.worker_pids), SUCCESSOR_SECONDS)
        verdict = episode.verdict()
        assert report.hold(verdict, must="one retry mends it; no aborted connections") == []
        assert verdict.more_than_one_retry == 0
        assert administrator.status("Aborted_clients") == aborted


def test_a_site_that_ends_and_starts_loses_nothing(rig, site, server, report: Report):
    with Administrator(server) as administrator:
        aborted = administrator.status("Aborted_clients")
        with rig.fault("gunicorn's master: SIGTERM, and started again") as episode:
            site.stop()
            site.start()
        assert report.hold(episode.verdict(), must="no aborted connections") == []
        assert administrator.status("Aborted_clients") == aborted
