"""A page of one version goes on while the server becomes another one, forth and back."""

import shutil
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from playwright.sync_api import expect

from tests.e2e.station import StationPage
from tests.e2e.versions import LEAF, Version, copied, make_newer
from tests.serving import ROOT, Site

FAILED = "Failed to load resource"


class Versions(NamedTuple):
    older: Version
    newer: Version
    become: Callable[[Version], None]


@pytest.fixture(scope="module")
def versions(site, tmp_path_factory) -> Iterator[Versions]:
    """`become` stops the site, and starts it as another version on the same port and database."""
    folder = tmp_path_factory.mktemp("versions")
    older, newer = copied(folder / "older"), copied(folder / "newer")
    make_newer(newer)

    def become(version: Version) -> None:
        site.stop()
        site.root = version.root
        site.start()

    before = site.env["DJANGO_SETTINGS_MODULE"]
    site.env["DJANGO_SETTINGS_MODULE"] = "versioned"
    try:
        for version in (older, newer):
            version.manage(site, "collectstatic")
        yield Versions(older, newer, become)
    finally:
        site.stop()
        newer.manage(site, "migrate", "scans", LEAF)
        site.root = ROOT
        site.env["DJANGO_SETTINGS_MODULE"] = before
        site.start()


@pytest.fixture
def station(versions, open_station, complaints) -> StationPage:
    complaints.expected = [FAILED]
    versions.become(versions.older)
    station: StationPage = open_station(service_workers="allow")
    station.await_page_kept()
    return station


def await_look(station: StationPage, site: Site, other_than: str) -> None:
    """The page has heard of another version."""
    with station.page.expect_response(
        lambda answer: (
            answer.url.endswith("/scans/worker.js")
            and answer.headers.get("x-version", other_than) != other_than
        )
    ):
        pass


def files_of(station: StationPage) -> set[str]:
    """The static files that the open page is made of."""
    paths = station.page.evaluate(
        "performance.getEntriesByType('resource').map(({ name }) => new URL(name).pathname)"
    )
    return {path for path in paths if path.startswith("/static/")}


def assert_made_of(station: StationPage, version: Version) -> None:
    """Of this version alone: what the page runs, and what the browser keeps for it."""
    names = version.names()
    running = files_of(station)
    assert len(running) > 30
    assert running - names == set()
    kept = station.kept()
    assert kept["version"] == station.version
    assert {path for path in kept["files"] if path.startswith("/static/")} - names == set()
    assert running - set(kept["files"]) == set()


def test_an_open_page_outlives_a_new_version_and_a_way_back(
    station, versions, site, database, order
):
    page, offer = station.page, station.page.locator("#newer")
    missing: list[str] = []
    page.on("response", lambda answer: missing.append(answer.url) if answer.status == 404 else None)
    assert_made_of(station, versions.older)

    def deploy(version: Version, first: int) -> None:
        """A scan waits and a piece is begun while the other version comes."""
        page.evaluate("window.isSameDocument = true")
        before = station.version
        station.scan_piece(f"{order}-{first:04d}")
        station.await_confirmed(f"{order}-{first:04d}")
        site.stop()
        station.scan_piece(f"{order}-{first + 1:04d}")
        station.await_banner("kept", "kept here, waits for the server")
        station.scan("OP0001", f"{order}-{first + 2:04d}")
        versions.become(version)
        await_look(station, site, other_than=before)
        station.await_pending(0)
        # Not while a piece is begun, which is still there.
        expect(offer).to_be_hidden()
        expect(station.value("cp")).to_contain_text(f"{first + 2:04d}")
        station.scan("OC01", "OC11", "000")
        station.await_confirmed(f"{order}-{first + 2:04d}")
        expect(offer).to_be_visible()
        # Whoever has no time for it goes on.
        station.scan("OP0001", f"{order}-{first + 3:04d}")
        expect(offer).to_be_hidden()
        station.scan("OC01", "OC11", "007")
        station.await_confirmed(f"{order}-{first + 3:04d}", "007")
        expect(offer).to_be_visible()
        assert page.evaluate("window.isSameDocument")
        assert missing == []
        offer.click()
        expect(page.locator(f"#station[data-version='{before}']")).to_have_count(0)
        station.await_connected()
        station.await_page_kept()
        assert_made_of(station, version)

    # As compose does: while the older version serves.
    versions.newer.manage(site, "migrate")
    deploy(versions.newer, 1)
    expect(page.locator("html[data-made=newer] [data-newer]")).to_have_count(1)
    # And opens without the server.
    site.stop()
    page.reload()
    expect(page.locator("#connection")).to_contain_text("The server is away")
    expect(page.locator("html[data-made=newer] [data-newer]")).to_have_count(1)
    site.start()
    station.await_connected()
    # The schema stays that of the newer one.
    deploy(versions.older, 5)
    expect(page.locator("[data-newer]")).to_have_count(0)
    assert page.locator("html").get_attribute("data-made") is None
    assert missing == []
    assert [row["cp"][-4:] for row in database.scans(order)] == [
        f"{number:04d}" for number in range(1, 9)
    ]


def test_a_page_is_not_kept_with_the_files_of_another_version(station, versions, site, order):
    """The server became newer between the page's loading and its being kept: both have all files,
    as `collectstatic` leaves those of before."""
    shutil.copytree(
        versions.older.root / "collected",
        versions.newer.root / "collected",
        ignore=lambda folder, names: {
            name for name in names if (versions.newer.root / "collected" / name).is_file()
        },
        dirs_exist_ok=True,
    )
    kept = station.kept()
    older = station.version
    versions.become(versions.newer)
    (worker,) = station.page.context.service_workers
    files = [path for path in kept["files"] if path != "/scans/station/"]
    # What the page of before says when it has loaded.
    worker.evaluate("message => keep(message)", {"files": files, "version": older})
    site.stop()
    station.page.reload()
    expect(station.page.locator("#connection")).to_contain_text("The server is away")
    assert station.version == older
    station.scan_piece(f"{order}-0001")
    station.await_banner("kept", "kept here, waits for the server")
