"""What compose starts is closed, limited, and told the same numbers everywhere."""

import json
import os
import re
import subprocess
import sys
from ipaddress import ip_network
from pathlib import Path

import pytest

from quality.pool.budget import RESERVE
from tests.docker.compose import (
    DOCKER,
    VARIABLE,
    content,
    needed,
    seconds,
    services,
    variables,
    volumes,
)
from tests.test_docs import PRODUCTION
from tests.test_docs import variables as variables_of_the_code

ROOT = DOCKER.parent
FILES = sorted(path.name for path in DOCKER.glob("compose*.yml"))
SERVICES = services()
OURS = {"migrate", "web", "backup"}
GUIDES = "".join(path.read_text() for path in DOCKER.glob("*.md"))
# What serving reads besides, without files: of no interest where no server is asked.
SECRETS = {"SECRET_KEY": "s" * 30 + "abcdefghijklmnop", "DATABASE_URL": "mysql://u:p@h/quality"}


# ----- The files


@pytest.mark.parametrize("name", FILES)
def test_a_compose_file_follows_the_specification(name):
    command = ["check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(DOCKER / name)]
    result = subprocess.run(
        [sys.executable, "-m", *command], capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("name", FILES)
def test_every_image_that_is_not_built_here_is_pinned_to_one_version(name):
    foreign = {
        service: one["image"]
        for service, one in services(name, **needed(name)).items()
        if "build" not in one
    }
    assert foreign
    for image in foreign.values():
        assert re.fullmatch(r"[\w./-]+:v?\d+\.\d+\.\d+(-[a-z]+)?", image), image


def test_the_database_is_the_one_that_all_was_tested_with():
    found = [one for name in FILES for one in services(name, **needed(name)).values()]
    versions = {one["image"] for one in found if one.get("image", "").startswith("mariadb:")}
    assert len(versions) == 1


@pytest.mark.parametrize("name", FILES)
def test_no_secret_is_written_there_or_taken_from_the_environment(name):
    text = (DOCKER / name).read_text()
    secret = re.compile("KEY|PASSWORD|TOKEN|WEBHOOK|EMAIL_URL|DATABASE_URL")
    for variable in variables(name) - {"DEMO_PASSWORD"}:
        assert not secret.search(variable), variable
    for service, one in services(name, **needed(name)).items():
        for key, value in one.get("environment", {}).items():
            if secret.search(key) and name != "compose.development.yml":
                assert value.startswith(("/run/secrets/", "/run/owner/")), (service, key)
    assert VARIABLE.search(text)


@pytest.mark.parametrize("name", FILES)
def test_all_that_is_taken_from_outside_is_documented(name):
    documented = set(re.findall(r"`([A-Z_]+)`", PRODUCTION + GUIDES))
    documented |= set(re.findall(r"^([A-Z_]+)=", GUIDES, re.MULTILINE))
    # Of the shell that compose is called from.
    assert variables(name) - documented - {"UID", "GID"} == set()


def test_nothing_needs_to_be_given():
    assert "?" not in {
        match[2] for match in VARIABLE.finditer((DOCKER / "compose.yml").read_text())
    }
    assert [name for name in content() if name == "secrets"] == []


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_files_that_are_mounted_exist(service):
    declared = content()["volumes"].keys()
    for source in volumes(SERVICES[service]).values():
        name = source.removesuffix(":ro")
        if name.startswith("./"):
            # People's own folder, which docker makes when it is not there.
            assert name == "./secrets" or Path(DOCKER, name).exists()
            assert source.endswith(":ro")
        else:
            assert name in declared


def test_secrets_that_lie_in_the_folder_are_not_committed():
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert {"/docker/.env", "/docker/secrets/"} <= set(ignored)


# ----- What each may do


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_a_service_can_do_no_more_than_it_must(service):
    found = SERVICES[service]
    assert found["read_only"] is True
    assert found["cap_drop"] == ["ALL"]
    assert found["security_opt"] == ["no-new-privileges:true"]
    assert set(found["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert found["logging"]["options"] == {"max-size": "10m", "max-file": "10"}
    assert "privileged" not in found
    rights = {"front": ["NET_BIND_SERVICE"], "prepare": ["CHOWN", "DAC_READ_SEARCH"]}
    assert found.get("cap_add", []) == rights.get(service, [])


def test_nobody_is_root_but_who_hands_out_the_secrets_and_hears_nobody():
    told = {name: one["user"] for name, one in SERVICES.items() if "user" in one}
    assert told == {"prepare": "0:0", "database": "mysql", "front": "1000:1000"}
    assert SERVICES["prepare"]["network_mode"] == "none"
    assert SERVICES["prepare"]["restart"] == "no"


def test_the_front_alone_can_be_reached_from_outside():
    ports = {name: one["ports"] for name, one in SERVICES.items() if "ports" in one}
    assert ports.pop("front") == ["80:80", "443:443"]
    assert set(ports) == {"prometheus", "alertmanager", "grafana"}
    assert all(port.startswith("127.0.0.1:") for one in ports.values() for port in one)


def test_only_who_needs_the_database_reaches_it():
    assert content()["networks"]["data"] == {"internal": True}
    on_it = {name for name, one in SERVICES.items() if "data" in one.get("networks", [])}
    assert on_it == OURS | {"database"}
    assert SERVICES["database"]["networks"] == ["data"]
    # Root of the database may not come from the site's container.
    assert SERVICES["database"]["environment"]["MARIADB_ROOT_HOST"] == "127.0.0.1"
    assert all("networks" in one or "network_mode" in one for one in SERVICES.values()), (
        "else it is on the default network, with all others"
    )


def test_the_front_alone_is_believed_whom_a_request_is_from():
    found = services(SITE_NETWORK="10.9.8.0/28")
    on_it = {name for name, one in found.items() if "site" in one.get("networks", [])}
    assert on_it == {"front", "web"}
    assert found["web"]["environment"]["TRUSTED_PROXIES"] == "10.9.8.0/28"
    assert found["web"]["environment"]["BEHIND_TLS_PROXY"] == "1"
    (pool,) = content()["networks"]["site"]["ipam"]["config"]
    assert pool["subnet"] == content()["services"]["web"]["environment"]["TRUSTED_PROXIES"]
    assert ip_network(SERVICES["web"]["environment"]["TRUSTED_PROXIES"]).is_private


def test_the_site_has_no_password_of_the_account_that_owns_its_tables():
    mounted = {name: set(volumes(one).values()) for name, one in SERVICES.items()}
    readers = {name for name, one in mounted.items() if "for-owner:ro" in one}
    assert readers == {"migrate", "backup"}
    assert {name for name, one in mounted.items() if "secrets" in one} == {"prepare"}
    assert mounted["web"] & {"for-owner:ro", "for-database:ro", "for-watch:ro"} == set()
    # Who backs up writes; who shows the list reads.
    assert "backups:ro" in mounted["web"]
    assert "backups" in mounted["backup"]


@pytest.mark.parametrize(
    ("name", "database"), [("compose.yml", "database"), ("compose.cluster.yml", "node")]
)
def test_who_backs_up_may_try_the_backup_out(name, database):
    told = services(name, **needed(name))
    assert "BACKUP_DIR" in told["backup"]["environment"]
    run_at_first = {
        source.removesuffix(":ro")
        for target, source in volumes(told[database]).items()
        if target.startswith("/docker-entrypoint-initdb.d/")
    }
    assert "./mariadb-init.sql" in run_at_first


def test_of_a_cluster_s_hosts_the_one_that_backs_up_can_tell_how_old_the_newest_is():
    name = "compose.cluster.yml"
    assert "BACKUP_DIR" not in services(name)["web"]["environment"]
    place = services(name)["backup"]["environment"]["BACKUP_DIR"]
    assert services(name, BACKUP_DIR=place)["web"]["environment"]["BACKUP_DIR"] == place


# ----- What each is told


@pytest.mark.parametrize("service", sorted(OURS))
def test_the_settings_read_all_that_a_service_of_ours_is_told(service):
    told = set(services(**dict.fromkeys(variables(), "1"))[service]["environment"])
    assert len(told) > 10
    assert told - variables_of_the_code() == set()


def test_one_name_is_all_that_the_site_is_called_by():
    found = services(SITE_HOST="scan.factory.example")
    told = found["web"]["environment"]
    assert told["ALLOWED_HOSTS"] == found["front"]["environment"]["SITE_HOST"]
    assert told["ALLOWED_HOSTS"] == "scan.factory.example"
    assert told["CSRF_TRUSTED_ORIGINS"] == told["SITE_URL"] == "https://scan.factory.example"
    assert found["prepare"]["environment"]["SITE_URL"] == told["SITE_URL"]


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
    told = {
        key: value
        for key, value in found["web"]["environment"].items()
        if not key.endswith("_FILE")
    }
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "quality.settings",
            **told,
            **SECRETS,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    pool = json.loads(result.stdout)["default"]["OPTIONS"]["pool"]
    assert pool["processes"] == int(given.get("WEB_WORKERS", "2"))
    assert 1 <= pool["processes"] * pool["max_size"] <= allowed - RESERVE


def test_secrets_come_before_the_database_this_before_migrations_and_these_before_the_site():
    for service in ("database", "front", "prometheus", "alertmanager", "grafana"):
        needed = SERVICES[service]["depends_on"]["prepare"]["condition"]
        assert needed == "service_completed_successfully"
    assert SERVICES["migrate"]["depends_on"]["database"]["condition"] == "service_healthy"
    for service in ("web", "backup"):
        needed = SERVICES[service]["depends_on"]["migrate"]["condition"]
        assert needed == "service_completed_successfully"
    assert SERVICES["database"]["healthcheck"]["interval"] == "10s"


def test_a_backup_comes_before_migrations_and_the_first_administrator_after():
    *shell, script = SERVICES["migrate"]["command"]
    # -e: what fails ends all of it, and the site does not start on half a schema.
    assert shell == ["sh", "-euc"]
    assert re.findall(r"manage\.py (.+)", script) == [
        "backup --before-migrations",
        "migrate --no-input",
        "firstadmin",
    ]


def test_a_backup_is_taken_each_night():
    assert services(BACKUP_AT="03:15")["backup"]["command"][-2:] == ["--nightly", "03:15"]
    assert SERVICES["backup"]["restart"] == "unless-stopped"
    for service in OURS:
        told = SERVICES[service]["environment"]["BACKUP_DIR"]
        assert volumes(SERVICES[service])[told].startswith("backups")


@pytest.mark.parametrize("service", ["migrate", "backup"])
def test_the_limit_of_a_request_does_not_cut_off_who_works_for_long(service):
    found = services(DB_READ_TIMEOUT="3", DB_STATEMENT_TIMEOUT="2")
    assert found["web"]["environment"]["DB_READ_TIMEOUT"] == "3"
    assert found[service]["environment"]["DB_READ_TIMEOUT"] == "0"
    assert found[service]["environment"]["DB_STATEMENT_TIMEOUT"] == "0"


# ----- How it stops


def test_whoever_waits_longer_is_told_later():
    """Each limit ends before the one around it: else that one cuts it off, and nobody hears why."""
    configuration = (DOCKER / "gunicorn.conf.py").read_text()

    def told(pattern: str) -> int:
        found = re.search(pattern, configuration, re.MULTILINE)
        assert found is not None, pattern
        return int(found[1])

    statement = told(r'setdefault\("DB_STATEMENT_TIMEOUT", "(\d+)"\)')
    read = told(r'setdefault\("DB_READ_TIMEOUT", "(\d+)"\)')
    request, graceful = told(r"^timeout = (\d+)$"), told(r"^graceful_timeout = (\d+)$")
    assert statement < read < request <= graceful
    leaving = graceful + told(r"else (\d+)$")
    assert leaving < seconds(SERVICES["web"]["stop_grace_period"])
    caddy = re.search(r"grace_period (\d+)s", (DOCKER / "Caddyfile").read_text())
    assert caddy is not None
    assert int(caddy[1]) < seconds(SERVICES["front"]["stop_grace_period"])


@pytest.mark.parametrize("service", sorted(OURS))
def test_whatever_the_image_writes_outlives_its_container(service):
    declared = re.search(r"^VOLUME (.*)$", (DOCKER / "Dockerfile").read_text(), re.MULTILINE)
    assert declared is not None
    assert set(json.loads(declared[1])) <= set(volumes(SERVICES[service]))


# ----- For developers


def test_developers_open_nothing_but_loopback():
    found = services("compose.development.yml")
    assert all(
        port.startswith("127.0.0.1:") for one in found.values() for port in one.get("ports", [])
    )
    assert found["web"]["environment"]["DEVELOPMENT"] == "1"
    assert "..:/app:ro" in found["web"]["volumes"]
