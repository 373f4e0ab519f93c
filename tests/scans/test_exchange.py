"""Master data comes in from tables, all or nothing, and goes out as tables that are harmless."""

import io
import re
import zipfile
from typing import Any

import openpyxl
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from scans.models import Defect, Operator, Settings, Station
from scans.tables import MAX_BYTES, MAX_ROWS, Unreadable, Xlsx, as_meant, harmless

pytestmark = pytest.mark.usefixtures("master_data")
CSV, XLSX = "0", "1"


@pytest.fixture
def admin(client_of):
    return client_of("admin")


def send(admin, content: bytes | str, *, page="operator", kind=CSV) -> Any:
    data = content.encode() if isinstance(content, str) else content
    file = SimpleUploadedFile("list.csv", data)
    form = {"import_file": file, "format": kind, "resource": ""}
    return admin.post(f"/admin/scans/{page}/import/", form)


def confirm(admin, tried, *, page="operator", reason="the list of May", **changes) -> Any:
    form = tried.context["confirm_form"].initial | {"reason": reason} | changes
    return admin.post(f"/admin/scans/{page}/process_import/", form)


def refusal(response) -> str:
    assert response.status_code == 200
    assert "confirm_form" not in response.context
    form, result = response.context["form"], response.context.get("result")
    told = [str(form.errors)]
    if result is not None:
        told += [str(error.error) for error in result.base_errors]
        told += [str(error.error) for _row, errors in result.row_errors() for error in errors]
        told += [str(row.error) for row in result.invalid_rows]
    return " ".join(told)


