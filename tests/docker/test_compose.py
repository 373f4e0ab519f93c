"""What compose starts is closed, limited, and told the same numbers everywhere."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from quality.pool.budget import RESERVE
from tests.docker.compose import DOCKER, GIVEN, SECRETS, VARIABLE, services, variables
from tests.test_docs import PRODUCTION
from tests.test_docs import variables as variables_of_the_code

ROOT = DOCKER.parent
FILES = sorted(path.name for path in DOCKER.glob("compose*.yml"))
OURS = {"migrate", "web"}
CLUSTER = (DOCKER / "CLUSTER.md").read_text()


@pytest.mark.parametrize("name", FILES)
def test_a_compose_file_follows_the_specification(name):
    command = ["check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(DOCKER / name)]
    result = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("name", FILES)
def test_no_secret_has_a_default(name):
    text = (DOCKER / name).read_text()
    for match in VARIABLE.finditer(text):
        if re.search("KEY|PASSWORD|TOKEN", match[1]):
            assert match[2] == "?", match[0]
    secret = r"^ *\w*(?:KEY|PASSWORD|TOKEN)\w*: +(?!\$\{|/run/secrets/)\S+"
    written = re.findall(secret, text, re.MULTILINE)
    assert written == []


@pytest.mark.parametrize("missing", GIVEN)
def test_without_what_production_needs_nothing_starts(missing):
    with pytest.raises(KeyError, match=missing):
        services(**{missing: ""})


@pytest.mark.parametrize("service", sorted(OURS))
def test_the_settings_read_all_that_a_service_of_ours_is_told(service):
    told = set(services(**dict.fromkeys(variables(), "1"))[service]["environment"])
    assert len(told) > 10
    assert told - variables_of_the_code() == set()


@pytest.mark.parametrize("name", FILES)
def test_all_that_is_taken_from_outside_is_documented(name):
    documented = set(re.findall(r"`([A-Z_]+)`", PRODUCTION + CLUSTER))
    documented |= set(re.findall(r"^([A-Z_]+)=", CLUSTER, re.MULTILINE))
    assert variables(name) - documented == set()


def test_one_number_limits_the_server_and_sizes_the_pools():
    found = services(DB_MAX_CONNECTIONS="42")
    assert found["database"]["command"] == ["--max-connections", "42"]
    for service in OURS:
        assert found[service]["environment"]["DB_MAX_CONNECTIONS"] == "42"
    assert "DB_POOL_SIZE" not in variables()
    assert (DOCKER / "compose.yml").read_text().count("${DB_MAX_CONNECTIONS") == 1


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"DB_MAX_CONNECTIONS": "24", "WEB_WORKERS": "3"},
        {"DB_MAX_CONNECTIONS": "500", "WEB_WORKERS": "8", "HOST_CONNECTIONS": "200"},
    ],
)
def test_all_workers_fit_into_the_server_with_a_reserve(given):
    found = services(**given)
    allowed = int(found["database"]["command"][1])
    code = "import json; from django.conf import settings; print(json.dumps(settings.DATABASES))"
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "quality.settings",
            **found["web"]["environment"],
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    pool = json.loads(result.stdout)["default"]["OPTIONS"]["pool"]
    assert pool["processes"] == int(given.get("WEB_WORKERS", "2"))
    assert 1 <= pool["processes"] * pool["max_size"] <= allowed - RESERVE


def test_the_database_is_there_before_migrations_and_these_before_the_site():
    found = services()
    assert found["migrate"]["depends_on"]["database"]["condition"] == "service_healthy"
    assert found["web"]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert found["database"]["healthcheck"]["interval"] == "10s"


def test_the_limit_of_a_request_does_not_cut_migrations_off():
    found = services(DB_READ_TIMEOUT="3")
    assert found["web"]["environment"]["DB_READ_TIMEOUT"] == "3"
    assert found["migrate"]["environment"]["DB_READ_TIMEOUT"] == "0"


def test_migrations_alone_are_told_of_the_direct_way():
    found = services()
    assert "DATABASE_DIRECT_URL" not in found["web"]["environment"]
    direct = found["migrate"]["environment"]["DATABASE_DIRECT_URL"]
    assert direct == f"mysql://quality:{SECRETS['DB_PASSWORD']}@database:3306/quality"


@pytest.mark.parametrize("service", sorted(OURS | {"database"}))
def test_a_service_can_do_no_more_than_it_must(service):
    found = services()[service]
    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert set(found["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert found["logging"]["options"] == {"max-size": "10m", "max-file": "10"}
    assert "privileged" not in found


def test_no_service_but_the_site_is_open_and_that_to_this_machine_alone():
    found = services()
    assert {name for name in found if "ports" in found[name]} == {"web"}
    assert found["web"]["ports"] == ["127.0.0.1:8000:8000"]
    # Root of the database may not come from the site's container.
    assert found["database"]["environment"]["MARIADB_ROOT_HOST"] == "127.0.0.1"


def test_requests_in_flight_may_finish_before_the_container_is_killed():
    configuration = (DOCKER / "gunicorn.conf.py").read_text()
    graceful = re.search(r"^graceful_timeout = (\d+)$", configuration, re.MULTILINE)
    assert graceful is not None
    assert int(services()["web"]["stop_grace_period"].removesuffix("s")) > int(graceful[1])


def test_whatever_the_image_writes_outlives_its_container():
    declared = re.search(r"^VOLUME (.*)$", (DOCKER / "Dockerfile").read_text(), re.MULTILINE)
    assert declared is not None
    for service in OURS:
        mounted = dict(reversed(volume.split(":")) for volume in services()[service]["volumes"])
        assert set(mounted) == set(json.loads(declared[1]))


def test_files_that_are_mounted_exist():
    for volume in services()["database"]["volumes"]:
        source = volume.split(":")[0]
        assert not source.startswith(".") or Path(DOCKER, source).is_file()
