"""Processes are killed under load: nothing is lost, and all mend by themselves."""

import os
import signal
from collections.abc import Iterator

import pytest

from quality.devdb.mariadb import PrivateMariaDB
from tests.chaos.report import Report
from tests.chaos.rig import Rig
from tests.faults import kill
from tests.serving import Database, Site, running


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[PrivateMariaDB]:
    with running(PrivateMariaDB(tmp_path_factory.mktemp("db"))) as server:
        yield server


@pytest.fixture(scope="module")
def site(server, tmp_path_factory) -> Iterator[Site]:
    site = Site(Database(server, "quality_chaos"), tmp_path_factory.mktemp("site"))
    site.prepare()
    with running(site):
        yield site


@pytest.fixture(scope="module")
def rig(site) -> Iterator[Rig]:
    with Rig(site.url, site.database) as rig:
        yield rig


def test_a_killed_database_loses_nothing(rig, server, report: Report):
    with rig.fault("MariaDB: kill -9, and started again") as episode:
        kill(server)
        server.start()
    assert report.hold(episode.verdict()) == []


def test_a_killed_worker_loses_nothing(rig, site, report: Report):
    with rig.fault("gunicorn worker: kill -9") as episode:
        os.kill(site.worker_pids[0], signal.SIGKILL)
    assert report.hold(episode.verdict()) == []
