"""Makes two versions of the house: copies of its code, each with files named by their content."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.serving import ROOT, Site

LEAF = max(path.stem for path in (ROOT / "scans" / "migrations").glob("0*.py"))
ROOMS = ("accounts", "docker", "quality", "scans", "templates")
SCRIPTS = Path("scans") / "static" / "scans"
# Demo people on plain http, and all the same what production does with static files.
SETTINGS = """
from quality.settings import *

STATIC_ROOT = BASE_DIR / "collected"
STORAGES = STORAGES | {"staticfiles": {"BACKEND": "quality.storage.StaticFiles"}}
WHITENOISE_USE_FINDERS = False
"""
MIGRATION = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("scans", "{before}")]
    operations = [
        migrations.AddField("scan", "lot", models.CharField(max_length=8, db_default="")),
        migrations.AddField("station", "lot", models.CharField(max_length=8, db_default="")),
    ]
"""


@dataclass
class Version:
    """A copy of the code that a site can be started on."""

    root: Path

    def change(self, path: Path | str, pattern: str, replacement: str) -> None:
        file = self.root / path
        text, count = re.subn(pattern, replacement, file.read_text())
        assert count, f"{path} has no {pattern}"
        file.write_text(text)

    def manage(self, site: Site, *command: str) -> None:
        """Run a command of this version on the site's database."""
        subprocess.run(
            [sys.executable, "manage.py", *command, "--no-input", "--verbosity=0"],
            cwd=self.root,
            env=site.env,
            check=True,
            timeout=300,
        )

    def names(self) -> set[str]:
        """The paths of its static files, as its pages ask for them."""
        manifest = json.loads((self.root / "collected" / "staticfiles.json").read_text())
        return {f"/static/{name}" for name in manifest["paths"].values()}


def copied(folder: Path) -> Version:
    """The code as it is, but that its page looks for a newer version each second."""
    for room in ROOMS:
        shutil.copytree(
            ROOT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__", "secrets")
        )
    for name in ("manage.py", "RUNBOOK.md"):
        shutil.copy(ROOT / name, folder / name)
    (folder / "versioned.py").write_text(SETTINGS)
    version = Version(folder)
    version.change(SCRIPTS / "offline.js", "LOOK_SECONDS = 300", "LOOK_SECONDS = 1")
    return version


def make_newer(version: Version) -> None:
    """As a next version might be: a module renamed, one new, others changed, two columns more."""
    migration = version.root / "scans" / "migrations" / "9999_lot.py"
    migration.write_text(MIGRATION.format(before=LEAF))
    scripts = version.root / SCRIPTS
    (scripts / "reader.js").rename(scripts / "keys.js")
    for name in ("page.js", "scanner.js", "notes.js"):
        version.change(SCRIPTS / name, r'"\./reader\.js"', '"./keys.js"')
    (scripts / "made.js").write_text('document.documentElement.dataset.made = "newer";\n')
    version.change(SCRIPTS / "banner.js", r"\A", 'import "./made.js";\n')
    for name in ("scans.css", "desk.js", "worker.js"):
        version.change(SCRIPTS / name, r"\Z", "\n/* newer */\n")
    version.change(SCRIPTS / "icons.svg", r"</svg>\s*\Z", "<!-- newer --></svg>\n")
    version.change("templates/scans/station.html", '<main id="station"', r"\g<0> data-newer")
