"""Scans of the old system come over once, from a file or a table, and what is none says why."""

import csv
import io
import os
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError, connection

from quality.devdb.mariadb import PrivateMariaDB
from scans.models import Defect, LegacyImport, Scan
from scans.reporting import rollups
from tests.serving import Database, Site

HEADINGS = [
    "id", "operator_code", "cp_full_code", "oc1", "oc2", "quality_code", "date", "time",
    "approved_quantity", "rejected_quantity",
]  # fmt: skip
GOOD = ["1", "OP0001", "CP10045821-0001", "OC01", "OC11", "0", "2024-05-06", "07:08:09", "1", "0"]


def row(**changes: str) -> list[str]:
    values = dict(zip(HEADINGS, GOOD, strict=True)) | changes
    return [values[name] for name in HEADINGS]


@pytest.fixture
def run(master_data, person, tmp_path, monkeypatch):
    """Imports rows from a file; returns what was said."""
    person("admin")
    monkeypatch.chdir(tmp_path)

    def make(*rows: list[str], headings: list[str] = HEADINGS, **options: Any) -> str:
        path = tmp_path / "scanfg_orders.csv"
        with path.open("w", newline="") as file:
            csv.writer(file, delimiter=options.pop("delimiter", ",")).writerows([headings, *rows])
        said = io.StringIO()
        options = {"csv": path, "user": "admin", "commit": True, "stdout": said} | options
        given = {name: value for name, value in options.items() if value is not None}
        call_command("importlegacy", **given)
        return said.getvalue()

    return make


def rejects(folder: Path) -> list[tuple[str, str]]:
    """The line and the reason of each."""
    text = (folder / "scanfg_orders-rejects.csv").read_text(encoding="utf-8-sig")
    return [(found["line"], found["reason"]) for found in csv.DictReader(io.StringIO(text))]


def test_a_row_becomes_a_scan(run, person):
    began = datetime.now(UTC)
    said = run(row(quality_code="7", approved_quantity="0", rejected_quantity="1"), station="FG-03")
    scan = Scan.objects.get()
    assert scan.cp == "CP10045821-0001"
    assert scan.cp_base == "CP10045821"
    assert (scan.operator, scan.oc1, scan.oc2, scan.defect_id) == ("OP0001", "OC01", "OC11", "007")
    assert scan.station_id == "FG-03"
    assert scan.scanned_at == datetime(2024, 5, 6, 4, 8, 9, tzinfo=UTC)
    assert scan.scanned_offset_minutes == 180
    assert scan.raw == {"defect": "7"}
    assert scan.recorded_by == person("admin")
    assert scan.received_at >= began
    assert (scan.device, scan.sequence, scan.clock_skew_seconds) == (None, None, None)
    assert scan.reinspection_of is None
    record = LegacyImport.objects.get()
    assert (record.source, record.read, record.stored) == ("scanfg_orders", 1, 1)
    assert record.finished_at is not None
    assert "Nothing was stored" not in said


def test_without_commit_it_only_says_what_would_be(run, tmp_path):
    said = run(row(), row(id="2", quality_code="999"), commit=False)
    assert "to be stored               1" in said
    assert "rejected                   1" in said
    assert "1 × No defect has the code 999." in said
    assert "add --commit" in said
    assert not Scan.objects.exists()
    assert not LegacyImport.objects.exists()
    assert rejects(tmp_path) == [("3", "No defect has the code 999.")]


@pytest.mark.parametrize("has_id", [True, False])
def test_a_second_run_stores_nothing_twice_and_goes_on(run, has_id):
    start = 0 if has_id else 1
    rows = [row(id=str(number), cp_full_code=f"CP10045821-{number:04}") for number in range(1, 6)]
    rows = [one[start:] for one in rows]
    headings = HEADINGS[start:]
    run(*rows[:3], headings=headings)
    said = run(*rows, headings=headings)
    assert "stored                     2" in said
    assert "there before               3" in said
    assert Scan.objects.count() == 5
    assert "there before               5" in run(*rows[::-1], headings=headings)
    assert Scan.objects.count() == 5
    # Another table may have the same ids.
    run(*rows, headings=headings, source="scan1_orders")
    assert Scan.objects.count() == 10


