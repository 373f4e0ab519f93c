"""What the files of docker/cluster/ say is what the guide and the other files take them for."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from quality.pool.budget import RESERVE
from tests.docker.compose import DOCKER, services

CLUSTER = DOCKER / "cluster"
GUIDE = (DOCKER / "CLUSTER.md").read_text()
HAPROXY = (CLUSTER / "haproxy.cfg").read_text()
GIVEN = {
    "GALERA_ADDRESS": "gcomm://10.0.0.11,10.0.0.12,10.0.0.13",
    "NODE_NAME": "web1",
    "NODE_ADDRESS": "10.0.0.21",
    "FRONT_ADDRESS": "10.0.0.10",
    "NODE_1": "10.0.0.11:3306",
    "NODE_2": "10.0.0.12:3306",
    "NODE_3": "10.0.0.13:3306",
    "WEB_1": "10.0.0.21:8000",
    "DB_HOSTS": "3",
    "DB_PASSWORD": "a1",
    "METRICS_TOKEN": "c3",
    "SECRET_KEY": "s" * 40 + "abcdefghijkl",
}


def cluster(**environment: str) -> dict:
    return services("compose.cluster.yml", **GIVEN, **environment)


# ----- HAProxy


def packets() -> list[bytes]:
    return [bytes.fromhex(text) for text in re.findall(r"send-binary ([0-9a-f]+)", HAPROXY)]


def test_the_check_logs_in_as_the_account_that_is_made_for_it_and_asks_for_the_state():
    login, question = packets()
    [account] = re.findall(r"CREATE USER '(\w+)'", (CLUSTER / "accounts.sql").read_text())
    assert int.from_bytes(login[:3], "little") == len(login) - 4
    assert login[4 + 32 :].split(b"\0")[0] == account.encode()
    length = int.from_bytes(question[:3], "little")
    assert question[4 : 4 + length] == b"\x03SHOW STATUS LIKE 'wsrep_local_state_comment'"
    # COM_QUIT, a packet of its own.
    assert question[4 + length :] == b"\1\0\0\0\1"


def test_one_node_is_written_to_and_keeps_the_part():
    assert re.findall(r"^ +server (node\d) \S+( backup)?$", HAPROXY, re.MULTILINE) == [
        ("node1", ""),
        ("node2", " backup"),
        ("node3", " backup"),
    ]
    for words in (
        "stick-table type ip size 10 nopurge",
        "stick on dst",
        "on-marked-down shutdown-sessions",
    ):
        assert words in HAPROXY


# ----- Compose


def test_all_that_haproxy_reads_it_is_told():
    told = set(cluster(WEB_2="b:1", WEB_3="c:1", WEB_4="d:1")["front"]["environment"])
    read = {
        name
        for file in ("haproxy.cfg", "front.cfg")
        for name in re.findall(r"\$\{(\w+)\}", (CLUSTER / file).read_text())
    }
    assert read - told == set()


def test_each_service_has_a_profile_that_the_guide_names():
    for name, service in cluster().items():
        [profile] = service["profiles"]
        assert f"--profile {profile}" in GUIDE or f"run --rm {name}" in GUIDE, name


def test_files_that_are_mounted_exist():
    for service in cluster().values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert not source.startswith(".") or Path(DOCKER, source).exists(), source


def test_migrations_go_past_proxysql():
    found = cluster(DATABASE_PORT="6033")
    assert found["web"]["environment"]["DATABASE_URL"].endswith("@10.0.0.10:6033/quality")
    direct = found["migrate"]["environment"]["DATABASE_DIRECT_URL"]
    assert direct.endswith("@10.0.0.10:3306/quality")
    assert "DATABASE_DIRECT_URL" not in found["web"]["environment"]


@pytest.mark.parametrize(("hosts", "allowed"), [("1", "151"), ("3", "40"), ("7", "151")])
def test_all_web_hosts_fit_into_one_node(hosts: str, allowed: str):
    environment = cluster()["web"]["environment"] | {
        "DB_HOSTS": hosts,
        "DB_MAX_CONNECTIONS": allowed,
    }
    code = "from quality import sizing; print(sizing.WEB_WORKERS * sizing.DB_POOL_SIZE)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=DOCKER.parent,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert 1 <= int(hosts) * int(done.stdout) <= int(allowed) - RESERVE


# ----- ProxySQL


def test_proxysql_lets_connections_be_shared():
    """Without these two each connection of Django's pins one of the server's."""
    text = (CLUSTER / "proxysql.cnf").read_text()
    assert re.search(r"^ *auto_increment_delay_multiplex = 0$", text, re.MULTILINE)
    [rule] = re.findall(r'match_pattern = "(.*?)", multiplex = 2', text)
    assert rule == r"^SELECT VERSION\(\)"
    # 20 instances on so many.
    assert "max_connections = 25 }" in text
