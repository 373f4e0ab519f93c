"""It is logged what administrators change."""

import logging

import pytest

from scans.models import Station


@pytest.fixture
def said(caplog):
    caplog.set_level(logging.INFO)
    return lambda name: [
        (record.getMessage(), record.fields) for record in caplog.records if record.name == name
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
