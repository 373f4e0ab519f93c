"""Each line goes where its area is, looks as asked for, and holds no secrets."""

import datetime
import json
import logging
import logging.config
import os
import subprocess
import sys

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError

from quality import logs
from quality.logs import JsonLine, TextLine
from quality.monitor import work
from quality.monitor.texts import without_values
from tests.quality.test_settings import PRODUCTION, ROOT


def record(message: str = "hello", *args: object, **fields: object) -> logging.LogRecord:
    made = logging.LogRecord("scans.views", logging.INFO, __file__, 1, message, args, None)
    if fields:
        made.fields = fields
    return made


@pytest.fixture
def request_id():
    now = work.Work(None, "station-7.000123")
    work.begin(now)
    yield now.request_id
    work.end()


def test_a_line_of_text_has_time_level_process_request_logger_and_fields(request_id):
    line = TextLine().format(
        record("%s done", "it", seconds=0.00003, held={"sql": 1.5}, path="/a b", text='"', no="")
    )
    moment, rest = line.split(" ", 1)
    assert datetime.datetime.fromisoformat(moment).utcoffset() is not None
    assert rest == (
        f"INFO {os.getpid()} {request_id} scans.views: it done "
        'seconds=0.00003 held.sql=1.5 path="/a b" text="\\"" no=""'
    )


def test_no_text_passes_for_a_line_of_its_own_or_commands_a_terminal():
    forged = "2026-11-21T00:00:00.000+02:00 INFO 1 - quality.settings: all is well"
    made = record("%s", f"a\n{forged}\r{forged}\x1b[2J\u2028b", field=f"\x9b1m\n{forged}")
    try:
        raise ValueError(f"c\n{forged}\x1b[31m")
    except ValueError:
        made.exc_info = sys.exc_info()
    first, *others = TextLine().format(made).splitlines()
    assert first.endswith("scans.views: a")
    assert others
    assert all(line.startswith("    ") for line in others)
    assert all(line.isprintable() for line in others)


def test_a_line_of_json_has_the_same(request_id):
    line = json.loads(JsonLine().format(record("%s done", "it", seconds=0.5, held={"sql": 1})))
    moment = line.pop("time")
    assert datetime.datetime.fromisoformat(moment).utcoffset() is not None
    assert line == {
        "level": "INFO",
        "process": os.getpid(),
        "request": request_id,
        "logger": "scans.views",
        "message": "it done",
        "seconds": 0.5,
        "held": {"sql": 1},
    }


@pytest.mark.parametrize("form", [TextLine, JsonLine])
def test_an_error_of_the_database_shows_no_value(form, db):
    name = "".join(["it's", " ", "sec", "ret"])
    Group.objects.create(name=name)
    with pytest.raises(IntegrityError) as error:
        Group.objects.create(name=name)
    failed = record()
    failed.exc_info = error._excinfo
    text = form().format(failed)
    assert "IntegrityError" in text
    assert "1062" in text
    assert "secret" not in text
    assert "for key 'name'" in text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("(1062, \"Duplicate entry 'it's' for key 'name'\")", "Duplicate entry '…' for key 'name'"),
        ("(1366, \"Incorrect integer value: 'x' for column `a`\")", "value: '…' for column `a`"),
        ("syntax to use near 'WHERE x = 'secret'' at line 1", "near '…' at line 1"),
        ("(1292, \"Truncated incorrect DOUBLE value: 'se\ncret'\")", "DOUBLE value: '…'\")"),
        ("(1146, \"Table 'quality.x' doesn't exist\")", "Table 'quality.x' doesn't exist"),
    ],
)
def test_what_the_server_quotes_is_left_out(text, shown):
    assert shown in without_values(text)
    assert "secret" not in without_values(text)


# ----- Where lines go

SAY = """
import logging
from django.conf import settings
import django
django.setup()
for name in ("scans.views", "gunicorn.error", "django.security", "accounts.attempts",
             "quality.database", "quality.database.slow", "quality.pool.leaks", "quality.routes",
             "quality.settings", "quality.settings.start"):
    logging.getLogger(name).info("%s says", name)
logging.getLogger("quality.pool").warning("the pool warns")
logging.getLogger("quality.database").warning("the database warns")
logging.getLogger("quality.routes").error("a route fails")
logging.getLogger("django.request").warning("Not Found: /x")
"""


