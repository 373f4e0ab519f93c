"""The folder quality/pool works alone, in a project that has nothing else of this house."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pool.conftest import SCHEMA
from tests.pool.project import ROOT, databases

SETTINGS = """
import json, os
DATABASES = json.loads(os.environ["DATABASES"])
INSTALLED_APPS = ["shop"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECRET_KEY = "tiny"
USE_TZ = True
"""

MODELS = """
from django.db import models

class Thing(models.Model):
    name = models.CharField(max_length=20, unique=True)
"""

TESTS = """
from django.db import connection, transaction
from django.test import TestCase, TransactionTestCase
from shop.models import Thing

class InTransactions(TestCase):
    def test_one(self):
        Thing.objects.create(name="one")
        self.assertEqual(Thing.objects.count(), 1)

    def test_the_other(self):
        self.assertEqual(Thing.objects.count(), 0)
        self.assertTrue(connection.settings_dict["NAME"].startswith("test_"))

class WithoutThem(TransactionTestCase):
    def test_on_commit(self):
        told = []
        with transaction.atomic():
            Thing.objects.create(name="two")
            transaction.on_commit(lambda: told.append(Thing.objects.count()))
        self.assertEqual(told, [1])
"""

USE = """
import os, sys, threading
import django
django.setup()
from django.db import IntegrityError, OperationalError, connection, connections, transaction
from PACKAGE import ledger
from PACKAGE.errors import PoolTimeout
from shop.models import Thing

# Queries and transactions.
Thing.objects.create(name="kept")
try:
    with transaction.atomic():
        Thing.objects.create(name="lost")
        Thing.objects.create(name="kept")
except IntegrityError:
    pass
assert [thing.name for thing in Thing.objects.all()] == ["kept"]

# It's a pool: the next thread gets the same connection.
def number():
    with connection.cursor() as cursor:
        cursor.execute("SELECT CONNECTION_ID()")
        return cursor.fetchone()[0]

mine = number()
connection.close()
seen = []
thread = threading.Thread(target=lambda: (seen.append(number()), connection.close()))
thread.start()
thread.join()
assert seen == [mine], (seen, mine)

# Exhausted: an error of Django's with the numbers of the moment.
connection.ensure_connection()
other = connections.create_connection("default")
try:
    other.ensure_connection()
except PoolTimeout as error:
    assert isinstance(error, OperationalError)
    assert (error.in_use, error.limit) == (1, 1), str(error)
    # The ledger is read while nothing can be borrowed.
    [numbers] = [one for one in ledger.read(os.environ["LEDGER"]) if one.pid]
    assert (numbers.pid, numbers.alias) == (os.getpid(), "default")
    assert (numbers.limit, numbers.open, numbers.in_use) == (1, 1, 1), numbers
    assert numbers.timeouts == 1
    assert numbers.holders[0].held_seconds > 0
else:
    raise AssertionError("Two borrowed from a pool of one.")
connection.close()
connections["default"].close_pool()

loaded = {name for name in sys.modules if name.split(".")[0] in ("quality", "scans", "accounts")}
foreign = {name for name in loaded - {"quality"} if not f"{name}.".startswith("quality.pool.")}
assert not foreign, foreign
assert not {"sqlalchemy", "dj_db_conn_pool"} & set(sys.modules)
for name, module in list(sys.modules.items()):
    if name == "PACKAGE" or name.startswith("PACKAGE."):
        assert module.__file__.startswith(os.environ["PYTHONPATH"]), module
assert not any(name.startswith("django.contrib") for name in sys.modules)
print("used")
"""


class LiftedOut:
    def __init__(self, path: Path, package: str) -> None:
        self.package = package
        self.path = path
        target = path.joinpath(*package.split("."))
        shutil.copytree(ROOT / "quality" / "pool", target, ignore=shutil.ignore_patterns("__py*"))
        for source in target.rglob("*.py"):
            # The one change that another name takes.
            source.write_text(source.read_text().replace("quality.pool", package))
        shop = path / "shop"
        shop.mkdir()
        for name, text in {"__init__": "", "models": MODELS, "tests": TESTS}.items():
            (shop / f"{name}.py").write_text(text)
        (path / "tiny.py").write_text(SETTINGS)
        self.ledger = path / "ledger"
        self.database = databases(NAME=SCHEMA, pool={"max_size": 1, "timeout": 2})
        self.database["default"]["ENGINE"] = package
        self.database["default"]["OPTIONS"]["pool"]["ledger"] = str(self.ledger)

    def run(self, *command: str, **options: object) -> str:
        database = json.loads(json.dumps(self.database))
        database["default"]["OPTIONS"]["pool"] |= options
        done = subprocess.run(
            [sys.executable, "-W", "error", *command],
            cwd=self.path,
            env={
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(self.path),
                "DJANGO_SETTINGS_MODULE": "tiny",
                "DATABASES": json.dumps(database),
                "LEDGER": str(self.ledger),
            },
            capture_output=True,
            text=True,
            timeout=300,
        )
        return done.stdout + done.stderr + f"\nexit {done.returncode}"


@pytest.mark.parametrize("package", ["quality.pool", "lending_library"])
def test_the_folder_alone_serves_another_project(package, tmp_path, server):
    lifted = LiftedOut(tmp_path, package)
    try:
        assert lifted.run("-m", "django", "migrate", "--run-syncdb").endswith("exit 0")
        said = lifted.run("-c", USE.replace("PACKAGE", package))
        assert said.endswith("used\n\nexit 0"), said
        said = lifted.run("-m", "django", "check", "--database", "default")
        assert "no issues" in said, said
        said = lifted.run("-m", "django", "check", "--database", "default", processes=500)
        assert f"({package}.E001)" in said, said
        assert "500 processes × 1 connection × 1 host = 500 > " in said
        assert said.endswith("exit 1")
        said = lifted.run("-m", "django", "test", max_size=3)
        assert "Ran 3 tests" in said, said
        assert said.endswith("exit 0"), said
        assert "unknown key 'max_sise'" in lifted.run("-m", "django", "check", max_sise=3)
    finally:
        server.query(f"DROP TABLE IF EXISTS {SCHEMA}.shop_thing, {SCHEMA}.django_migrations")
