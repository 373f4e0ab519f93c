"""Secrets are made once, read by whom they are for, and printed nowhere."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.docker.compose import DOCKER, services, volumes

SITE_URL = "https://quality.example"
SERVICES = services()
READERS = {
    name.removeprefix("for-").removesuffix(":ro")
    for one in SERVICES.values()
    for name in volumes(one).values()
    if name.startswith("for-")
}
SLACK, PAGERDUTY = "https://hooks.slack.example/services/T0/B0/abc", "a" * 32


class Place:
    """The volumes and folders of the service."""

    def __init__(self, home: Path) -> None:
        self.given, self.kept, self.to = home / "given", home / "kept", home / "for"
        for folder in (self.given, self.kept, self.to / "front-data", *map(self.of, READERS)):
            folder.mkdir(parents=True)

    def of(self, reader: str) -> Path:
        return self.to / reader

    def give(self, **secrets: str) -> None:
        for name, value in secrets.items():
            (self.given / name.replace("tls_", "tls.")).write_text(value)

    def run(self) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                *(sys.executable, str(DOCKER / "prepare")),
                *(f"--given={self.given}", f"--kept={self.kept}", f"--to={self.to}"),
                f"--routes={DOCKER / 'alertmanager' / 'alertmanager.yml'}",
            ],
            env={"PATH": os.environ["PATH"], "SITE_URL": SITE_URL, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=60,
        )

    def prepare(self) -> str:
        done = self.run()
        assert done.returncode == 0, done.stderr
        return done.stdout

    def copies(self) -> dict[str, str]:
        files = [path for path in self.to.rglob("*") if path.is_file()]
        return {str(path.relative_to(self.to)): path.read_text() for path in files}


@pytest.fixture
def place(tmp_path) -> Place:
    return Place(tmp_path)


def test_what_is_missing_is_made_and_never_again(place):
    assert "made secret_key" in place.prepare()
    before = place.copies()
    assert "made nothing new" in place.prepare()
    assert place.copies() == before


def test_no_two_machines_have_the_same(tmp_path):
    first, second = Place(tmp_path / "a"), Place(tmp_path / "b")
    first.prepare(), second.prepare()
    kept = [
        {path.name: path.read_text() for path in place.kept.iterdir()} for place in (first, second)
    ]
    assert kept[0].keys() == kept[1].keys()
    for name, value in kept[0].items():
        assert len(value) >= 24
        assert value != kept[1][name]


def test_no_secret_is_printed(place):
    place.give(slack_url=SLACK, admin_password="a right good password")
    printed = place.prepare()
    values = {path.read_text() for path in [*place.kept.iterdir(), *place.given.iterdir()]}
    assert len(values) == 8
    assert not [value for value in values if value in printed]


def test_a_file_is_its_readers_alone(place):
    place.prepare()
    owners = {"site": 1000, "owner": 1000, "database": 999, "front": 1000}
    for path in (path for path in place.to.rglob("*") if path.is_file()):
        assert stat.S_IMODE(path.stat().st_mode) == 0o400
        if os.geteuid() == 0:
            folder = path.parent.name
            usual = {"grafana_password": 472}.get(path.name, 65534)
            assert path.stat().st_uid == owners.get(folder, usual), path
    for path in place.kept.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o400


def test_the_database_and_who_asks_it_have_the_same_passwords(place):
    place.prepare()
    found = place.copies()
    for reader, user, password in (("site", "site", "site"), ("owner", "quality", "owner")):
        secret = found[f"database/{password}_password"]
        assert found[f"{reader}/database_url"] == f"mysql://{user}:{secret}@database:3306/quality"
    assert found["site/metrics_token"] == found["watch/metrics_token"]


def test_every_file_that_a_service_is_told_to_read_is_put_there(place):
    place.prepare()
    asked = set()
    for name, one in SERVICES.items():
        at = {
            target: source.removeprefix("for-").removesuffix(":ro")
            for target, source in volumes(one).items()
            if source.startswith("for-")
        }
        told = f"{one.get('environment', {})} {one.get('command', '')}"
        if name == "prometheus":
            told += (DOCKER / "prometheus" / "prometheus.yml").read_text()
        if name == "database":
            told += (DOCKER / "accounts.sh").read_text()
        for folder, file in re.findall(r"(/run/(?:secrets|owner))/([\w.]+)", told):
            asked.add(f"{at[folder]}/{file}")
    assert len(asked) > 12
    assert asked - place.copies().keys() == set()


def test_what_is_given_takes_the_place_of_what_was_made(place):
    place.prepare()
    made = place.copies()["site/secret_key"]
    place.give(secret_key="mine, and long enough\n")
    place.prepare()
    assert place.copies()["site/secret_key"] == "mine, and long enough"
    (place.given / "secret_key").unlink()
    place.prepare()
    assert place.copies()["site/secret_key"] == made


def test_a_password_with_any_character_fits_into_the_address(place):
    place.give(site_password="p@ss/w:rd#1")
    place.prepare()
    assert place.copies()["site/database_url"] == (
        "mysql://site:p%40ss%2Fw%3Ard%231@database:3306/quality"
    )


@pytest.mark.parametrize(
    ("secrets", "told"),
    [
        ({"slak_url": SLACK}, "slak_url is none of"),
        ({"slack_url": ""}, "slack_url is empty"),
        ({"slack_url": "hooks.slack.example"}, "slack_url must be"),
        ({"tls_crt": "-----BEGIN"}, "give both"),
    ],
)
def test_what_cannot_be_meant_stops_the_start(place, secrets, told):
    place.give(**secrets)
    done = place.run()
    assert done.returncode == 1
    assert told in done.stderr
    assert "Traceback" not in done.stderr
    assert not any(place.kept.iterdir())


def test_a_start_that_was_cut_off_leaves_nothing_half(place):
    (place.kept / ".secret_key.new").write_text("ha")
    place.prepare()
    assert len(place.copies()["site/secret_key"]) > 40


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({}, "tls internal"),
        (
            {"tls_crt": "certificate", "tls_key": "key"},
            "tls /run/secrets/tls.crt /run/secrets/tls.key",
        ),
    ],
)
def test_the_front_has_the_factorys_certificate_or_makes_one(place, given, line):
    place.give(**given)
    place.prepare()
    found = place.copies()
    assert found["front/tls.caddy"].strip() == line
    assert found["front/tls.key"] == given.get("tls_key", "")


# ----- Who is told of an alert


@pytest.mark.parametrize(
    ("secrets", "receivers", "routes"),
    [
        ({}, ["nobody"], []),
        ({"slack_url": SLACK}, ["nobody", "slack"], ["slack"]),
        ({"pagerduty_key": PAGERDUTY}, ["nobody", "pagerduty"], ["pagerduty"]),
        (
            {"slack_url": SLACK, "pagerduty_key": PAGERDUTY},
            ["nobody", "slack", "pagerduty"],
            ["pagerduty", "slack"],
        ),
    ],
)
def test_only_who_was_named_is_told(place, secrets, receivers, routes):
    place.give(**secrets)
    place.prepare()
    text = place.copies()["watch/alertmanager.yml"]
    told = YAML(typ="safe").load(text)
    assert [one["name"] for one in told["receivers"]] == receivers
    assert [one["receiver"] for one in told["route"]["routes"] or []] == routes
    assert not [value for value in secrets.values() if value in text]


def test_a_message_leads_to_this_site(place):
    place.give(slack_url=SLACK)
    place.prepare()
    text = place.copies()["watch/alertmanager.yml"]
    assert f"{SITE_URL}{{{{ .Annotations.runbook_url }}}}" in text
    assert "SITE_URL" not in text