def say(folder, code=SAY, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "DJANGO_SETTINGS_MODULE": "quality.settings",
            **PRODUCTION,
            "LOG_DIR": str(folder),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def messages(text):
    return [line.split(": ", 1)[1] for line in text.splitlines()]


def test_each_area_has_a_file_and_the_console_what_matters(tmp_path):
    console = messages(say(tmp_path))
    files = {path.stem: messages(path.read_text()) for path in tmp_path.iterdir()}
    assert files == {
        "application": [
            *("scans.views says", "gunicorn.error says", "django.security says"),
        ],
        "database": [
            *("quality.database says", "quality.database.slow says", "quality.pool.leaks says"),
            *("the pool warns", "the database warns"),
        ],
        "routes": ["quality.routes says", "a route fails"],
        "settings": [
            *("accounts.attempts says", "quality.settings says", "quality.settings.start says"),
        ],
        "errors": ["a route fails"],
    }
    everything = {line for area, lines in files.items() for line in lines}
    assert everything - set(console) == {"quality.database says", "quality.settings.start says"}
    assert len(console) == len(set(console))


def test_the_console_speaks_json_when_asked(tmp_path):
    for line in say(tmp_path, LOG_FORMAT="json").splitlines():
        assert {"time", "level", "logger", "message"} <= json.loads(line).keys()


def test_a_logger_says_more_when_asked_to(tmp_path):
    code = SAY.split("for name")[0] + (
        "for name in ('accounts.backends', 'scans.views', 'scans'):\n"
        "    logging.getLogger(name).debug('%s in detail', name)"
    )
    say(tmp_path / "usual", code)
    assert not any(path.read_text() for path in (tmp_path / "usual").glob("*"))
    say(tmp_path, code, LOG_DEBUG="accounts.backends, scans.views")
    assert messages((tmp_path / "settings.log").read_text()) == ["accounts.backends in detail"]
    assert messages((tmp_path / "application.log").read_text()) == ["scans.views in detail"]


def test_a_form_that_does_not_exist_is_refused(monkeypatch):
    monkeypatch.setenv("LOG_FORMAT", "xml")
    with pytest.raises(ImproperlyConfigured, match="LOG_FORMAT must be text or json, not 'xml'"):
        logs.configuration()


def test_a_folder_that_cannot_be_written_to_costs_no_start(tmp_path):
    (tmp_path / "file").write_text("")
    console = say(tmp_path / "file")
    assert "cannot be written, its lines are lost" in console
    assert "scans.views says" in console


def test_the_sizes_are_those_that_were_promised():
    sizes = {
        name: (handler["max_bytes"], handler["backups"])
        for name, handler in logs.configuration()["handlers"].items()
        if name != "console"
    }
    ten, five = (10_000_000, 10), (5_000_000, 5)
    assert sizes == {
        "application": ten,
        "database": ten,
        "routes": ten,
        "errors": five,
        "settings": five,
    }


def test_the_settings_of_a_start_are_logged_without_secrets(tmp_path):
    code = SAY.split("for name")[0] + (
        "from quality.monitor.startup import log_settings; log_settings()"
    )
    say(
        tmp_path,
        code,
        REDIS_URL="redis://:redis@secret@cache:6379/0",
        DAILY_REPORT_EMAIL="lead@factory.example",
        EMAIL_URL="smtp+tls://mailer:mail-secret@mail.example:587",
        DAILY_REPORT_WEBHOOK="https://hooks.example/hook-secret",
    )
    text = (tmp_path / "settings.log").read_text()
    assert "ALLOWED_HOSTS = ['quality.example']" in text
    assert "DATABASE_URL = 'mysql://…@db.example:3306/quality'" in text
    assert "SLOW_STATEMENT_SECONDS = 0.5" in text
    assert PRODUCTION["SECRET_KEY"] not in text
    assert ":secret" not in text
    # A password may hold the sign that ends it.
    assert "REDIS_URL = 'redis://…@cache:6379/0'" in text
    assert "'secret'" not in text
    assert "EMAIL_URL = 'smtp+tls://…@mail.example:587'" in text
    assert "mail-secret" not in text
    assert "hook-secret" not in text
