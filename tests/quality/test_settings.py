"""Production is the default, and says what it lacks."""

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from django.core.exceptions import ImproperlyConfigured

from quality.environment import secret

ROOT = Path(__file__).resolve().parents[2]
PRODUCTION = {
    "SECRET_KEY": "x" * 25 + "abcdefghijklmnopqrstuvwxyz0123456789",
    "ALLOWED_HOSTS": "quality.example",
    "DATABASE_URL": "mysql://quality:secret@db.example:3306/quality",
}


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a line of Python with these settings and nothing else in the environment."""
    return subprocess.run(
        [sys.executable, "-c", f"from django.conf import settings; {code}"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "quality.settings",
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=300,
    )


def test_production_without_secrets_says_what_is_missing():
    result = run("settings.DEBUG")
    assert result.returncode != 0
    for name in PRODUCTION:
        assert name in result.stderr
    assert "DEVELOPMENT=1" in result.stderr


@pytest.mark.parametrize("password", ["sesame/open", "sesame?open"])
@pytest.mark.parametrize(
    "changed",
    [
        {"DATABASE_URL": "mysql://quality:{}@db.example/quality"},
        {"EMAIL_URL": "smtp+tls://quality:{}@mail.example:587"},
        {"REDIS_URL": "redis://:{}@cache.example:6379/0"},
    ],
)
def test_a_password_that_is_not_quoted_is_refused_and_no_part_of_it_told(changed, password):
    [(name, url)] = changed.items()
    result = run("settings.DEBUG", **(PRODUCTION | {name: url.format(password)}))
    assert f"{name} cannot be read" in result.stderr
    assert "%2F" in result.stderr
    assert "sesame" not in result.stderr


@pytest.mark.parametrize("password", ["se#same", "se[same", "se]sa#me", "s@e#same", "se%23same"])
def test_what_a_password_may_have_unquoted_is_quoted_for_others(password):
    """The restore test of a backup changes the name in it."""
    url = f"mysql://quality:{password}@[::1]:3307/quality?unix_socket=/a#b"
    code = (
        "d = settings.DATABASES['default']; print(d['PASSWORD'], d['PORT'], settings.DATABASE_URL)"
    )
    result = run(code, **(PRODUCTION | {"DATABASE_URL": url}))
    assert result.returncode == 0, result.stderr
    read, port, whole = result.stdout.split()
    assert (read, port) == (unquote(password), "3307")
    parts = urlsplit(whole)
    assert (unquote(parts.password or ""), parts.path) == (read, "/quality")
    assert parts.hostname == "::1"


@pytest.mark.parametrize("name", PRODUCTION)
def test_each_missing_one_stops_the_start(name):
    result = run("settings.DEBUG", **(PRODUCTION | {name: ""}))
    assert f"  {name}: " in result.stderr
    assert sum(f"  {other}: " in result.stderr for other in PRODUCTION) == 1


def test_what_is_secret_may_lie_in_files(tmp_path):
    for name in ("SECRET_KEY", "DATABASE_URL"):
        (tmp_path / name).write_text(f"{PRODUCTION[name]}\n")
    files = {f"{name}_FILE": str(tmp_path / name) for name in ("SECRET_KEY", "DATABASE_URL")}
    result = run(
        "print(settings.SECRET_KEY, settings.DATABASES['default']['PASSWORD'])",
        ALLOWED_HOSTS="quality.example",
        **files,
    )
    assert result.stdout.split() == [PRODUCTION["SECRET_KEY"], "secret"], result.stderr


def test_an_empty_file_counts_as_missing(tmp_path):
    (tmp_path / "empty").touch()
    given = PRODUCTION | {"SECRET_KEY": "", "SECRET_KEY_FILE": str(tmp_path / "empty")}
    assert "  SECRET_KEY: " in run("settings.DEBUG", **given).stderr


@pytest.mark.parametrize(("command", "host"), [("migrate", "direct"), ("check", "proxy")])
def test_the_direct_way_may_lie_in_a_file_and_is_for_migrations(tmp_path, command, host):
    (tmp_path / "direct").write_text("mysql://quality:x@direct/quality")
    given = PRODUCTION | {
        "DATABASE_URL": "mysql://quality:x@proxy/quality",
        "DATABASE_DIRECT_URL_FILE": str(tmp_path / "direct"),
    }
    code = f"import sys; sys.argv = ['manage.py', '{command}']; print(settings.DATABASE_URL)"
    assert f"@{host}/" in run(code, **given).stdout


def test_production_is_closed():
    result = run(
        "print(settings.DEBUG, settings.SESSION_COOKIE_SECURE, settings.SECURE_SSL_REDIRECT)",
        **PRODUCTION,
        DEBUG="1",  # opens nothing without DEVELOPMENT
    )
    assert result.stdout.split() == ["False", "True", "True"]


@pytest.mark.parametrize(
    ("url", "remedy"),
    [
        ("postgres://u:p@h/d", "mysql://user:password@host:port/name"),
        ("mysql://u:p@h", "names no database"),
    ],
)
def test_a_database_url_that_cannot_be_is_explained(url, remedy):
    result = run("settings.DEBUG", **(PRODUCTION | {"DATABASE_URL": url}))
    assert result.returncode != 0
    assert remedy in result.stderr


@pytest.mark.parametrize("workers", ["0", "-1", "two", "1.5"])
def test_a_number_of_workers_that_cannot_be_is_explained(workers):
    result = run("settings.DEBUG", **PRODUCTION, WEB_WORKERS=workers)
    assert "WEB_WORKERS must be a whole number" in result.stderr


POOL = "print(settings.DATABASES['default']['OPTIONS']['pool'][{!r}])"


def test_all_workers_of_a_host_share_20_connections():
    for workers in (1, 2, 3, 20):
        result = run(POOL.format("max_size"), **PRODUCTION, WEB_WORKERS=str(workers))
        assert int(result.stdout) == 20 // workers


def test_more_workers_than_connections_are_refused_and_not_given_one_each():
    result = run("settings.DEBUG", **PRODUCTION, WEB_WORKERS="21")
    assert "21 workers cannot share 20 connections" in result.stderr


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ({"DB_MAX_CONNECTIONS": "24"}, 7),  # (24 - 10) // 2
        ({"DB_MAX_CONNECTIONS": "60", "DB_HOSTS": "5"}, 5),  # (60 - 10) // 5 // 2
        ({"DB_MAX_CONNECTIONS": "500"}, 10),  # the usual 20 are enough
        ({"HOST_CONNECTIONS": "60"}, 30),
        ({"HOST_CONNECTIONS": "60", "DB_POOL_SIZE": "4"}, 4),
    ],
)
def test_the_size_of_a_pool_follows_from_what_the_server_allows(given, size):
    result = run(POOL.format("max_size"), **PRODUCTION, **given)
    assert int(result.stdout) == size, result.stderr


def test_the_check_learns_how_many_processes_and_hosts_there_are():
    given = {"WEB_WORKERS": "4", "DB_HOSTS": "3"}
    assert run(POOL.format("processes"), **PRODUCTION, **given).stdout.strip() == "4"
    assert run(POOL.format("hosts"), **PRODUCTION, **given).stdout.strip() == "3"


def test_limits_of_statements_and_of_the_host_are_the_environments():
    given = {"DB_STATEMENT_TIMEOUT": "6", "DB_HOST_LIMIT": "20"}
    assert run(POOL.format("statement_timeout"), **PRODUCTION, **given).stdout.strip() == "6"
    assert run(POOL.format("host_limit"), **PRODUCTION, **given).stdout.strip() == "20"
    assert "KeyError" in run(POOL.format("host_limit"), **PRODUCTION).stderr


def test_the_folder_of_the_ledger_can_be_named():
    assert "KeyError: 'ledger'" in run(POOL.format("ledger"), **PRODUCTION).stderr
    named = run(POOL.format("ledger"), **PRODUCTION, DB_LEDGER="/run/quality")
    assert named.stdout.strip() == "/run/quality"


@pytest.mark.parametrize(("command", "name"), [("migrate", "direct"), ("shell", "quality")])
def test_migrations_alone_go_past_a_proxy(command, name):
    result = run(
        f"import sys; sys.argv[1:] = ['{command}']; print(settings.DATABASES['default']['NAME'])",
        **PRODUCTION,
        DATABASE_DIRECT_URL="mysql://quality:secret@db.example:3307/direct",
    )
    assert result.stdout.strip() == name


@pytest.mark.parametrize("given", ["quality.example", "https://quality.example/", "ftp://a"])
def test_the_address_of_the_site_has_a_scheme_and_no_path(given):
    result = run("settings.DEBUG", **PRODUCTION, SITE_URL=given)
    assert f"SITE_URL must look like https://quality.example, without a path, not '{given}'" in (
        result.stderr
    )
    good = run("print(settings.SITE_URL)", **PRODUCTION, SITE_URL="https://quality.example")
    assert good.stdout.strip() == "https://quality.example"


@pytest.mark.parametrize("given", ["0", "-1", "fast"])
def test_the_times_of_alerts_cannot_be_none(given):
    result = run("settings.DEBUG", **PRODUCTION, ALERT_TIME_FACTOR=given)
    assert f"ALERT_TIME_FACTOR must be a number above 0, not '{given}'" in result.stderr


def test_a_redis_is_the_cache_if_it_is_named():
    backend = "print(settings.CACHES['default']['BACKEND'])"
    assert "locmem" in run(backend, **PRODUCTION).stdout
    assert "redis" in run(backend, **PRODUCTION, REDIS_URL="redis://cache:6379/0").stdout
    assert "REDIS_URL must look like" in run(backend, **PRODUCTION, REDIS_URL="cache:6379").stderr


def test_the_deploy_check_is_clean():
    result = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **PRODUCTION},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert result.returncode == 0, result.stderr


def test_a_secret_may_stand_in_a_file(monkeypatch, tmp_path):
    assert secret("A_TOKEN") == ""
    monkeypatch.setenv("A_TOKEN", "told")
    assert secret("A_TOKEN") == "told"
    monkeypatch.setenv("A_TOKEN_FILE", str(tmp_path / "token"))
    # Whoever starts a process with another one need not know of the file.
    assert secret("A_TOKEN") == "told"
    monkeypatch.delenv("A_TOKEN")
    with pytest.raises(ImproperlyConfigured, match=r"A_TOKEN_FILE cannot be read: .*token"):
        secret("A_TOKEN")
    (tmp_path / "token").write_text("kept\n")
    assert secret("A_TOKEN") == "kept"


@pytest.mark.parametrize(
    ("environment", "remedy"),
    [
        ({"DAILY_REPORT_AT": "half past six"}, "DAILY_REPORT_AT must be a time such as 06:30"),
        ({"DAILY_REPORT_WEBHOOK": "http://hooks.example/x"}, "must look like https://host/path"),
        ({"DAILY_REPORT_WEBHOOK": "http://127.0.0.1/x"}, "must look like https://host/path"),
        ({"DAILY_REPORT_EMAIL": "lead@factory.example"}, "DAILY_REPORT_EMAIL needs EMAIL_URL"),
        ({"DAILY_REPORT_LANGUAGE": "fr"}, "DAILY_REPORT_LANGUAGE must be ro or en"),
        ({"CHORES_INTERVAL": "-1"}, "CHORES_INTERVAL must be a whole number of at least 0"),
    ],
    ids=str,
)
def test_a_daily_report_that_cannot_be_is_explained(environment, remedy):
    result = run("settings.DEBUG", **PRODUCTION, **environment)
    assert result.returncode != 0
    assert remedy in result.stderr


def test_mail_goes_where_the_environment_says():
    names = "settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS"
    url = "smtp+tls://mailer:p%40ss@mail.example:587"
    result = run(
        f"print({names}, settings.EMAIL_HOST_PASSWORD, settings.DAILY_REPORT_EMAIL)",
        **PRODUCTION,
        EMAIL_URL=url,
        DAILY_REPORT_EMAIL="a@factory.example,b@factory.example",
    )
    assert result.stdout.split() == [
        "mail.example", "587", "True", "p@ss", "['a@factory.example',", "'b@factory.example']",
    ]  # fmt: skip
