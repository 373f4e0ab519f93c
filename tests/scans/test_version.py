"""The station's page has a version of its own."""

import re

from scans.version import SCRIPTS, page_files, page_version


def modules_of(name: str) -> set[str]:
    """A module of the page, and all that it loads."""
    found, waiting = set(), [name]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += re.findall(r'from "\./([^"]+)"', (SCRIPTS / one).read_text())
    return found


def test_all_that_the_page_is_made_of_counts():
    names = {path.name for path in page_files()}
    assert len(modules_of("page.js")) > 20
    assert modules_of("page.js") | {"worker.js", "scans.css", "icons.svg", "station.html"} <= names


def test_what_other_pages_have_in_folders_of_their_own_does_not():
    assert (SCRIPTS / "reports" / "page.js") not in page_files()
    assert {path.parent.name for path in page_files()} == {"scans", "templates"}
    assert re.fullmatch(r"[0-9a-f]{12}", page_version())