def test_rows_that_are_alike_are_told_apart_by_how_many_there_are(run):
    alike = row()[1:]
    run(alike, alike, headings=HEADINGS[1:])
    assert Scan.objects.count() == 2
    run(alike, alike, alike, headings=HEADINGS[1:])
    assert Scan.objects.count() == 3


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"cp_full_code": "CP1004582-0001"}, "cp: 'CP1004582-0001' does not look like"),
        ({"cp_full_code": "x" * 65}, "cp: too long for a code, 65 characters."),
        ({"operator_code": ""}, "operator: '' does not look like OP0001."),
        ({"oc2": "11"}, "oc2: '11' does not look like OC11."),
        ({"quality_code": "999"}, "No defect has the code 999."),
        ({"quality_code": "good"}, "defect: 'good' is no code such as 000."),
        ({"date": "2024-13-01"}, "date: '2024-13-01' is not understood."),
        ({"date": "1970-01-01"}, "date: no scan is of the year 1970."),
        ({"date": "2098-01-01"}, "2098-01-01 07:08:09 lies in the future."),
        ({"time": "25:00"}, "time: '25:00' is not understood."),
        ({"time": ""}, "time: '' is not understood."),
        ({"approved_quantity": "2"}, "2 approved and 0 rejected: a scan is of one piece."),
        ({"approved_quantity": "0"}, "0 approved and 0 rejected: a scan is of one piece."),
        ({"rejected_quantity": "1"}, "1 approved and 1 rejected: a scan is of one piece."),
        ({"approved_quantity": "many"}, "approved: 'many' is no quantity."),
        ({"quality_code": "1"}, "The piece counts as approved, but its code is 001."),
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_scan_says_why(run, tmp_path, changes, reason):
    run(row(), row(id="2", **changes))
    assert Scan.objects.count() == 1
    [(line, why)] = rejects(tmp_path)
    assert line == "3"
    assert why.startswith(reason)
    assert LegacyImport.objects.get().rejected == 1


@pytest.mark.parametrize(
    ("changes", "expected", "raw"),
    [
        ({"cp_full_code": "cp10045821'0001"}, "CP10045821-0001", {"cp": "cp10045821'0001"}),
        ({"operator_code": " op0001 "}, "OP0001", {"operator": "op0001"}),
    ],
)
def test_codes_are_repaired_and_kept_as_they_were(run, changes, expected, raw):
    run(row(quality_code="000", **changes))
    scan = Scan.objects.get()
    assert expected in (scan.cp, scan.operator)
    assert scan.raw == raw


@pytest.mark.parametrize(
    ("day", "clock", "expected"),
    [
        ("06.05.2024", "7:08", datetime(2024, 5, 6, 4, 8, tzinfo=UTC)),
        ("06/05/2024", "07:08:09.250", datetime(2024, 5, 6, 4, 8, 9, 250_000, tzinfo=UTC)),
        ("2024-01-06 00:00:00", "07:08:09", datetime(2024, 1, 6, 5, 8, 9, tzinfo=UTC)),
        # Twice, and never.
        ("2024-10-27", "03:30:00", datetime(2024, 10, 27, 0, 30, tzinfo=UTC)),
        ("2024-03-31", "03:30:00", datetime(2024, 3, 31, 1, 30, tzinfo=UTC)),
    ],
)
def test_moments_are_those_of_the_old_clock(run, day, clock, expected):
    said = run(row(date=day, time=clock))
    scan = Scan.objects.get()
    assert scan.scanned_at == expected
    assert scan.scanned_offset_minutes == (120 if day == "2024-01-06 00:00:00" else 180)
    assert ("that there was twice" in said) is (day == "2024-10-27")
    assert ("that never was" in said) is (day == "2024-03-31")


def test_its_zone_may_be_another(run):
    run(row(), time_zone="UTC")
    assert Scan.objects.get().scanned_at == datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


