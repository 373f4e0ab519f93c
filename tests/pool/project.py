"""Tiny Django projects in processes of their own: they have the ENGINE and nothing else of ours."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from django.conf import settings

ROOT = Path(__file__).resolve().parents[2]

# The account of the tests may do anything in schemas with this beginning.
SCHEMA = "quality_pooltests"

# What a script begins with.
SETUP = """
import json, os, sys
import django
from django.conf import settings
settings.configure(DATABASES=json.loads(os.environ["DATABASES"]), USE_TZ=True)
django.setup()
from django.db import connection, connections, transaction

def value(sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()[0]

def thread_id():
    return value("SELECT CONNECTION_ID()")

"""


def databases(engine: str = "quality.pool", **changes: Any) -> dict[str, Any]:
    """DATABASES of a tiny project, on the tests' server."""
    database: dict[str, Any] = copy.deepcopy(settings.DATABASES["default"])
    pool = database["OPTIONS"].pop("pool")
    if engine == "quality.pool":
        # Without a minimum, as in the other tests.
        database["OPTIONS"]["pool"] = pool | {"min_size": 0} | changes.pop("pool", {})
    wanted = ("USER", "PASSWORD", "HOST", "PORT", "OPTIONS", "TEST")
    return {"default": {"ENGINE": engine, **{key: database[key] for key in wanted}, **changes}}


def environment(databases: dict[str, Any], **more: str) -> dict[str, str]:
    """The environment of a tiny project's process."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG") if key in os.environ}
    paths = f"{more.pop('path')}:{ROOT}" if "path" in more else str(ROOT)
    return {**kept, "PYTHONPATH": paths, "DATABASES": json.dumps(databases), **more}


def run(*command: str, env: dict[str, str], seconds: float = 180) -> str:
    """What a Python process says, which has to end well."""
    done = subprocess.run(
        [sys.executable, *command], env=env, timeout=seconds, text=True, capture_output=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def run_script(script: str, databases: dict[str, Any]) -> str:
    """What a script says, in which warnings are errors."""
    return run("-W", "error", "-c", SETUP + script, env=environment(databases))


class Project:
    """A folder with settings and one app, `shop`."""

    def __init__(self, path: Path, databases: dict[str, Any], *apps: str) -> None:
        self.path = path
        self.env = environment(databases, path=str(path), DJANGO_SETTINGS_MODULE="tiny")
        self.write(
            "tiny.py",
            "import json, os\n"
            'DATABASES = json.loads(os.environ["DATABASES"])\n'
            f"INSTALLED_APPS = {[*apps, 'shop']}\n"
            'DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"\n'
            'ROOT_URLCONF = "shop.urls"\n'
            'SECRET_KEY = "tiny"\n'
            "USE_TZ = True\n",
        )
        self.write("shop/__init__.py", "")
        self.write("shop/urls.py", "urlpatterns = []\n")
        self.write(
            "shop/models.py",
            "from django.db import models\n"
            "class Thing(models.Model):\n"
            "    name = models.CharField(max_length=20)\n",
        )

    def write(self, name: str, text: str) -> None:
        path = self.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def manage(self, *command: str) -> str:
        return run("-m", "django", *command, env=self.env)
