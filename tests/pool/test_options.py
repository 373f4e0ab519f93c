"""Options are understood or refused."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from quality.pool.base import DatabaseWrapper
from quality.pool.folder import default_directory
from quality.pool.options import KNOWN, PoolOptions, read_options


def read(pool=None, **settings) -> PoolOptions:
    options = {} if pool is None else {"pool": pool}
    return read_options("default", {"USER": "somebody", "OPTIONS": options, **settings})


@pytest.mark.parametrize("given", [None, True, {}])
def test_nothing_given_means_the_defaults(given):
    assert read(given) == PoolOptions(
        max_size=20, min_size=3, timeout=30, max_lifetime=3600, max_idle=600, reset="auto"
    )


def test_every_known_option_is_taken():
    given = {
        "max_size": 7,
        "min_size": 2,
        "timeout": 0.5,
        "max_lifetime": 60,
        "max_idle": 5,
        "max_waiting": 40,
        "keepalive": 30,
        "fail_fast": 0.25,
        "leak_after": 10,
        "reset": "rollback",
        "ledger": "/run/shop",
        "host_limit": 20,
        "processes": 4,
        "hosts": 2,
        "reserve": 5,
        "statement_timeout": 2.5,
    }
    assert set(given) == set(KNOWN)
    assert read(given) == PoolOptions(**given)


def test_a_small_pool_needs_no_min_size():
    assert read({"max_size": 1}).min_size == 1


@pytest.mark.parametrize("key", ["MAX_SIZE", "max_overflow", "pool_size", "lifetime", 7])
def test_an_unknown_key_is_refused_and_the_known_ones_are_listed(key):
    with pytest.raises(ImproperlyConfigured) as refusal:
        read({key: 1})
    assert repr(key) in str(refusal.value)
    for known in KNOWN:
        assert known in str(refusal.value)


@pytest.mark.parametrize(
    "name", ["max_size", "timeout", "max_lifetime", "max_idle", "keepalive", "fail_fast"]
)
@pytest.mark.parametrize("value", [0, -1, True, "5", None, float("nan"), float("inf"), 10**10])
def test_an_impossible_value_is_refused_by_name(name, value):
    if name == "max_size" and value == 10**10:
        return
    with pytest.raises(ImproperlyConfigured, match=name):
        read({name: value})


@pytest.mark.parametrize("name", ["min_size", "max_waiting"])
@pytest.mark.parametrize("value", [-1, True, 1.5, "3", None])
def test_an_impossible_number_is_refused(name, value):
    with pytest.raises(ImproperlyConfigured, match=name):
        read({name: value})


@pytest.mark.parametrize("off", [0, None, 0.0])
def test_the_search_for_leaks_can_be_switched_off(off):
    assert read({"leak_after": off}).leak_after == 0


@pytest.mark.parametrize("value", [-1, True, False, "60", float("inf")])
def test_an_impossible_leak_after_is_refused(value):
    with pytest.raises(ImproperlyConfigured, match="leak_after"):
        read({"leak_after": value})


def test_no_minimum_is_possible():
    assert read({"min_size": 0}).min_size == 0


def test_a_minimum_above_the_maximum_is_refused():
    with pytest.raises(ImproperlyConfigured, match="min_size 4 exceeds max_size 3"):
        read({"min_size": 4, "max_size": 3})


@pytest.mark.parametrize("name", ["host_limit", "processes", "hosts", "reserve"])
@pytest.mark.parametrize("value", [-1, True, 1.5, "3", None])
def test_an_impossible_number_of_processes_is_refused_by_name(name, value):
    with pytest.raises(ImproperlyConfigured, match=name):
        read({name: value})


def test_the_ledger_is_a_path_or_nothing(tmp_path):
    assert read({"ledger": None}).ledger is None
    assert read({"ledger": tmp_path}).ledger == str(tmp_path)
    assert read().ledger == default_directory()
    for value in ("var/ledger", "", True, 5):
        with pytest.raises(ImproperlyConfigured, match="ledger must be the absolute path"):
            read({"ledger": value})


def test_a_cap_on_the_host_needs_a_place_to_meet():
    with pytest.raises(ImproperlyConfigured, match="host_limit needs a folder"):
        read({"ledger": None, "host_limit": 5})


@pytest.mark.parametrize("reset", ["none", None, True, "FULL"])
def test_an_unknown_reset_is_refused(reset):
    with pytest.raises(ImproperlyConfigured, match="full, rollback"):
        read({"reset": reset})


def test_a_pool_that_is_switched_off_is_refused():
    with pytest.raises(ImproperlyConfigured, match=r"django\.db\.backends\.mysql"):
        read(False)


@pytest.mark.parametrize("pool", [5, "big", ["max_size"]])
def test_a_pool_that_is_no_dict_is_refused(pool):
    with pytest.raises(ImproperlyConfigured, match="must be a dict"):
        read(pool)


@pytest.mark.parametrize("age", [1, None, 600, -1, False])
def test_connections_that_threads_keep_are_refused(age):
    with pytest.raises(ImproperlyConfigured, match="CONN_MAX_AGE"):
        read(CONN_MAX_AGE=age)


def test_the_spelling_of_django_db_connection_pool_is_understood():
    given = {"POOL_SIZE": 4, "MAX_OVERFLOW": 2, "RECYCLE": 300, "TIMEOUT": 7, "PRE_PING": True}
    assert read(POOL_OPTIONS=given) == PoolOptions(
        max_size=6, min_size=4, timeout=7, max_lifetime=300
    )


def test_what_it_leaves_out_is_what_django_db_connection_pool_takes():
    assert read(POOL_OPTIONS={}) == PoolOptions(
        max_size=20, min_size=10, timeout=30, max_lifetime=900
    )


@pytest.mark.parametrize(
    "given",
    [
        {"pool_size": 5},
        {"ECHO": True},
        {"POOL_SIZE": 0},
        {"MAX_OVERFLOW": -1},
        {"RECYCLE": -1},
        {"TIMEOUT": 0},
        {"PRE_PING": False},
    ],
)
def test_the_other_spelling_is_strict_too(given):
    with pytest.raises(ImproperlyConfigured, match=str(*given)):
        read(POOL_OPTIONS=given)


def test_both_spellings_at_once_are_refused():
    with pytest.raises(ImproperlyConfigured, match="both"):
        read({}, POOL_OPTIONS={})


def test_a_full_reset_needs_a_named_account():
    with pytest.raises(ImproperlyConfigured, match="USER"):
        read(USER="")
    assert read({"reset": "rollback"}, USER="").reset == "rollback"


def test_options_are_refused_when_the_wrapper_is_made(database):
    with pytest.raises(ImproperlyConfigured, match="max_sise"):
        DatabaseWrapper(database(pool={"max_sise": 3}).settings, "default")


def test_pool_options_do_not_reach_the_driver(database):
    assert "pool" not in database().wrapper().get_connection_params()
