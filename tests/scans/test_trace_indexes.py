"""A trace reads what it shows, also among many scans."""

import pytest

from scans.models import Scan
from scans.reporting import parts
from scans.reporting.timeline import timeline_of
from scans.reporting.trace import trace
from tests.scans.test_indexes import MIDDLE, SCANS, keys, many, rows_read

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


def test_the_orders_are_read_by_jumping_from_one_to_the_next(db):
    # Three entries for each, not its hundred.
    orders = SCANS // 100 + 1
    assert rows_read(lambda: parts._rows_of(parts._ORDERS, [])) < 5 * orders


@pytest.mark.parametrize(
    ("part", "most"),
    [
        # Its hundred, sorted.
        ("CP70000050-", 500),
        ("70000050", 500),
        # The orders, and one order's pieces.
        ("00050-0007", 1_500),
        # The orders, and a piece of each.
        ("0007", 1_500),
        ("-0007", 1_500),
    ],
)
def test_a_part_that_is_rare_reads_a_part_of_the_index(db, monkeypatch, part, most):
    monkeypatch.setattr(parts, "FIRST_STEPS", 0)

    def look() -> None:
        assert parts.scans_with(part, "CP10045821-0007").ids

    assert rows_read(look) < most < SCANS


def test_a_part_that_is_common_reads_no_more_than_the_newest(db):
    def look() -> None:
        assert parts.scans_with("7000", "CP10045821-0007").has_more

    assert rows_read(look) < 3 * parts.MOST
