"""Three workers remember rights, each for itself, and another process changes them."""

from collections import Counter
from collections.abc import Iterator

import pytest

from quality.devdb.mariadb import PrivateMariaDB
from tests.faults import Administrator
from tests.serving import PASSWORD, Browser, Database, Site, running

ADDRESS = "/scans/recent/"
WORKERS = 3
# One of them may be busy for a while.
MOST_REQUESTS = 1000

RIGHTS = "from django.contrib.auth.models import Group, Permission;" + (
    "from accounts.models import User; user = User.objects.get(username='operator');"
    "role = Group.objects.get(name='operator'); right = Permission.objects.get("
    "codename='record_scan');"
)
# What takes it away, and how it comes back.
WITHDRAWN = [
    ("role.permissions.remove(right)", "role.permissions.add(right)"),
    ("user.groups.remove(role)", "user.groups.add(role)"),
    ("role.user_set.clear()", "role.user_set.set([user])"),
]


@pytest.fixture(scope="module")
def site(mariadb_home, tmp_path_factory) -> Iterator[Site]:
    database = Database(PrivateMariaDB(mariadb_home), "quality_rights")
    # Its monitor stays silent, which asks a statement now and then.
    site = Site(database, tmp_path_factory.mktemp("site"), workers=WORKERS, MONITOR_INTERVAL="3600")
    site.prepare()
    with running(site):
        yield site


@pytest.fixture(scope="module")
def operator(site) -> Browser:
    return Browser(site.url, PASSWORD)


def ask_each(browser: Browser, *, least: int = 1) -> dict[str, Counter[int]]:
    """The statuses that each worker answered, at least so many times."""
    answers: dict[str, Counter[int]] = {}
    for _ in range(MOST_REQUESTS):
        worker, status = browser.worker(ADDRESS)
        answers.setdefault(worker, Counter())[status] += 1
        if len(answers) == WORKERS and all(one.total() >= least for one in answers.values()):
            return answers
    raise AssertionError(f"Not each answered: {answers}")


def statuses(browser: Browser) -> list[set[int]]:
    return [set(one) for one in ask_each(browser).values()]


def change(site: Site, code: str) -> None:
    done = site.manage("shell", "--no-imports", "-c", RIGHTS + code)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("withdraw", "give_back"), WITHDRAWN)
def test_a_right_that_is_withdrawn_ends_at_once_in_each_worker(site, operator, withdraw, give_back):
    assert statuses(operator) == [{200}] * WORKERS
    change(site, withdraw)
    assert statuses(operator) == [{403}] * WORKERS
    change(site, give_back)
    assert statuses(operator) == [{200}] * WORKERS


def test_what_was_taken_from_a_role_comes_back_by_its_command(site, operator):
    change(site, "role.permissions.remove(right)")
    assert statuses(operator) == [{403}] * WORKERS
    assert site.manage("syncroles").returncode == 0
    assert statuses(operator) == [{200}] * WORKERS


def test_session_user_and_rights_cost_a_request_one_statement(site, operator):
    ask_each(operator)
    with Administrator(site.database.server) as administrator, administrator.heard() as statements:
        answers = ask_each(operator, least=3)
    requests = sum(one.total() for one in answers.values())
    who = [one for one in statements if any(name in one for name in ("accounts_", "auth_"))]
    assert len(who) == requests
    assert sum("accounts_session" in one for one in who) == requests
    assert sum("accounts_rightsrevision" in one for one in who) == requests