def test_an_id_that_is_there_twice_is_told(run, tmp_path):
    run(row(), row(cp_full_code="CP10045821-0002"))
    assert Scan.objects.count() == 1
    assert rejects(tmp_path) == [("3", "The id '1' was there before.")]


def test_rejected_rows_calculate_nothing(run, tmp_path):
    run(row(operator_code="=1+1"))
    text = (tmp_path / "scanfg_orders-rejects.csv").read_text(encoding="utf-8-sig")
    assert "'=1+1" in text
    assert text.startswith("line,id,operator_code")


def test_defects_may_be_added(run):
    run(row(quality_code="88", approved_quantity="0", rejected_quantity="1"), add_defects=True)
    defect = Defect.objects.get(code="088")
    assert not defect.active
    assert Scan.objects.get().defect == defect


def test_columns_are_found_by_their_names_or_named(run):
    headings = ["Op Code", "CP_CODE", "OC1", "OC2", "calitate", "Date", "Time"]
    cells = ["OP0001", "CP10045821-0001", "OC01", "OC11", "000", "2024-05-06", "07:08:09"]
    with pytest.raises(CommandError, match="Which column is defect"):
        run(cells, headings=headings)
    with pytest.raises(CommandError, match="there is no such column"):
        run(cells, headings=headings, map=["defect=quality"])
    with pytest.raises(CommandError, match="there is no field"):
        run(cells, headings=headings, map=["colour=quality"])
    with pytest.raises(CommandError, match="FIELD=COLUMN"):
        run(cells, headings=headings, map=["defect"])
    run(cells, headings=headings, map=["defect=Calitate"], delimiter=";")
    assert Scan.objects.count() == 1


def test_what_makes_no_sense_is_refused(run, tmp_path):
    for options, message in [
        ({"user": "nobody"}, "--user"),
        ({"station": "FG-99"}, "--station"),
        ({"time_zone": "Moon/Far"}, "--time-zone"),
        ({"csv": tmp_path / "none.csv"}, "No such file"),
        ({"encoding": "utf-99"}, "unknown encoding"),
        ({"csv": None, "table": "a`b"}, "is no name of a table"),
        ({"csv": None, "table": "nothing_here"}, "doesn't exist"),
        ({"csv": None, "table": "x", "database_url": "postgres://x/y"}, "must look like"),
        ({"csv": None, "table": "x", "database_url": "mysql://u:p@h:99999/y"}, "must look like"),
        ({"csv": None, "table": "x", "database_url": "mysql://u:p@[::1/y"}, "must look like"),
    ]:
        with pytest.raises(CommandError, match=message):
            run(row(), **options)


@pytest.mark.parametrize("name", ["scanfg_orders.csv", "link.csv"])
def test_rejected_rows_never_go_where_the_rows_come_from(run, tmp_path, name):
    (tmp_path / "link.csv").symlink_to("scanfg_orders.csv")
    with pytest.raises(CommandError, match="it is the file that is read"):
        run(row(time=""), rejects=tmp_path / name)
    assert (tmp_path / "scanfg_orders.csv").read_text().startswith("id,")


def test_a_row_with_more_than_its_columns_is_no_scan(run, tmp_path):
    headings = [*HEADINGS, "note"]
    run([*row(), "dent, left", "", ""], [*row(id="2"), "dent", " left"], headings=headings)
    assert Scan.objects.get().note == "dent, left"
    [(line, why)] = rejects(tmp_path)
    assert (line, why) == ("3", "The row is longer than the names of the columns.")


def test_without_the_database_it_says_what_to_do(run, monkeypatch):
    def away(_scans: Any) -> None:
        raise OperationalError(2002, "Can't connect to local server")

    monkeypatch.setattr("scans.bulk.insert", away)
    with pytest.raises(CommandError, match=r"run it again\. \(Can't connect"):
        run(row())


def test_a_file_in_another_encoding_says_so(run, tmp_path):
    path = tmp_path / "old.csv"
    path.write_bytes(",".join([*HEADINGS, "note"]).encode() + b"\n" + b"\xe3" * 40 + b"\n")
    with pytest.raises(CommandError, match="--encoding"):
        run(row(), csv=path)


