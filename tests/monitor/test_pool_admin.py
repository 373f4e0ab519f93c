"""What the pool page's buttons ask for is done by those who may, and written down first."""

import json
import threading

import pytest
from django.contrib.admin.models import LogEntry
from django.db import OperationalError, connection
from django.test import Client

from quality.monitor import orders
from quality.monitor.kills import kill_statement

ACT = "/admin/monitor/pool/act/"


@pytest.fixture
def ledger(tmp_path, monkeypatch):
    """A folder of this test's own for orders."""
    path = tmp_path / "ledger"
    path.mkdir(mode=0o700)
    monkeypatch.setitem(connection.settings_dict["OPTIONS"]["pool"], "ledger", str(path))
    return path


def act(client: Client, **wanted):
    return client.post(ACT, json.dumps(wanted), content_type="application/json")


@pytest.mark.parametrize(
    ("role", "status"), [("", 302), ("operator", 403), ("quality", 403), ("admin", 200)]
)
@pytest.mark.parametrize("address", ["/admin/monitor/pool/", "/monitor/pool"])
def test_administrators_alone_see_the_pools(client_of, address, role, status):
    if address == "/monitor/pool" and not role:
        status = 401
    assert client_of(role).get(address).status_code == status


def test_an_order_is_written_down_and_given(client_of, ledger):
    response = act(client_of("admin"), verb="drain", pid=123, alias="default")
    assert response.status_code == 200
    (order,) = orders.recent()
    assert response.json()["order"] == order.as_dict()
    assert (order.verb, order.pid, order.given_by) == ("drain", 123, "admin")
    entry = LogEntry.objects.get()
    assert entry.user.username == "admin"
    assert (entry.object_repr, entry.change_message) == ("worker 123", "drain, default")


@pytest.mark.parametrize(("role", "status"), [("", 401), ("operator", 403), ("quality", 403)])
def test_others_give_no_orders(client_of, ledger, role, status):
    assert act(client_of(role), verb="drain", pid=123, alias="default").status_code == status
    assert orders.recent() == []


def test_whoever_may_only_look_gives_no_orders(client_of, ledger, person):
    from django.contrib.auth.models import Permission

    user = person("auditor")
    user.user_permissions.add(Permission.objects.get(codename="view_pool"))
    client = client_of("auditor")
    assert client.get("/monitor/pool").status_code == 200
    assert act(client, verb="drain", pid=123, alias="default").status_code == 403


def test_a_pass_alone_gives_no_orders(client_of, ledger):
    client = client_of("admin")
    assert client.get("/monitor/pool").status_code == 200
    client.session.flush()
    assert client.get("/monitor/pool").status_code == 200
    assert act(client, verb="drain", pid=123, alias="default").status_code == 401


@pytest.mark.parametrize(
    "wanted",
    [
        "{}",
        "null",
        "[" * 100_000,
        '{"verb": "stop", "pid": 1, "alias": "default"}',
        '{"verb": "drain", "pid": "x", "alias": "default"}',
        '{"verb": "drain", "pid": 1, "alias": "other\\nline"}',
        '{"verb": "drain", "pid": 1, "alias": ["default"]}',
        '{"verb": "drain", "pid": "%s", "alias": "default"}' % ("9" * 400),
        '{"verb": "kill", "id": "%s", "seconds": 1}' % ("9" * 400),
        '{"verb": "kill", "id": 0, "seconds": 1}',
        '{"verb": "kill", "id": 1, "seconds": Infinity}',
        '{"verb": "kill", "id": 1, "seconds": NaN}',
        '{"verb": "kill", "id": 1, "seconds": %s}' % ("9" * 400),
    ],
)
def test_what_is_no_order_is_refused_and_not_written_down(client_of, ledger, wanted):
    response = client_of("admin").post(ACT, wanted, content_type="application/json")
    assert response.status_code == 400
    assert not LogEntry.objects.exists()
    assert orders.recent() == []


def test_a_form_of_another_site_gives_no_orders(person):
    client = Client(enforce_csrf_checks=True)
    client.force_login(person("admin"))
    assert act(client, verb="drain", pid=123, alias="default").status_code == 403


def test_looking_is_no_order(client_of):
    assert client_of("admin").get(ACT).status_code == 405
    assert client_of("admin").post("/admin/monitor/pool/").status_code == 405


def test_only_what_has_run_for_so_long_is_killed(transactional_db):
    """A connection runs another statement by the time somebody has confirmed."""
    started = threading.Event()
    number: list[int] = []

    def run() -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT CONNECTION_ID()")
                number.append(cursor.fetchone()[0])
                started.set()
                cursor.execute("SELECT SLEEP(30)")
                cursor.fetchall()
        except OperationalError:
            pass  # the server may say so, or only return
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(10)
    try:
        assert not kill_statement(number[0], running_seconds=20)
        assert not kill_statement(number[0] + 100_000, running_seconds=0)
    finally:
        while not kill_statement(number[0], running_seconds=0):
            assert thread.is_alive()
        thread.join(20)
    assert not thread.is_alive()
    assert not kill_statement(number[0], running_seconds=0)
