"""Production is the default, and says what it lacks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
        timeout=60,
    )


def test_production_without_secrets_says_what_is_missing():
    result = run("settings.DEBUG")
    assert result.returncode != 0
    for name in PRODUCTION:
        assert name in result.stderr
    assert "DEVELOPMENT=1" in result.stderr


@pytest.mark.parametrize("name", PRODUCTION)
def test_each_missing_one_stops_the_start(name):
    result = run("settings.DEBUG", **(PRODUCTION | {name: ""}))
    assert f"  {name}: " in result.stderr
    assert sum(f"  {other}: " in result.stderr for other in PRODUCTION) == 1


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


def test_all_workers_of_a_host_share_20_connections():
    for workers in (1, 2, 3, 20, 40):
        result = run(
            "print(settings.DATABASES['default']['OPTIONS']['pool']['max_size'])",
            **PRODUCTION,
            WEB_WORKERS=str(workers),
        )
        assert int(result.stdout) == max(1, 20 // workers)


def test_the_deploy_check_is_clean():
    result = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **PRODUCTION},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
