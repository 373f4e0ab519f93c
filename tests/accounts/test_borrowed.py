"""The texts that come with Django and the admin's theme are Romanian too."""

import re
from functools import cache
from html import unescape
from pathlib import Path

import django.contrib.admin
import django.contrib.auth
import import_export
import pytest
import simple_history
import unfold
from django.utils import translation

from tests.test_translations import texts_of_python, texts_of_template

LIBRARIES = (unfold, import_export, simple_history, django.contrib.admin, django.contrib.auth)
# Alike in both languages.
ALIKE = {"General", "Format", "Import", "Browser"}
SHOWN = re.compile(
    r">\s*([^<>{}]{3,}?)\s*<|(?:placeholder|title|aria-label|alt|value)=\"([^\"]{3,})\""
)


@cache
def texts_of_libraries() -> set[str]:
    texts: set[str] = set()
    for library in LIBRARIES:
        for path in Path(library.__file__).parent.rglob("*"):
            if path.suffix == ".html":
                texts |= texts_of_template(path.read_text())
            elif path.suffix == ".py":
                texts |= texts_of_python(path.read_text())
    return texts


@pytest.mark.parametrize(
    "page",
    [
        "",
        "accounts/user/",
        "accounts/user/add/",
        "accounts/user/{pk}/change/",
        "accounts/user/{pk}/password/",
        "accounts/user/{pk}/history/",
        "accounts/attempt/",
        "auth/group/",
        "auth/group/add/",
        "scans/operator/?q=nobody",
        "scans/operator/?active__exact=1",
        "scans/operator/import/",
        "scans/operator/export/",
        "scans/settings/1/change/",
        "scans/settings/1/history/",
    ],
)
def test_a_page_of_the_admin_has_no_english_words(client_of, person, master_data, page):
    address = f"/admin/{page}".format(pk=person("operator").pk)
    client = client_of("admin")
    html = client.get(address, headers={"accept-language": "ro"}).content.decode()
    assert '<html lang="ro"' in html
    shown = {unescape(one or other).strip() for one, other in SHOWN.findall(html)}
    with translation.override("ro"):
        english = {text for text in texts_of_libraries() if translation.gettext(text) == text}
    assert shown & english <= ALIKE


def test_groups_are_roles(client_of):
    client = client_of("admin")
    client.cookies["django_language"] = "en"
    assert "<h1" in (html := client.get("/admin/auth/group/").content.decode())
    assert "Roles" in html
    assert "Groups" not in html


def test_whoever_has_forgotten_something_is_told_in_romanian(client_of):
    page = client_of("admin").post("/admin/accounts/user/add/", {}).content.decode()
    assert "Corectați erorile de mai jos." in page
