"""Tells one version of the station's page from another."""

from functools import cache
from hashlib import sha256
from pathlib import Path

from django.template.loader import get_template

SCRIPTS = Path(__file__).parent / "static" / "scans"
TEMPLATES = ("base.html", "scans/station.html")


@cache
def page_version() -> str:
    """Changes with the page's files, and is the same in all processes that have the same ones."""
    digest = sha256()
    for path in sorted(SCRIPTS.iterdir()):
        digest.update(path.read_bytes())
    for name in TEMPLATES:
        digest.update(get_template(name).template.source.encode())
    return digest.hexdigest()[:12]
