"""Two web hosts on three databases lose these one by one, and the network, while scans go on."""

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.report import Report
from tests.chaos.rig import Rig
from tests.cluster.galera import ME, Cluster, ClusterDatabase, Node, home_for_nodes
from tests.cluster.networks import Network, Switch, why_not
from tests.cluster.programs import Programs, find_programs
from tests.cluster.waiting import await_true
from tests.scans.rivals import Rival, Station, fresh
from tests.serving import Site, running

pytestmark = pytest.mark.chaos

HOSTS = 2
BACK_SECONDS = 120
FROZEN_SECONDS = CUT_SECONDS = 20


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    with home_for_nodes() as home:
        yield home


@pytest.fixture(scope="module")
def programs(home) -> Programs:
    programs = find_programs(home)
    assert programs is not None, "Galera or HAProxy is missing. `make chaos` brings both."
    return programs


@pytest.fixture(scope="module")
def networks() -> Iterator[list[Network]]:
    """One for each web host; none where there are none to be had."""
    with contextlib.ExitStack() as ending:
        if why_not():
            yield []
        else:
            switch = ending.enter_context(Switch())
            yield [ending.enter_context(Network(switch, i)) for i in range(1, HOSTS + 1)]


@pytest.fixture(scope="module")
def cluster(programs, home) -> Cluster:
    """Not running yet."""
    return Cluster(programs, home)


@pytest.fixture(scope="module")
def hosts(cluster, networks, tmp_path_factory) -> Iterator[list[Site]]:
    """Both, in front of the database, and behind the front."""
    here = Switch.here if networks else "127.0.0.1"
    database = ClusterDatabase(cluster, "quality", address=here)
    hosts = []
    for i in range(1, HOSTS + 1):
        folder = tmp_path_factory.mktemp(f"web{i}")
        network = networks[i - 1] if networks else None
        host = Site(
            database,
            folder,
            address=network.address if network else "127.0.0.1",
            prefix=network.prefix if network else (),
            # The same on both.
            SECRET_KEY="the-same-on-both-" * 3,
            DB_HOSTS=str(HOSTS),
            TRUSTED_PROXIES=f"127.0.0.1,{here}",
            ALLOWED_HOSTS=f"127.0.0.1,{network.address if network else here}",
            SHUTDOWN_DELAY="3",
            CHORES_INTERVAL="10",
            # Of its own.
            MONITOR_HOST=f"web{i}",
            DB_LEDGER=str(folder / "ledger"),
        )
        hosts.append(host)
    cluster.haproxy.lead_to([f"{host.address}:{host.port}" for host in hosts])
    with cluster, contextlib.ExitStack() as ending:
        # A command runs here, not in a network of its own.
        hosts[0].prepare()
        for host in hosts:
            ending.enter_context(running(host))
        await_true("the front knows both hosts", lambda: are_up(cluster, hosts), 30)
        yield hosts


def are_up(cluster: Cluster, hosts: list[Site]) -> bool:
    return all(cluster.haproxy.is_up(f"web{i}") for i, _ in enumerate(hosts, 1))


@pytest.fixture(scope="module")
def rig(cluster, hosts) -> Iterator[Rig]:
    with Rig(cluster.haproxy.url, hosts[0].database) as rig:
        yield rig


@pytest.fixture(autouse=True)
def _whole(cluster, hosts) -> None:
    """Each fault finds a cluster that has got over the one before."""
    await_true("the cluster is whole", lambda: cluster.is_whole, BACK_SECONDS)
    await_true("all are up", lambda: all_up(cluster), BACK_SECONDS)


def all_up(cluster: Cluster) -> bool:
    return all(cluster.haproxy.is_up(node.name) for node in cluster.nodes)


def assert_same_on_all(cluster: Cluster) -> None:
    """Each node has the same scans."""
    sql = "SELECT COUNT(*), BIT_XOR(CRC32(CONCAT(id, uid, cp))) FROM scans_scan WHERE id <= %s"
    [[last]] = cluster.nodes[0].query("SELECT MAX(id) FROM scans_scan", database="quality")
    found = {str(node.query(sql, last, database="quality")) for node in cluster.nodes}
    assert len(found) == 1, found


# ----- Before anybody scans: how nodes, HAProxy and the site deal with each other


def test_a_node_that_is_behind_is_left_until_it_is_not(cluster, hosts):
    writer, haproxy = cluster.writer, cluster.haproxy
    # As while it gives its data to another one: it answers, and is no longer "Synced".
    writer.query("SET GLOBAL wsrep_desync = ON")
    try:
        await_true("it is left", lambda: not haproxy.is_up(writer.name), 10)
        assert cluster.writer is not writer
    finally:
        writer.query("SET GLOBAL wsrep_desync = OFF")
    await_true("it is back", lambda: haproxy.is_up(writer.name), 10)
    # And does not take its part back.
    assert cluster.writer is not writer


