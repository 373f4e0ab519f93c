"""Chores that write down that they were done."""

import os
import time
from pathlib import Path

from django.db import connection

FOLDER = Path(os.environ.get("VAR_DIR") or ".")


def _write(text: str) -> None:
    with (FOLDER / "done").open("a") as file:
        file.write(f"{os.getpid()} {text}\n")


def fails() -> None:
    _write("failed")
    raise ValueError(f"number {time.time()} is none")


def asks_the_database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    _write("asked")


def waits() -> None:
    if (FOLDER / "wait").exists():
        _write("waits")
        time.sleep(60)
