"""Knows every secret: what people gave, else what was made once and is never made again."""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

# Made when they are missing. Letters and digits: they go into addresses and into SQL.
MADE: dict[str, Callable[[], str]] = {
    "secret_key": lambda: secrets.token_urlsafe(48),
    "root_password": lambda: secrets.token_hex(24),
    "owner_password": lambda: secrets.token_hex(24),
    "site_password": lambda: secrets.token_hex(24),
    "metrics_token": lambda: secrets.token_hex(32),
    "grafana_password": lambda: secrets.token_hex(12),
}
# Only people have these.
ONLY_GIVEN = {
    *("admin_password", "backup_key", "daily_report_webhook", "email_url"),
    *("pagerduty_key", "slack_url", "tls.crt", "tls.key"),
}
# One without the other serves nobody.
PAIR = {"tls.crt", "tls.key"}


class Refused(Exception):
    """What was given cannot be meant; says what to do, never what stands in it."""


def gather(given: Path, kept: Path) -> tuple[dict[str, str], list[str]]:
    """The secrets there are, by name, and which of them were made just now. Raises Refused."""
    values = _given(given)
    made = []
    for name, make in MADE.items():
        if name in values:
            continue
        if not (kept / name).exists():
            _keep(kept / name, make())
            made.append(name)
        values[name] = (kept / name).read_text()
    return values, made


def _given(folder: Path) -> dict[str, str]:
    # Hidden files are an editor's.
    paths = [path for path in sorted(folder.glob("*")) if not path.name.startswith(".")]
    known = MADE.keys() | ONLY_GIVEN
    if unknown := sorted({path.name for path in paths} - known):
        raise Refused(
            f"docker/secrets/{unknown[0]} is none of {', '.join(sorted(known))}. Name it so, or "
            "take it away."
        )
    values = {path.name: path.read_text().strip() for path in paths}
    for name, value in values.items():
        if not value:
            raise Refused(f"docker/secrets/{name} is empty. Write it, or take the file away.")
    if len(PAIR & values.keys()) == 1:
        raise Refused("A certificate is two files, docker/secrets/tls.crt and tls.key: give both.")
    if "slack_url" in values and urlsplit(values["slack_url"]).scheme != "https":
        raise Refused("docker/secrets/slack_url must be a webhook's address, https://…")
    return values


def _keep(path: Path, value: str) -> None:
    """Whole or not at all, so that a full disk leaves no empty secret; and never over another."""
    aside = path.with_name(f".{path.name}.new")
    aside.unlink(missing_ok=True)
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w") as file:
        file.write(value)
        file.flush()
        os.fsync(file.fileno())
    try:
        path.hardlink_to(aside)
    except FileExistsError:
        raise Refused(f"{path.name} was made by another start just now. Start once more.") from None
    finally:
        aside.unlink()
