"""The documentation names what there is, and nothing else."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = [
    *sorted(ROOT.glob("*.md")),
    *(path for room in ("docker", "quality") for path in sorted((ROOT / room).rglob("*.md"))),
]
README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()


def targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def commands() -> set[str]:
    found = ROOT.glob("**/management/commands/*.py")
    return {path.stem for path in found if path.stem != "__init__" and ".venv" not in path.parts}


def variables() -> set[str]:
    """The environment variables that the code reads for its users."""
    reads = re.compile(
        r"""(?:env(?:\.\w+)?\(|environ(?:\.get\(|\[)|whole_number\(|seconds\(|time_of_day\(|factor\(|networks\(|getenv\()\s*f?"([A-Z_]+)\""""
    )
    secrets = re.compile(r"""\bsecret\("([A-Z_]+)"\)""")
    found = set()
    for path in [
        *(ROOT / "quality").rglob("*.py"),
        *(ROOT / "scans").rglob("*.py"),
        *(ROOT / "accounts").rglob("*.py"),
        *(ROOT / "docker").rglob("*.py"),
    ]:
        found |= set(reads.findall(path.read_text()))
        for name in secrets.findall(path.read_text()):
            found |= {name, f"{name}_FILE"}
    # What every system knows is not ours to explain; nor what gunicorn tells its own workers.
    return found - {"PATH", "HOME", "CC", "DJANGO_SETTINGS_MODULE", "PROMETHEUS_MULTIPROC_DIR"}


def test_every_variable_that_is_read_is_documented():
    documented = set(re.findall(r"`([A-Z_]+)`", README))
    assert len(variables()) > 10
    assert variables() - documented == set()


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
    for link in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
        if not link.startswith("http"):
            assert (document.parent / link).exists(), link


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


def test_the_answers_of_the_readme_are_those_of_the_views():
    view = (ROOT / "scans" / "api.py").read_text()
    documented = set(re.findall(r"^\| (\d{3}) \|", README, re.MULTILINE))
    assert documented == {
        str(status) for status in (200, 201, 202, 400, 401, 403, 404, 409, 413, 422, 429, 503)
    }
    assert set(re.findall(r"status=(\d{3})", view)) <= documented


def test_the_station_is_documented_by_a_picture():
    picture = ROOT / "tests" / "e2e" / "screenshots" / "station.png"
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert str(picture.relative_to(ROOT)) in README