def test_a_scan_whose_node_refuses_to_commit_is_tried_again(cluster, hosts):
    writer, site, scan = cluster.writer, hosts[0], fresh()
    login = {"unix_socket": str(writer.socket), "user": ME, "database": "quality"}
    station = Station(site)
    with Rival(login) as rival, station.sending(scan) as answers:
        await_true("it waits", lambda: bool(waiting_for(writer)), 20)
        # What a node says that has lost its cluster; the commit comes next.
        writer.query("SET GLOBAL wsrep_reject_queries = ALL")
        rival.give_way()
        await_true("it is tried again", lambda: "lost its cluster" in site.messages(), 20)
        writer.query("SET GLOBAL wsrep_reject_queries = NONE")
    assert [answer.status for answer in answers] == [201]
    assert len(site.database.run("SELECT 1 FROM scans_scan WHERE cp = %s", scan["cp"])) == 1


def waiting_for(node: Node) -> list[tuple[int]]:
    time.sleep(0.15)
    return node.query("SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'")


# ----- The databases


def test_the_writer_is_killed(cluster, rig, report: Report):
    writer = cluster.writer
    with rig.fault("Galera: the writer, kill -9, and started again") as episode:
        writer.kill()
        writer.start(cluster.nodes)
    assert cluster.writer is not writer
    must = "another node writes, also when the first one is back; all nodes the same"
    assert report.hold(episode.verdict(), must=must) == []
    assert_same_on_all(cluster)


def test_each_node_is_taken_away_and_comes_back(cluster, rig, report: Report):
    with rig.fault("Galera: all nodes restarted, one after the other") as episode:
        for node in cluster.nodes:
            restart(cluster, node)
    verdict = episode.verdict()
    assert report.hold(verdict, must="no request needs more than one retry") == []
    assert verdict.more_than_one_retry == 0
    assert_same_on_all(cluster)


def restart(cluster: Cluster, node: Node) -> None:
    """As CLUSTER.md has it: first nobody is led to it any more."""
    cluster.haproxy.tell(f"disable server database/{node.name}")
    node.stop()
    node.start(cluster.nodes)
    cluster.haproxy.tell(f"enable server database/{node.name}")
    await_true(f"{node.name} is up", lambda: cluster.haproxy.is_up(node.name), 30)


def test_the_writer_freezes(cluster, rig, report: Report):
    writer = cluster.writer
    title = f"Galera: the writer frozen (SIGSTOP) for {FROZEN_SECONDS} s"
    with rig.fault(title) as episode, writer.frozen():
        time.sleep(FROZEN_SECONDS)
    assert report.hold(episode.verdict(), must="another node writes meanwhile") == []
    await_true("the cluster is whole", lambda: cluster.is_whole, BACK_SECONDS)
    assert cluster.writer is not writer
    assert_same_on_all(cluster)


def test_all_nodes_lose_their_power(cluster, rig, report: Report):
    with rig.fault("Galera: all three kill -9 at once, started as CLUSTER.md says") as episode:
        for node in cluster.nodes:
            node.kill()
        cluster.start_after_power_cut()
    assert report.hold(episode.verdict(), must="no confirmed scan is lost") == []
    assert_same_on_all(cluster)


# ----- The web hosts


def test_both_hosts_are_restarted_one_after_the_other(cluster, hosts, rig, report: Report):
    with rig.fault("two web hosts: SIGTERM and start, one after the other") as episode:
        for host in hosts:
            host.stop()
            host.start()
            await_true("the front knows both hosts", lambda: are_up(cluster, hosts), 30)
    verdict = episode.verdict()
    assert report.hold(verdict, must="no request needs more than one retry") == []
    assert verdict.more_than_one_retry == 0


def test_a_hosts_cable_is_pulled(cluster, hosts, networks, rig, report: Report):
    if reason := why_not():
        pytest.skip(reason)
    for number, (host, network) in enumerate(zip(hosts, networks, strict=True), 1):
        title = f"two web hosts: the cable of web{number} pulled for {CUT_SECONDS} s"
        with rig.fault(title) as episode, network.cut():
            time.sleep(CUT_SECONDS)
        must = "the other host goes on; its connections are given back"
        assert report.hold(episode.verdict(), must=must) == []
        await_true("the front knows both hosts", lambda: are_up(cluster, hosts), 60)
        assert host.is_running


@pytest.mark.parametrize("netem", ["delay 100ms 20ms", "loss 5%"])
def test_a_hosts_network_is_bad(networks, rig, report: Report, netem: str):
    if reason := why_not():
        pytest.skip(reason)
    with contextlib.ExitStack() as ending:
        try:
            ending.enter_context(networks[0].bad(*netem.split()))
        except OSError as error:
            pytest.skip(f"this kernel has no netem: {error}")
        with rig.fault(f"two web hosts: {netem} at web1") as episode:
            time.sleep(CUT_SECONDS)
    assert report.hold(episode.verdict()) == []
