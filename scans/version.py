"""Tells one version of the station's page from another."""

from functools import cache
from hashlib import sha256
from pathlib import Path

SCRIPTS = Path(__file__).parent / "static" / "scans"
TEMPLATES = Path(__file__).parents[1] / "templates"


@cache
def page_version() -> str:
    """Changes with the page's files, and is the same in all processes that have the same ones."""
    digest = sha256()
    for path in page_files():
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def page_files() -> list[Path]:
    """What lies in folders of their own belongs to other pages."""
    files = sorted(path for path in SCRIPTS.iterdir() if path.is_file())
    return [*files, TEMPLATES / "base.html", TEMPLATES / "scans" / "station.html"]
