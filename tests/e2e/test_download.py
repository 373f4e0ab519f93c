"""A file is downloaded in a real browser, and the page says how far it is."""

import pytest
from playwright.sync_api import Page, expect

from tests.scans.sample import payload
from tests.serving import PASSWORD, Browser

ADD_LINK = """async ([address, module]) => {
    const link = Object.assign(document.createElement("a"), {href: address, textContent: "file"});
    link.dataset.download = "";
    document.body.append(link);
    await import(module);
}"""


@pytest.fixture
def page(open_context, site) -> Page:
    scan = payload(cp="CP10045877-0001")
    assert Browser(site.url, PASSWORD).scan(**scan) == 201
    page = open_context("auditor", language="en").new_page()
    page.goto("/scans/reports/")
    return page


def add_link(page: Page, address: str) -> None:
    page.evaluate(ADD_LINK, [address, "/static/scans/download.js"])


@pytest.mark.parametrize("name", ["csv", "xlsx"])
def test_a_file_is_kept_under_the_servers_name(page, name):
    add_link(page, f"/scans/export.{name}?date=2026-11-20&cp_base=CP10045877")
    with page.expect_download() as caught:
        page.get_by_role("link", name="file").click()
    assert caught.value.suggested_filename == f"scans_2026-11-20_2026-11-20.{name}"
    data = caught.value.path().read_bytes()
    assert data.startswith(b"PK") if name == "xlsx" else b"CP10045877-0001" in data
    expect(page.get_by_role("status").last).to_have_text("The file is complete.")
    expect(page.get_by_role("progressbar")).to_have_count(0)


def test_whoever_was_signed_out_meanwhile_is_told(page, site):
    add_link(page, "/scans/export.csv?date=2026-11-20")
    page.context.clear_cookies()
    page.get_by_role("link", name="file").click()
    expect(page.get_by_role("status").last).to_contain_text("Reload the page")
