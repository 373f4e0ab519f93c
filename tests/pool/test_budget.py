"""What all processes may open is compared with what the server allows."""

import MySQLdb
import pytest
from django.conf import settings
from django.core import checks

from quality.devdb.mariadb import PrivateMariaDB
from quality.pool.budget import Demand, Supply, compare, per_host, share
from quality.pool.validation import DatabaseValidation
from tests.pool.conftest import SCHEMA
from tests.pool.project import Project, databases


def test_workers_share_what_there_is():
    assert share(20, 2) == 10
    assert share(20, 3) == 6
    assert share(20, 20) == 1


@pytest.mark.parametrize(("connections", "workers"), [(20, 21), (0, 1), (5, 0)])
def test_a_share_below_one_is_refused_and_not_rounded_up(connections, workers):
    with pytest.raises(ValueError, match=f"{workers} workers cannot share {connections}"):
        share(connections, workers)


def test_hosts_share_what_the_reserve_leaves():
    assert per_host(151) == 141
    assert per_host(151, hosts=2) == 70
    assert per_host(60, hosts=2, reserve=0) == 30
    with pytest.raises(ValueError, match="nothing is left for 2 hosts after 10"):
        per_host(11, hosts=2)


def test_what_fits_easily_is_not_worth_a_word():
    assert compare(Demand(processes=2, max_size=10), Supply(max_connections=151)) == []


def test_the_old_systems_budget_is_found_out():
    """Three workers with "at most 20" each, one more host: the outage that began all this."""
    demand = Demand(processes=3, max_size=20, hosts=3)
    [finding] = compare(demand, Supply(max_connections=151))
    assert finding.is_over
    assert finding.message == (
        "3 processes × 20 connections × 3 hosts = 180 > 151 − 10 in reserve = 141 "
        "by max_connections"
    )
    assert finding.remedy == (
        "Set max_size to 15 or less, or raise max_connections at the server to 190 or more."
    )


def test_the_last_that_fits_is_a_warning_and_one_more_an_error():
    supply = Supply(max_connections=30)
    [near] = compare(Demand(processes=2, max_size=10), supply)
    assert not near.is_over
    assert "2 processes × 10 connections × 1 host = 20 ≤ 30 − 10" in near.message
    [over] = compare(Demand(processes=3, max_size=7), supply)
    assert over.is_over


def test_the_accounts_own_limit_counts_too():
    demand = Demand(processes=1, max_size=1)
    [finding] = compare(demand, Supply(max_connections=151, max_user=5))
    assert finding.is_over
    assert finding.limit == "max_user_connections"
    assert "1 process × 1 connection × 1 host = 1 > 5 − 10" in finding.message
    assert compare(demand, Supply(max_connections=151, max_user=0)) == []


def test_a_host_wide_cap_takes_the_place_of_the_processes():
    demand = Demand(processes=50, max_size=20, hosts=2, host_limit=20)
    assert compare(demand, Supply(max_connections=151)) == []
    [finding] = compare(demand, Supply(max_connections=40))
    assert "20 connections on each host (host_limit) × 2 hosts = 40 > 40 − 10" in finding.message
    assert finding.remedy.startswith("Set host_limit to 15 or less")


def test_more_processes_than_connections_are_told_to_be_fewer():
    [finding] = compare(Demand(processes=50, max_size=1), Supply(max_connections=40))
    assert finding.remedy.startswith("Run fewer processes")


# ----- As a system check


def check(wrapper) -> list[checks.CheckMessage]:
    try:
        return DatabaseValidation(wrapper).check()
    finally:
        wrapper.close()


def test_a_budget_within_the_servers_limit_passes(database):
    wrapper = database(pool={"processes": 2, "max_size": 10}).wrapper()
    assert isinstance(wrapper.validation, DatabaseValidation)
    assert check(wrapper) == []


def test_the_check_asks_the_server_itself(database, server):
    limit = int(server.query("SELECT @@global.max_connections")[0][0])
    assert check(database(pool={"processes": 2, "max_size": (limit - 10) // 2 - 5}).wrapper()) == []
    near = database(pool={"processes": 2, "max_size": (limit - 10) // 2}).wrapper()
    [warning] = check(near)
    assert isinstance(warning, checks.Warning)
    assert warning.id == "quality.pool.W001"
    size = (limit - 10) // 2 + 1
    over = database(pool={"processes": 2, "max_size": size}).wrapper()
    [error] = check(over)
    assert isinstance(error, checks.Error)
    assert error.id == "quality.pool.E001"
    assert over.alias in error.msg
    assert (
        f"2 processes × {size} connections × 1 host = {2 * size} > {limit} − 10 in reserve"
        in error.msg
    )
    assert f"Set max_size to {(limit - 10) // 2} or less" in str(error.hint)


def test_the_reserve_and_the_hosts_are_options(database, server):
    limit = int(server.query("SELECT @@global.max_connections")[0][0])
    size = limit // 4
    fits = {"max_size": size, "hosts": 2, "reserve": 0}
    assert check(database(pool=fits).wrapper()) == []
    [error] = check(database(pool=fits | {"reserve": limit - size}).wrapper())
    assert error.id == "quality.pool.E001"


def account_with_limit(mariadb_home, name: str, limit: int) -> None:
    """Make an account on the tests' server, as its administrator."""
    files = PrivateMariaDB(mariadb_home)
    admin = MySQLdb.connect(unix_socket=str(files.socket), user=files.admin_user)
    try:
        admin.query(f"CREATE OR REPLACE USER {name}@localhost WITH MAX_USER_CONNECTIONS {limit}")
        admin.query(f"GRANT ALL ON {SCHEMA}.* TO {name}@localhost")
    finally:
        admin.close()


def test_an_accounts_limit_is_found_as_the_account_sees_it(database, mariadb_home):
    account_with_limit(mariadb_home, "quality_small", 15)
    small = {"USER": "quality_small", "PASSWORD": ""}
    assert check(database(pool={"max_size": 4, "min_size": 1}, **small).wrapper()) == []
    [error] = check(database(pool={"max_size": 6}, **small).wrapper())
    assert error.id == "quality.pool.E002"
    assert "1 process × 6 connections × 1 host = 6 > 15 − 10 in reserve = 5" in error.msg


def test_manage_py_check_fails_with_the_arithmetic_and_needs_no_app(tmp_path, server):
    fitting = databases(NAME=SCHEMA, pool={"max_size": 5, "processes": 2})
    assert "no issues" in Project(tmp_path, fitting).manage("check", "--database", "default")
    greedy = databases(NAME=SCHEMA, pool={"max_size": 500, "processes": 2})
    project = Project(tmp_path, greedy)
    # Without --database nothing is asked of a database, as everywhere in Django.
    assert "no issues" in project.manage("check")
    with pytest.raises(AssertionError, match=r"2 processes × 500 connections × 1 host = 1000 > "):
        project.manage("check", "--database", "default")


def test_the_house_states_its_processes():
    options = settings.DATABASES["default"]["OPTIONS"]["pool"]
    assert options["processes"] >= 1
