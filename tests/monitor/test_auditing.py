"""It is logged who signs in, from where, and what administrators change."""

import logging

import pytest
from django.test import Client

from scans.models import Station

PASSWORD = "correct-horse-1"


@pytest.fixture
def said(caplog):
    caplog.set_level(logging.INFO)
    return lambda name: [
        (record.getMessage(), record.fields) for record in caplog.records if record.name == name
    ]


@pytest.fixture
def operator(person):
    user = person("operator")
    user.set_password(PASSWORD)
    user.save()
    return user


def sign_in(username, password):
    client = Client()
    client.post("/accounts/login/", {"username": username, "password": password})
    return client


def test_a_sign_in_and_its_end_are_logged_with_the_address(operator, said):
    client = sign_in("operator", PASSWORD)
    client.post("/accounts/logout/")
    fields = {"user": operator.pk, "address": "127.0.0.1"}
    assert said("quality.signins") == [
        ("operator signed in", fields),
        ("operator signed out", fields),
    ]


def test_a_failure_names_a_login_but_never_what_else_was_typed(operator, said, caplog):
    sign_in("operator", "wrong-secret")
    # The password in the wrong field.
    sign_in(PASSWORD, "operator")
    assert said("quality.signins") == [
        ("operator failed to sign in", {"address": "127.0.0.1"}),
        ("somebody unknown failed to sign in", {"address": "127.0.0.1"}),
    ]
    assert PASSWORD not in caplog.text
    assert "wrong-secret" not in caplog.text


def test_a_name_is_logged_as_it_is_stored_however_it_was_typed(operator, said):
    """The database takes some characters for nothing, also those that a terminal obeys."""
    sign_in("OPER\x1bator\x07", "wrong-secret")
    assert said("quality.signins") == [
        ("operator failed to sign in", {"address": "127.0.0.1"}),
    ]


def test_what_an_administrator_changes_is_logged_by_field_without_values(
    client_of, person, master_data, said
):
    client = client_of("admin")
    station = Station.objects.order_by("code").first()
    assert station is not None
    address = f"/admin/scans/station/{station.pk}/change/"
    form = client.get(address).context["adminform"].form
    data = {name: value for name, value in form.initial.items() if value is not None}
    name = next(field for field in ("name", "description") if field in form.fields)
    response = client.post(address, data | {name: "a secret hall"})
    assert response.status_code == 302, response.content
    [(message, fields)] = said("quality.settings")
    assert message == f"admin changed scans.station: {Station.objects.get(pk=station.pk)}"
    assert fields["user"] == person("admin").pk
    assert str(fields["object"]) == str(station.pk)
    assert '"changed"' in fields["details"]
    assert "secret" not in fields["details"]
