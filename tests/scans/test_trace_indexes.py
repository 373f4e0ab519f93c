"""A trace reads what it shows, also among many scans."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from scans.barcode import STANDARD
from scans.models import RollUp, Scan
from scans.reporting import parts, rollups
from scans.reporting.timeline import timeline_of
from scans.reporting.trace import trace
from tests.scans.test_indexes import MIDDLE, SCANS, keys, many, rows_read

OF_A_CP = STANDARD.examples["cp"], STANDARD.patterns["cp"]
__all__ = ["many"]  # The fixture that fills the table.


@pytest.fixture
def scan(db) -> Scan:
    return Scan.objects.valid().filter(scanned_at__lt=MIDDLE).latest("pk")


def test_a_piece_is_found_by_its_cp(scan):
    def look() -> None:
        assert trace(scan.cp).timeline is not None

    look()  # The first reads the floor.
    assert rows_read(look) < 200
    assert "scan_cp" in keys(lambda: timeline_of(scan.cp))["scans"]


def test_an_order_reads_the_index_of_orders(scan):
    def look() -> None:
        [match] = trace(scan.cp_base).matches
        assert match.pieces > 90

    look()
    # Its 100 pieces, for progress, newest scans and days; of each whether it was voided.
    assert rows_read(look) < 2_000 < SCANS
    assert "scan_order" in keys(look)["scans"]


@pytest.mark.parametrize(
    ("column", "code", "index"),
    [
        ("operator", "OP0001", "scan_operator_time"),
        ("station_id", "FG-01", "scan_station_time"),
        ("defect_id", "000", "scan_defect_time"),
    ],
)
def test_the_newest_of_a_code_are_read_backwards_in_its_index(db, column, code, index):
    def look() -> None:
        found = parts.newest_where(column, code, index)
        assert len(found.ids) == parts.MOST
        assert found.has_more

    assert keys(look)["scans"] == {index}
    assert rows_read(look) <= parts.MOST + 5


@pytest.fixture
def _counted(db):
    rollups.refresh()


def test_the_orders_are_read_by_jumping_from_one_to_the_next(db):
    # Three entries for each, not its hundred.
    orders = SCANS // 100 + 1
    assert rows_read(lambda: parts._rows_of(parts._ORDERS, [])) < 5 * orders


def test_the_orders_are_those_of_the_roll_ups_as_soon_as_these_are_counted(db):
    uncounted = parts._orders()
    assert len(uncounted) == SCANS // 100 + 1
    rollups.refresh()
    with CaptureQueriesContext(connection) as captured:
        assert sorted(parts._orders()) == sorted(uncounted)
    assert captured[-1]["sql"] == parts._COUNTED_ORDERS
    # All of their index, when the server thinks that jumping does not pay.
    assert rows_read(parts._orders) < RollUp.objects.count() + 100 < SCANS / 2


@pytest.mark.usefixtures("_counted")
@pytest.mark.parametrize(
    ("part", "most"),
    [
        # Its hundred, sorted.
        ("CP70000050-", 500),
        ("70000050", 500),
        # The orders' roll-ups, and one order's pieces.
        ("00050-0007", 6_000),
        # The orders' roll-ups, and a piece of each.
        ("0007", 6_000),
        ("-0007", 6_000),
    ],
)
def test_a_part_that_is_rare_reads_a_part_of_the_index(db, monkeypatch, part, most):
    monkeypatch.setattr(parts, "FIRST_STEPS", 0)

    def look() -> None:
        assert parts.scans_with(part, *OF_A_CP).ids

    assert rows_read(look) < most < SCANS


def test_a_part_that_is_common_reads_no_more_than_the_newest(db):
    def look() -> None:
        assert parts.scans_with("7000", *OF_A_CP).has_more

    assert rows_read(look) < 3 * parts.MOST
