"""The documentation names what there is, and nothing else."""

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("quality", "scans", "accounts", "docker", "tests")
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *(document for room in ROOMS for document in sorted((ROOT / room).rglob("*.md"))),
]
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
SCANS = (ROOT / "scans" / "README.md").read_text()
PRODUCTION = (ROOT / "docker" / "README.md").read_text()
CODE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def settings() -> set[str]:
    """What stands in the first column of the table of settings."""
    (table,) = re.findall(r"^## Settings$(.*?)(?=^## |\Z)", PRODUCTION, re.MULTILINE | re.DOTALL)
    first_cells = re.findall(r"^\| (`[^|]+) \|", table, re.MULTILINE)
    return {name for cell in first_cells for name in re.findall(r"`(\w+)`", cell)}


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def commands() -> set[str]:
    found = (
        path
        for room in ("quality", "scans", "accounts")
        for path in (ROOT / room).glob("**/management/commands/*.py")
    )
    return {path.stem for path in found if path.stem != "__init__"}


def variables() -> set[str]:
    """The environment variables that the code reads for its users."""
    environment = (ROOT / "quality" / "environment.py").read_text()
    readers = re.findall(r"^def (\w+)\(name: str", environment, re.MULTILINE)
    calls = rf"(?:env(?:\.\w+)?\(|environ(?:\.get\(|\[)|getenv\(|\b(?:{'|'.join(readers)})\()"
    reads = re.compile(rf"""{calls}\s*f?"([A-Z_]+)\"""")
    found = set()
    for room in ("quality", "scans", "accounts", "docker"):
        for path in (ROOT / room).rglob("*.py"):
            found |= set(reads.findall(path.read_text()))
            secrets = re.findall(r'\bsecret\("([A-Z_]+)"', path.read_text())
            found |= {f"{name}_FILE" for name in secrets}
    # What every system knows is not ours to explain; nor what gunicorn tells its own workers.
    return found - {"PATH", "HOME", "CC", "DJANGO_SETTINGS_MODULE", "PROMETHEUS_MULTIPROC_DIR"}


def anchors(text: str) -> set[str]:
    """Those of the headings, as GitHub and GitLab make them."""
    found: Counter[str] = Counter()
    anchors = set()
    for heading in re.findall(r"^#+ (.+)$", CODE.sub("", text), re.MULTILINE):
        slug = re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")
        # The second of the same name gets a number.
        anchors.add(f"{slug}-{found[slug]}" if found[slug] else slug)
        found[slug] += 1
    return anchors


def links(text: str) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", CODE.sub("", text))


def missing(document: Path, text: str) -> list[str]:
    """The links of a document that lead nowhere."""
    found = []
    for link in links(text):
        name, _, anchor = link.partition("#")
        target = document.parent / name if name else document
        if link.startswith(("https://", "http://")):
            continue
        if not target.exists() or (anchor and anchor not in anchors(target.read_text())):
            found.append(link)
    return found


def test_every_variable_that_is_read_is_documented_and_no_other():
    assert len(variables()) > 10
    assert variables() == settings()


def test_every_target_is_documented_and_every_documented_one_exists():
    documented = set(re.findall(r"`(?:[A-Z]+=\S+ )?make ([a-z]+)`", README + CONTRIBUTING))
    assert targets() - documented - {"clean"} == set()
    for document in DOCUMENTS:
        assert set(re.findall(r"\bmake ([a-z]+)`", document.read_text())) <= targets(), document


def test_every_command_is_documented():
    documented = set(re.findall(r"manage\.py (\w+)", CONTRIBUTING))
    assert commands() - documented == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document):
    assert missing(document, document.read_text()) == []


def test_a_link_that_leads_nowhere_is_found():
    good = "[a](#settings) [b](../README.md#start-it) [c](https://example.org/#x)"
    bad = "[a](#none) [b](../README.md#none) [c](NONE.md)"
    document = ROOT / "docker" / "README.md"
    assert missing(document, f"## Settings\n{good} {bad}") == [
        *("#none", "../README.md#none", "NONE.md")
    ]


def test_each_document_is_led_to():
    """From the page that everybody opens first, in as many steps as it takes."""
    reached, ahead = set(), [ROOT / "README.md"]
    while ahead:
        document = ahead.pop()
        reached.add(document)
        names = (link.partition("#")[0] for link in links(document.read_text()))
        targets = ((document.parent / name).resolve() for name in names if name.endswith(".md"))
        ahead += [target for target in targets if target.exists() and target not in reached]
    assert set(DOCUMENTS) - reached == {
        ROOT / "quality" / "static" / "vendor" / name for name in ("README.md", "alpine-LICENSE.md")
    }


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_are_named_exist(document):
    names = re.findall(
        r"`((?:quality|scans|accounts|tests|docker|templates)/[\w./-]+)`", document.read_text()
    )
    # What people put there themselves.
    theirs = tuple(
        line.strip("/")
        for line in (ROOT / ".gitignore").read_text().splitlines()
        if line.startswith("/docker/")
    )
    assert theirs
    for name in names:
        assert name.startswith(theirs) or (ROOT / name).exists(), name


def test_the_answers_that_are_documented_are_those_of_the_views():
    view = (ROOT / "scans" / "api.py").read_text()
    documented = set(re.findall(r"^\| (\d{3}) \|", SCANS, re.MULTILINE))
    assert documented == {
        str(status) for status in (200, 201, 202, 400, 401, 403, 404, 409, 413, 422, 429, 503)
    }
    assert set(re.findall(r"status=(\d{3})", view)) <= documented


def test_the_station_is_documented_by_a_picture():
    picture = ROOT / "tests" / "e2e" / "screenshots" / "station.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert str(picture.relative_to(ROOT)) in README