def workbook(rows: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def test_a_list_is_tried_shown_and_then_taken(admin):
    tried = send(
        admin, "badge,name,active\nOP0001,Ana Ionescu,1\nOP0500,Radu,1\nOP0002,Ion Munteanu,1"
    )
    assert not Operator.objects.filter(badge="OP0500").exists()
    page = tried.content.decode()
    assert "<del>Ana Popescu</del> → <ins>Ana Ionescu</ins>" in page
    assert confirm(admin, tried).status_code == 302
    ana, radu = Operator.objects.get(badge="OP0001"), Operator.objects.get(badge="OP0500")
    assert (ana.name, radu.name, radu.active) == ("Ana Ionescu", "Radu", True)
    assert ana.history.first().history_change_reason == "the list of May"
    assert ana.history.first().history_user.username == "admin"
    # What is as it was has no history.
    assert Operator.objects.get(badge="OP0002").history.count() == 1


def test_nothing_is_taken_without_a_reason(admin):
    tried = send(admin, "badge,name\nOP0001,Ana Ionescu")
    answer = confirm(admin, tried, reason="")
    assert "reason" in answer.context["confirm_form"].errors
    assert Operator.objects.get(badge="OP0001").name == "Ana Popescu"


@pytest.mark.parametrize("kind", [CSV, XLSX])
def test_what_goes_out_comes_in_again_as_it_was(admin, kind):
    Station.objects.filter(code="FG-01").update(name="=cmd|' /C calc'!A0", active=False)
    out = admin.post("/admin/scans/station/export/", {"format": kind, "resource": "0"})
    assert out.status_code == 200
    result = send(admin, out.content, page="station", kind=kind).context["result"]
    assert result.totals["skip"] == 4
    assert result.totals["update"] == result.totals["new"] == 0


def test_no_program_takes_a_cell_for_a_formula(admin):
    signs = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", "\n=1", " =1", "＝1", "＠A1"]
    for number, text in enumerate(signs):
        Operator.objects.create(badge=f"OP8{number:02}", name=text)
        assert harmless(text)[0] == "'"
        assert as_meant(harmless(text)) == text
    out = admin.post("/admin/scans/operator/export/", {"format": CSV, "resource": "0"})
    cells = [
        cell for row in out.content.decode("utf-8-sig").split("\r\n") for cell in row.split(",")
    ]
    assert not [cell for cell in cells if cell.strip('"').startswith(("=", "+", "-", "@", "\t"))]
    book = admin.post("/admin/scans/operator/export/", {"format": XLSX, "resource": "0"})
    sheet = openpyxl.load_workbook(io.BytesIO(book.content)).active
    assert {cell.data_type for row in sheet.iter_rows() for cell in row} == {"s"}


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("badge,name\nOP0500,Radu\nOP5,Bad", "OP5"),
        ("badge,name\nOP0500,Radu\nOP0500,Radu", "Line 3: OP0500 is there twice."),
        ("badge,nume\nOP0500,Radu", "nume"),
        ("name\nRadu", "badge"),
        ("badge,name\nOP0500,Radu\nOP0501,Ilie,1,2", "Line 3"),
        (b"badge,name\nOP0500,Radu" + b"\nOP0501,\xde\xe2", "Line 3"),
        (b"badge,name\nOP0500,\x00", "Line 2"),
        ('badge,name\nOP0500,"Radu\nx', "Line 3"),
        ("badge,name\n", "no row"),
        ("", "empty"),
        ("badge,name\nOP0500," + "x" * 101, "100"),
        ("badge,active\nOP0001,perhaps", "perhaps"),
        ("badge,name\n" + "\n".join(f"OP{n},x" for n in range(MAX_ROWS + 1)), str(MAX_ROWS)),
        ("badge,name\n" + "x" * MAX_BYTES, str(MAX_BYTES)),
        ("badge," + ",".join("abcdefghij" * 6) + "\nx", "columns"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_taken(admin, content, told):
    admin.cookies["django_language"] = "en"
    before = list(Operator.objects.values())
    assert told in refusal(send(admin, content))
    assert list(Operator.objects.values()) == before


def test_what_is_wrong_is_shown_in_words_and_with_the_line_of_the_spreadsheet(admin):
    admin.cookies["django_language"] = "en"
    twice = send(admin, "badge,name\n\nOP0500,Radu\n\nOP0500,Radu").content.decode()
    assert "Line 5: OP0500 is there twice." in twice
    assert "Traceback" not in twice
    wrong = send(admin, "badge,name\n\nOP0500,Radu\n\nOP5,Bad").content.decode()
    assert re.search(r'data-label="Line"[^>]*>\s*5\s*<', wrong)


def test_a_profile_that_is_not_there_is_named(admin):
    admin.cookies["django_language"] = "en"
    tried = send(admin, "code,name,profile\nFG-77,Line,nowhere", page="station")
    assert "There is no “nowhere”." in tried.content.decode()


def test_a_semicolon_divides_as_in_a_romanian_excel(admin):
    tried = send(admin, "\ufeffbadge;name;active\r\nOP0500;Șerban, Élise;1\r\n\r\n")
    assert confirm(admin, tried).status_code == 302
    assert Operator.objects.get(badge="OP0500").name == "Șerban, Élise"


def test_approved_is_not_deactivated_by_a_list_either(admin):
    admin.cookies["django_language"] = "en"
    assert "000" in refusal(send(admin, "code,active\n000,0", page="defect"))
    assert Defect.objects.get(code="000").active


def test_a_workbook_is_taken(admin):
    rows = [["badge", "name", "active", None], ["OP0500", "Radu", True], [], ["OP0501", 7, 0]]
    tried = send(admin, workbook(rows), kind=XLSX)
    assert confirm(admin, tried).status_code == 302
    found = Operator.objects.filter(badge__startswith="OP05").values_list("name", "active")
    assert list(found) == [("Radu", True), ("7", False)]


def test_a_workbook_that_is_a_bomb_is_not_unpacked(admin):
    admin.cookies["django_language"] = "en"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 6_000_000)
    assert len(file.getvalue()) < MAX_BYTES
    assert "too large" in refusal(send(admin, file.getvalue(), kind=XLSX))
    many = io.BytesIO()
    with zipfile.ZipFile(many, "w") as archive:
        for number in range(200):
            archive.writestr(f"{number}", b"")
    assert "too large" in refusal(send(admin, many.getvalue(), kind=XLSX))


def with_texts(texts: str, rows: str) -> bytes:
    """A workbook that keeps its texts apart, as Excel does, and names them in cells."""
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"
    told = f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}"/></Types>'
    made = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(workbook([["badge"]]))) as source,
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for part in source.namelist():
            data = source.read(part).decode()
            if part == "[Content_Types].xml" and kind not in data:
                data = data.replace("</Types>", told)
            elif part == "xl/worksheets/sheet1.xml":
                data = f'<worksheet xmlns="{space}"><sheetData>{rows}</sheetData></worksheet>'
            if part != "xl/sharedStrings.xml":
                target.writestr(part, data)
        target.writestr("xl/sharedStrings.xml", texts.replace("<sst>", f'<sst xmlns="{space}">'))
    return made.getvalue()


