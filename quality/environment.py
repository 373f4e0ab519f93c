"""Reads the environment, and refuses what cannot be meant by its name."""

import contextlib
import math
import os
import secrets
from datetime import datetime, time
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent
# Everything that a start writes.
VAR_DIR = Path(os.environ.get("VAR_DIR") or BASE_DIR / "var").resolve()


def whole_number(name: str, default: int, *, least: int = 1) -> int:
    """The variable `name`; an empty one counts as unset. Raises ImproperlyConfigured."""
    text = os.environ.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or int(text) < least:
        raise ImproperlyConfigured(
            f"{name} must be a whole number of at least {least}, not {text!r}."
        )
    return int(text)


def seconds(name: str, default: float) -> float:
    """The variable `name`, a time above 0. Raises ImproperlyConfigured."""
    return _above_zero(name, default, "a number of seconds")


def factor(name: str, default: float) -> float:
    """The variable `name`, a number above 0. Raises ImproperlyConfigured."""
    return _above_zero(name, default, "a number")


def _above_zero(name: str, default: float, what: str) -> float:
    text = os.environ.get(name) or str(default)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise ImproperlyConfigured(f"{name} must be {what} above 0, not {text!r}.")
    return value


def time_of_day(name: str, default: str) -> time:
    """The variable `name`, such as 06:30. Raises ImproperlyConfigured."""
    text = os.environ.get(name) or default
    try:
        return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 - it has no zone
    except ValueError:
        raise ImproperlyConfigured(f"{name} must be a time such as 06:30, not {text!r}.") from None


def unreadable(variable: str) -> ImproperlyConfigured:
    """What to say of a URL of which a part may be of the password: nothing that stands in it."""
    return ImproperlyConfigured(
        f"{variable} cannot be read: its port is no number, or its password has a / or ? in it, "
        "which must be written as %2F or %3F."
    )


def is_private(url: str, *, or_loopback: bool) -> bool:
    """Whether nobody on the way to it reads along."""
    parts = urlsplit(url)
    if or_loopback and parts.hostname == "127.0.0.1":
        return parts.scheme in ("http", "https")
    return parts.scheme == "https" and bool(parts.hostname)


def networks(name: str, *, default: str) -> list[IPv4Network | IPv6Network]:
    """The variable `name`, addresses and networks with commas. Raises ImproperlyConfigured."""
    texts = (os.environ.get(name) or default).split(",")
    try:
        return [ip_network(text.strip()) for text in texts if text.strip()]
    except ValueError as error:
        raise ImproperlyConfigured(
            f"{name} must be addresses or networks like 10.0.0.0/24, separated by commas: {error}."
        ) from error


def secret(name: str) -> str:
    """The variable `name`, else what stands in the file that `<name>_FILE` names, else "".

    Raises ImproperlyConfigured.
    """
    if value := os.environ.get(name):
        return value
    path = os.environ.get(f"{name}_FILE")
    if not path:
        return ""
    try:
        return Path(path).read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE cannot be read: {error}.") from error


def kept_secret(path: Path) -> str:
    """A random text that is made once and kept in a file of the owner's own.

    Written aside and linked into place: a full disk leaves no empty secret behind, and of two
    processes that start together both get the same.
    """
    if path.is_file() and (secret := path.read_text().strip()):
        return secret
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(48))
        if path.exists():  # empty: left by a start that was cut off
            aside.replace(path)
        else:
            with contextlib.suppress(FileExistsError):
                path.hardlink_to(aside)
        return path.read_text()
    finally:
        aside.unlink(missing_ok=True)
