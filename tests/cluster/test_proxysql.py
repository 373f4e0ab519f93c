"""Twenty instances on 25 connections of the server: by ProxySQL, and by the budget alone."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import MySQLdb
import pytest

from quality.devdb.mariadb import PrivateMariaDB
from quality.pool.budget import RESERVE
from tests.cluster.instances import INSTANCES, run_instances
from tests.docker.compose import DOCKER
from tests.faults import free_port
from tests.serving import Database, Site, running

PROXYSQL = os.environ.get("PROXYSQL_BIN", "")
NAME = "quality_instances"
CONNECTIONS = 25
SECONDS = 10

pytestmark = pytest.mark.chaos


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[PrivateMariaDB]:
    server = PrivateMariaDB(
        tmp_path_factory.mktemp("db"),
        free_port(),
        options={"max_connections": CONNECTIONS + RESERVE, "innodb_lock_wait_timeout": 50},
    )
    with running(server):
        Site(Database(server, NAME), tmp_path_factory.mktemp("site")).prepare()
        yield server


@pytest.fixture
def url(server, tmp_path) -> Iterator[str]:
    """By way of ProxySQL, with docker/cluster/proxysql.cnf."""
    port = free_port()
    text = (DOCKER / "cluster" / "proxysql.cnf").read_text()
    for name, value in {
        "@PASSWORD@": server.password,
        "@BIND@": f"127.0.0.1:{port}",
        "@SERVER_HOST@": "127.0.0.1",
        "@SERVER_PORT@": str(server.port),
        "/var/lib/proxysql": str(tmp_path),
        "127.0.0.1:6032": f"127.0.0.1:{free_port()}",
    }.items():
        assert name in text
        text = text.replace(name, value)
    configuration, log = tmp_path / "proxysql.cnf", tmp_path / "proxysql.log"
    configuration.write_text(text)
    with log.open("wb") as output:
        child = subprocess.Popen(
            [PROXYSQL, "--foreground", "--initial", "--config", str(configuration)],
            cwd=tmp_path,
            stdout=output,
            stderr=output,
        )
    try:
        _await(port, server.password, log)
        yield f"mysql://quality:{server.password}@127.0.0.1:{port}/{NAME}"
    finally:
        child.terminate()
        child.wait(30)


def _await(port: int, password: str, log: Path) -> None:
    login = {"user": "quality", "password": password, "host": "127.0.0.1", "port": port}
    deadline = time.monotonic() + 30
    while True:
        try:
            MySQLdb.connect(**login, database=NAME).close()
        except MySQLdb.Error:
            assert time.monotonic() < deadline, log.read_text()[-3000:]
            time.sleep(0.2)
        else:
            return


@pytest.mark.skipif(
    not PROXYSQL, reason="ProxySQL comes with no registry of ours: set PROXYSQL_BIN to its program"
)
def test_by_proxysql_twenty_instances_of_five_run_on_twenty_five(server, url, tmp_path):
    found = run_instances(url, server, tmp_path, pool_size=5, seconds=SECONDS)
    assert found.codes == [0] * INSTANCES, found.said
    assert 1 <= found.most_connections <= CONNECTIONS


def test_by_the_budget_twenty_instances_run_on_one_connection_each(server, tmp_path):
    found = run_instances(server.url(NAME), server, tmp_path, pool_size=1, seconds=SECONDS)
    assert found.codes == [0] * INSTANCES, found.said
    assert found.most_connections <= INSTANCES
    print(f"{found.transactions / SECONDS:.0f} transactions/s on {found.most_connections}")