def texts_of(count: int) -> str:
    return "<row>" + "".join(f'<c t="s"><v>{number}</v></c>' for number in range(count)) + "</row>"


def test_a_long_text_that_is_named_in_each_cell_is_refused(admin):
    """Kept once, it makes no file large; but each row would be shown with it."""
    admin.cookies["django_language"] = "en"
    kept = "".join(f"<si><t>{text}</t></si>" for text in ("badge", "name", "x" * 1_000_000))
    row = '<row><c t="inlineStr"><is><t>OP0500</t></is></c><c t="s"><v>2</v></c></row>'
    content = with_texts(f"<sst>{kept}</sst>", texts_of(2) + row * 1000)
    assert len(content) < 100_000
    assert "Line 2" in refusal(send(admin, content, kind=XLSX))


def test_the_longest_table_is_taken():
    texts = [f"{'a name that is as long as any is':90}{number}" for number in range(MAX_ROWS)]
    rows = [["code", "name_en", "name_ro", "note_required", "active"]]
    rows += [[str(number), text, f"r{text}", True, 1] for number, text in enumerate(texts)]
    assert len(Xlsx().create_dataset(workbook(rows))) == MAX_ROWS


def test_a_cell_in_the_last_row_of_all_costs_nothing():
    book = openpyxl.Workbook()
    book.active["A1"], book.active["XFD1048576"] = "badge", "x"
    file = io.BytesIO()
    book.save(file)
    with pytest.raises(Unreadable):
        Xlsx().create_dataset(file.getvalue())


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"badge,name\n", b"PK" + b"\0" * 500])
def test_what_is_no_workbook_is_said_to_be_none(admin, content):
    answer = send(admin, content, kind=XLSX)
    assert "confirm_form" not in answer.context


def test_a_workbook_whose_xml_grows_is_refused(admin):
    """Each entity is ten of the one before: a billion in the end."""
    admin.cookies["django_language"] = "en"
    bomb = "<!DOCTYPE x [<!ENTITY a0 'x'>" + "".join(
        f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10)
    )
    cells = "".join(f'<c t="inlineStr"><is><t>{text}</t></is></c>' for text in ("OP0500", "Radu"))
    rows = f"{texts_of(2)}<row>{cells}</row>"
    harmless_one = with_texts("<sst><si><t>badge</t></si><si><t>name</t></si></sst>", rows)
    assert "confirm_form" in send(admin, harmless_one, kind=XLSX).context
    grown = f"<?xml version='1.0'?>{bomb}]><sst><si><t>&a9;</t></si></sst>"
    assert "no XLSX" in refusal(send(admin, with_texts(grown, rows), kind=XLSX))


@pytest.mark.parametrize(
    "changes",
    [
        {"import_file_name": "/etc/passwd"},
        {"import_file_name": "x"},
        {"format": "7"},
        {"format": "x"},
    ],
)
def test_only_the_file_that_was_tried_is_taken(admin, changes):
    tried = send(admin, "badge,name\nOP0500,Radu")
    answer = confirm(admin, tried, **changes)
    assert answer.context["confirm_form"].errors
    assert not Operator.objects.filter(badge="OP0500").exists()


def test_a_file_is_taken_once(admin):
    tried = send(admin, "badge,name\nOP0500,Radu")
    confirm(admin, tried)
    again = confirm(admin, tried)
    assert again["Location"] == "/admin/scans/operator/import/"


def test_what_has_changed_since_it_was_tried_is_tried_again(admin):
    tried = send(admin, "badge,name\nOP0500,Radu\nOP07,Ilie")
    Settings.objects.update(operator_pattern=r"OP\d{4}")
    assert confirm(admin, tried)["Location"] == "/admin/scans/operator/import/"
    assert not Operator.objects.filter(badge="OP0500").exists()


@pytest.mark.parametrize("page", ["operator", "station", "defect"])
def test_who_may_only_look_takes_out_and_not_in(client_of, person, page):
    auditor = person("auditor")
    auditor.is_staff = True
    auditor.save()
    client = client_of("auditor")
    assert client.get(f"/admin/scans/{page}/import/").status_code == 403
    assert client.post(f"/admin/scans/{page}/process_import/").status_code == 403
    assert client.get(f"/admin/scans/{page}/export/").status_code == 403
