"""People's own accounts, and the tables of all of them, in a real browser."""

import os
import re
import time
from base64 import b32decode
from contextlib import ExitStack
from pathlib import Path

import pytest
from django_otp.oath import TOTP
from playwright.sync_api import Page, expect

from tests.e2e.station import sign_in
from tests.e2e.test_admin import violations
from tests.e2e.test_look import TINY, WATCH_SHIFTS
from tests.serving import PASSWORD

OWN = "one of my own choice"
MAKE = """
from accounts.models import User
User.objects.filter(username={name!r}).delete()
User.objects.create_user({name!r}, password={password!r}, **{fields!r})
"""
REFRESH_MS = 30_000
ROUNDS = 8
IS_TABLE = re.compile(r"\.json$")


@pytest.fixture
def account(site):
    """`account("novice", is_staff=True)` is made anew, with the password of all."""

    def make(name: str, **fields: object) -> str:
        code = MAKE.format(name=name, password=PASSWORD, fields=fields)
        done = site.manage("shell", "--no-imports", "-c", code)
        assert done.returncode == 0, done.stderr
        return name

    return make


def check(page: Page, name: str) -> None:
    """Everybody can use the page; PICTURES=folder keeps a picture of it."""
    if folder := os.environ.get("PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
    assert violations(page) == {}
    assert page.evaluate(TINY) == []
    for width in (1280, 800, 360):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.set_viewport_size({"width": 1280, "height": 800})


def button(page: Page, text: str):
    return page.get_by_role("main").get_by_role("button", name=text, exact=True)


def code_of(secret: str) -> str:
    """What an app shows that has read the key; not the one of half a minute ago."""
    totp = TOTP(b32decode(secret.replace(" ", "")))
    totp.time = time.time()
    return f"{totp.token():06}"


def next_code_of(secret: str) -> str:
    totp = TOTP(b32decode(secret.replace(" ", "")))
    totp.time = time.time() + 30
    return f"{totp.token():06}"


def test_somebody_new_chooses_a_password_and_gets_where_he_was_going(open_context, account):
    name = account("novice", must_change_password=True)
    page = open_context("", bypass_csp=True).new_page()
    page.goto("/accounts/login/?next=/accounts/password/")
    sign_in(page, name)
    expect(page.get_by_role("heading", name="Choose a password of your own")).to_be_visible()
    check(page, "first-password")
    page.fill("#id_new_password1", "short")
    page.fill("#id_new_password2", "short")
    button(page, "Change the password").click()
    expect(page.get_by_text("It is too short")).to_be_visible()
    check(page, "first-password-wrong")
    page.fill("#id_new_password1", OWN)
    page.fill("#id_new_password2", OWN)
    button(page, "Change the password").click()
    expect(page.get_by_role("heading", name="New password")).to_be_visible()
    expect(page.locator(".user")).to_have_text(name)


def test_a_second_factor_is_set_up_and_asked_for(open_context, account):
    name = account("chief", is_staff=True)
    page = open_context("", bypass_csp=True).new_page()
    page.goto("/accounts/login/?next=/accounts/device/")
    sign_in(page, name)
    page.get_by_text("It cannot read pictures").click()
    secret = page.locator(".secret").inner_text()
    check(page, "device-key")
    page.fill("#id_code", "nonsense")
    page.fill("#id_password", PASSWORD)
    button(page, "Set it up").click()
    expect(page.get_by_text("That is not the code that the app shows now.")).to_be_visible()
    # The app has read the picture of before.
    page.get_by_text("It cannot read pictures").click()
    assert page.locator(".secret").inner_text() == secret
    page.fill("#id_code", code_of(secret))
    page.fill("#id_password", PASSWORD)
    button(page, "Set it up").click()
    expect(page.locator(".codes li")).to_have_count(10)
    codes = page.locator(".codes li").all_inner_texts()
    assert re.fullmatch(r"\w{5}-\w{5}", codes[0])
    check(page, "recovery-codes")
    page.goto("/accounts/device/")
    expect(page.get_by_text("10 codes are left")).to_be_visible()
    check(page, "device-there")

    page.locator("#sign-out button").click()
    page.wait_for_url("**/accounts/login/")
    # The next person at this browser may be another: it speaks the house's language again.
    page.get_by_role("button", name="EN, English").click()
    sign_in(page, name)
    expect(page.locator("#id_code")).to_be_focused()
    check(page, "code")
    page.keyboard.type("000000")
    page.keyboard.press("Enter")
    expect(page.get_by_text("That is not the code of now")).to_be_visible()
    page.fill("#id_code", next_code_of(secret))
    page.keyboard.press("Enter")
    expect(page.get_by_text("Wrong codes were given.")).to_be_visible()
    check(page, "code-throttled")


@pytest.mark.parametrize("address", ["/accounts/people/", "/accounts/present/"])
def test_tables_refresh_over_the_connections_that_there_are(open_context, site, database, address):
    context = open_context("admin")
    context.clock.install()
    pages = [context.new_page() for _ in range(3)]
    for page in pages:
        page.goto(address)
    before = connections(database)
    for _ in range(ROUNDS):
        with ExitStack() as stack:
            asked = [stack.enter_context(page.expect_response(IS_TABLE)) for page in pages]
            context.clock.fast_forward(REFRESH_MS)
        assert [answer.value.status for answer in asked] == [304] * 3
    # As many as ask at once may need, of the workers that there are; the others are used again.
    assert len(connections(database) - before) <= len(pages) * len(site.worker_pids)


def connections(database) -> set[int]:
    return {
        number
        for (number,) in database.run(
            "SELECT id FROM information_schema.processlist WHERE db = %s AND id <> CONNECTION_ID()",
            database.name,
        )
    }


def test_a_refresh_shows_what_is_new_and_moves_nothing(open_context, account, database):
    account("aaa-first", first_name="Ana")
    page = open_context("admin").new_page()
    page.add_init_script(WATCH_SHIFTS)
    page.clock.install()
    page.goto("/accounts/people/")
    row = page.locator("#people tbody tr", has_text="aaa-first")
    expect(row).to_contain_text("Ana")
    expect(row.locator("td").nth(2)).to_have_text("")
    # What somebody has in hand stays so.
    page.get_by_role("link", name="operator", exact=True).focus()
    database.run("UPDATE accounts_user SET must_change_password = 1 WHERE username = 'aaa-first'")
    page.clock.fast_forward(REFRESH_MS)
    expect(row.locator("td").nth(2)).to_have_text("must choose a password")
    expect(page.get_by_role("link", name="operator", exact=True)).to_be_focused()
    assert page.evaluate("shifts") == []
    page.fill("#search", "ANA")
    expect(page.locator("#people tbody tr")).to_have_count(1)
    expect(page.locator("#count")).to_have_text("1 row")


LONG = (
    "alexandru-constantin.popescu-dumitrescu",
    "maria.magdalena.constantinescu@factory.example.ro",
    "final_inspection_hall_03_line_12",
)
# What of a login, a name or a head stands in two lines without a place to break it between them.
BROKEN = """() => [...document.querySelectorAll("#people :is(td, th)")].flatMap((cell) => {
  const texts = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
  const broken = [];
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    for (const { index, 0: word } of node.data.matchAll(/[^\\s-]+-?/g)) {
      const range = document.createRange();
      range.setStart(node, index);
      range.setEnd(node, index + word.length);
      if (new Set([...range.getClientRects()].map(({ top }) => top)).size > 1) broken.push(word);
    }
  }
  return broken;
})"""


@pytest.mark.parametrize("language", ["en", "ro"])
@pytest.mark.parametrize("width", [1280, 800])
def test_long_logins_are_not_broken_within_a_name(open_context, account, width, language):
    for name in LONG:
        account(name, first_name="Alexandru-Constantin", last_name="Popescu", is_staff=True)
    context = open_context("admin", language=language, viewport={"width": width, "height": 1280})
    page = context.new_page()
    for address in ("/accounts/people/", "/accounts/present/"):
        page.goto(address)
        expect(page.locator("#people tbody tr").first).to_be_visible()
        if folder := os.environ.get("PICTURES"):
            name = address.split("/")[2]
            page.screenshot(path=Path(folder) / f"{name}-{language}-{width}.png")
        assert page.evaluate(BROKEN) == []
        assert page.evaluate("document.documentElement.scrollWidth") == width
        table = page.locator(".wide")
        assert table.evaluate("one => one.scrollWidth - one.clientWidth") == 0


def test_whoever_is_signed_out_meanwhile_is_told_so(open_context, complaints, account):
    complaints.expected = ["Failed to load resource"]
    name = account("leaver", is_superuser=True, is_staff=True)
    context = open_context("")
    page = context.new_page()
    page.clock.install()
    page.goto("/accounts/login/?next=/accounts/present/")
    sign_in(page, name)
    expect(page.locator("#people tbody tr", has_text=name)).to_be_visible()
    context.clear_cookies(name="sessionid")
    page.clock.fast_forward(REFRESH_MS)
    expect(page.locator("#age")).to_contain_text("Sign in again.")
    expect(page.locator("#people tbody tr", has_text=name)).to_be_visible()