def test_roll_ups_hold_what_came(run):
    run(*(row(id=str(number)) for number in range(1, 4)))
    rollups.rebuild()
    assert rollups.differences() == []


@pytest.fixture
def old_table(transactional_db):
    """As the old system had it: an integer for the defect, DATE and TIME apart."""
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS scan1_orders")
        cursor.execute(
            "CREATE TABLE scan1_orders (order_id INT PRIMARY KEY AUTO_INCREMENT, "
            "operator_code VARCHAR(20), cp_full_code VARCHAR(40), oc1 VARCHAR(10), "
            "oc2 VARCHAR(10), quality_code INT, date DATE, time TIME, "
            "approved_quantity DECIMAL(8,2), rejected_quantity DECIMAL(8,2))"
        )
        cursor.execute(
            "INSERT INTO scan1_orders SELECT NULL, 'OP0001', CONCAT('CP10045821-', "
            "LPAD(seq, 4, '0')), 'OC01', 'OC11', IF(MOD(seq, 50), 0, 7), '2024-05-06', "
            "SEC_TO_TIME(seq * 10), IF(MOD(seq, 50), 1, 0), IF(MOD(seq, 50), 0, 1) "
            "FROM seq_1_to_5000"
        )
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE scan1_orders")


def test_a_table_is_read_as_a_file_is(old_table, run):
    said = run(csv=None, table="scan1_orders")
    assert "stored                 5,000" in said
    assert Scan.objects.filter(defect="007").count() == 100
    scan = Scan.objects.get(cp="CP10045821-0030")
    assert scan.scanned_at == datetime(2024, 5, 5, 21, 5, tzinfo=UTC)
    said = run(csv=None, table="scan1_orders")
    assert "there before           5,000" in said


@pytest.fixture
def site(mariadb_home, tmp_path_factory) -> Site:
    """Of which only the database is used, by commands that can be killed."""
    database = Database(PrivateMariaDB(mariadb_home), "quality_import")
    site = Site(database, tmp_path_factory.mktemp("site"))
    site.prepare()
    return site


def test_one_that_was_killed_is_run_again_quickly(site, tmp_path):
    path = tmp_path / "scanfg_orders.csv"
    first = datetime(2024, 1, 1, tzinfo=UTC)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADINGS)
        for number in range(60_000):
            at = first + timedelta(minutes=2 * number)
            cp = f"CP{30000000 + number // 1000}-{number % 1000:04}"
            changes = {"date": f"{at:%Y-%m-%d}", "time": f"{at:%H:%M:%S}", "cp_full_code": cp}
            writer.writerow(row(id=str(number), **changes))
    arguments = ("importlegacy", f"--csv={path}", "--user=admin", "--commit")
    command = subprocess.Popen(
        site.command(*arguments), env=site.env, cwd=tmp_path, stdout=subprocess.DEVNULL
    )
    while not site.database.run("SELECT 1 FROM scans_scan LIMIT 1 OFFSET 5000"):
        assert command.poll() is None
        time.sleep(0.05)
    os.kill(command.pid, signal.SIGKILL)
    command.wait()
    [(there,)] = site.database.run("SELECT COUNT(*) FROM scans_scan")
    [(stored, finished)] = site.database.run("SELECT stored, finished_at FROM scans_legacyimport")
    assert (stored, finished) == (there, None)
    assert 5000 < there < 60_000

    began = time.monotonic()
    done = subprocess.run(
        site.command(*arguments), env=site.env, cwd=tmp_path, capture_output=True, text=True
    )
    seconds = time.monotonic() - began
    assert f"there before    {there:>12,}" in done.stdout, done.stderr
    assert f"stored          {60_000 - there:>12,}" in done.stdout
    assert site.database.run("SELECT COUNT(*), COUNT(DISTINCT cp) FROM scans_scan") == [
        (60_000, 60_000)
    ]
    # On two idle processors 10,000.
    assert 60_000 / seconds > 2000
