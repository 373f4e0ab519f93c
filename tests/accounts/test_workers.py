"""Two workers remember rights, each for itself, and a third process changes them."""

from collections import Counter
from collections.abc import Iterator

import pytest

from quality.devdb.mariadb import PrivateMariaDB
from tests.faults import Administrator
from tests.serving import PASSWORD, Browser, Database, Site, running

ADDRESS = "/scans/recent/"
# One of two may be busy for a while.
MOST_REQUESTS = 500

RIGHTS = "from django.contrib.auth.models import Group, Permission;" + (
    "role = Group.objects.get(name='operator'); right = Permission.objects.get("
    "codename='record_scan');"
)


@pytest.fixture(scope="module")
def site(mariadb_home, tmp_path_factory) -> Iterator[Site]:
    database = Database(PrivateMariaDB(mariadb_home), "quality_rights")
    # Its monitor stays silent, which asks a statement now and then.
    site = Site(database, tmp_path_factory.mktemp("site"), workers=2, MONITOR_INTERVAL="3600")
    site.prepare()
    with running(site):
        yield site


@pytest.fixture(scope="module")
def operator(site) -> Browser:
    return Browser(site.url, PASSWORD)


def ask_both(browser: Browser, *, least: int = 1) -> dict[str, Counter[int]]:
    """The statuses that each worker answered, at least so many times."""
    answers: dict[str, Counter[int]] = {}
    for _ in range(MOST_REQUESTS):
        worker, status = browser.worker(ADDRESS)
        answers.setdefault(worker, Counter())[status] += 1
        if len(answers) == 2 and all(one.total() >= least for one in answers.values()):
            return answers
    raise AssertionError(f"Not both answered: {answers}")


def statuses(browser: Browser) -> list[set[int]]:
    return [set(one) for one in ask_both(browser).values()]


def change(site: Site, code: str) -> None:
    done = site.manage("shell", "--no-imports", "-c", RIGHTS + code)
    assert done.returncode == 0, done.stderr


def test_a_change_in_another_process_holds_at_once_in_each_worker(site, operator):
    assert statuses(operator) == [{200}, {200}]
    change(site, "role.permissions.remove(right)")
    assert statuses(operator) == [{403}, {403}]
    assert site.manage("syncroles").returncode == 0
    assert statuses(operator) == [{200}, {200}]


def test_session_and_user_cost_a_request_two_statements_and_rights_none(site, operator):
    ask_both(operator)
    with Administrator(site.database.server) as administrator, administrator.heard() as statements:
        answers = ask_both(operator, least=3)
    requests = sum(one.total() for one in answers.values())
    who = [one for one in statements if any(name in one for name in ("accounts_", "auth_"))]
    assert len(who) == 2 * requests
    assert sum("accounts_session" in one for one in who) == requests
    assert sum("accounts_rightsrevision" in one for one in who) == requests
