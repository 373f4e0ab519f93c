"""Has the chain of seals of a restored database verified, by the command that settings name."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.utils.module_loading import import_string

from quality.backups.errors import BackupError


def heads() -> dict[str, str]:
    """Where the chains end now: chain → digest, "" before its first seal."""
    found: dict[str, str] = import_string(settings.BACKUP_HEADS)()
    return found


def verify_chain(database: str, wanted: Mapping[str, str]) -> dict[str, Any]:
    """What the command finds in another database; each head of `wanted` must be in a chain there.

    Nothing where none is known: of a database of another version.

    In a process of its own, which takes that database for the house's: the room that knows the
    chain knows no other. Raises BackupError when a link is broken.
    """
    if not wanted:
        return {}
    url = urlsplit(settings.DATABASE_URL)._replace(path=f"/{quote(database, safe='')}").geturl()
    environment = os.environ | {
        "DATABASE_URL": url,
        # Reading all records takes as long as it takes.
        "DB_READ_TIMEOUT": "0",
        "DB_STATEMENT_TIMEOUT": "0",
    }
    environment.pop("DATABASE_DIRECT_URL", None)
    noted = [word for head in wanted.values() if head for word in ("--head", head)]
    done = subprocess.run(
        [sys.executable, "manage.py", settings.BACKUP_VERIFICATION, "--json", *noted],
        cwd=settings.BASE_DIR,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        result: dict[str, Any] = json.loads(done.stdout.strip().rpartition("\n")[2])
        count, findings = result["count"], result["findings"]
    except (ValueError, LookupError, TypeError):
        raise BackupError(
            f"{settings.BACKUP_VERIFICATION} failed on {database} (exit {done.returncode}): "
            f"{done.stderr.strip()[-1000:]}"
        ) from None
    if count or done.returncode:
        first = findings[0] if findings else {}
        raise BackupError(
            f"The chain of seals in {database} is broken in {count} places; the first: "
            f"{first.get('table')}, seal {first.get('seal')}, id {first.get('record')}: "
            f"{first.get('wrong')}. {first.get('text')}"
        )
    return {name: result[name] for name in ("sealed", "seals", "unsealed", "heads")}
