"""The runbook's page has a heading for every alert, and needs no database."""

import re

import pytest
from django.test import Client

from quality.monitor.rules import RULES

ADDRESS = "/monitor/runbook"


@pytest.fixture
def admin(client_of) -> Client:
    return client_of("admin")


def test_every_alert_leads_to_its_heading(admin):
    page = admin.get(ADDRESS).content.decode()
    for rule in RULES:
        address, _, anchor = rule.runbook.partition("#")
        assert address == ADDRESS
        assert f'<h2 id="{anchor}">{rule.name}</h2>' in page


def test_every_link_of_it_leads_somewhere(admin):
    page = admin.get(ADDRESS).content.decode()
    article = page[page.index('class="runbook"') : page.index("</article>")]
    targets = set(re.findall(r'href="([^"]*)"', article))
    assert len(targets) >= len(RULES)
    assert targets <= {f"#{anchor}" for anchor in re.findall(r'<h2 id="([\w-]+)"', article)}


def test_with_a_pass_it_asks_no_database(admin, django_assert_num_queries):
    admin.get(ADDRESS)
    with django_assert_num_queries(0):
        assert admin.get(ADDRESS).status_code == 200


def test_the_frame_leads_to_it_and_it_is_english_in_any_language(admin):
    page = admin.get("/admin/", headers={"Accept-Language": "ro"}).content.decode()
    assert f'href="{ADDRESS}"' in page
    page = admin.get(ADDRESS, headers={"Accept-Language": "ro"}).content.decode()
    assert "Ghid de intervenție" in page
    assert '<div class="runbook" lang="en">' in page
