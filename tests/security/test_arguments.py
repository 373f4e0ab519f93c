"""No address breaks on what stands in it."""

from urllib.parse import quote

import pytest

from tests.addresses import ADDRESSES, fill

HOSTILE = (
    *("\0", "a\r\nb", "'\"><script>alert(1)</script>", "' OR 1=1 --", "%", "🏭" * 40, "\u202e"),
    *("9" * 30, "-1", "NaN", "1e400", "../../etc/passwd", "x" * 2_000, "٣", "{{7*7}}"),
)
NAMES = (
    *("station", "cp_base", "device", "since", "until", "date", "shift", "page", "hours", "next"),
    *("code", "format", "app_label", "model_name", "field_name", "term", "_to_field", "_popup"),
)
# Each of Django's ends the look at the others.
NAMES_ALONE = ("q", "p", "o", "e", "id__exact", "active__exact", "pk__in", "station__code__exact")


@pytest.mark.usefixtures("master_data")
@pytest.mark.parametrize("address", ADDRESSES)
def test_no_argument_breaks_an_address(client_of, address):
    client, filled = client_of("superuser"), fill(address)
    # The admin's pages are all made by the same code: one model sees everything.
    is_alike = address.startswith("/admin/") and not address.startswith("/admin/scans/station/")
    for value in HOSTILE[:3] if is_alike else HOSTILE:
        answers = [client.get(filled, dict.fromkeys(NAMES, value))]
        if address == "/admin/scans/station/":
            answers += [client.get(filled, {name: value}) for name in NAMES_ALONE]
        if "<path:object_id>" in address:
            answers.append(client.get(fill(address.replace("<path:object_id>", quote(value)))))
        for response in answers:
            assert response.status_code < 500, (response.request["QUERY_STRING"], value)
