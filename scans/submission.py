"""What a station sends, read strictly."""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from scans import barcode

NOTE_MAX_LENGTH = 500
STATION_MAX_LENGTH = 16
# Stricter than Python's readers, which also take week dates, other digits and other separators.
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)",
    re.IGNORECASE | re.ASCII,
)
# Outside these years a clock is not wrong but absent.
YEARS = range(2000, 2100)

Errors = dict[str, list[str]]


class ScanRefused(Exception):
    """The scan cannot be stored; `errors` says why, by field."""

    def __init__(self, errors: Errors) -> None:
        super().__init__(errors)
        self.errors = errors


@dataclass(frozen=True)
class Submission:
    """One scan as sent, its codes repaired. Whether they are known is not checked yet."""

    uid: UUID
    operator: str
    cp: str
    oc1: str
    oc2: str
    defect: str
    scanned_at: datetime
    note: str = ""
    station: str = ""
    raw: dict[str, str] = field(default_factory=dict)


def _text(payload: Mapping[str, Any], name: str) -> str:
    value = payload.get(name)
    if value is None:
        return ""
    # JSON can spell half a character ("\\ud800"), which no database can store.
    if not isinstance(value, str) or (not value.isascii() and _has_half_characters(value)):
        raise ValueError(_("Send this as text."))
    return value


def _has_half_characters(text: str) -> bool:
    return any(unicodedata.category(char) == "Cs" for char in text)


def _uid(payload: Mapping[str, Any]) -> UUID:
    text = _text(payload, "id")
    if not _UUID.fullmatch(text):
        raise ValueError(_("Send a UUID."))
    return UUID(text)


def _scanned_at(payload: Mapping[str, Any]) -> datetime:
    text = _text(payload, "scanned_at")
    try:
        moment = parse_datetime(text.upper()) if _MOMENT.fullmatch(text) else None
    except ValueError:  # a day or an hour that does not exist
        moment = None
    if moment is None or moment.year not in YEARS:
        raise ValueError(
            _("Send date and time as ISO 8601 with an offset, e.g. 2026-03-02T14:05:09+02:00.")
        )
    return moment


def _code(payload: Mapping[str, Any], name: str) -> tuple[str, str]:
    """The repaired code and the raw one."""
    raw = _text(payload, name)
    code = barcode.repair(raw)
    if not code:
        raise ValueError(_("Scan this code."))
    if len(raw) > barcode.MAX_LENGTH:
        raise ValueError(
            _("This is too long for a code: %(length)d characters.") % {"length": len(raw)}
        )
    if not barcode.matches(name, code):
        raise ValueError(
            _("“%(code)s” does not look like %(example)s.")
            % {"code": code, "example": barcode.EXAMPLES[name]}
        )
    return code, raw


def _short(payload: Mapping[str, Any], name: str, limit: int) -> str:
    text = _text(payload, name).replace("\r\n", "\n").strip()
    if not any(unicodedata.category(char)[0] not in "CZ" for char in text):
        return ""  # Nothing in it can be seen.
    if len(text) > limit:
        raise ValueError(_("Use at most %(limit)d characters.") % {"limit": limit})
    if any(ord(char) < 32 and char not in "\n\t" for char in text):
        raise ValueError(_("Control characters are not allowed here."))
    return text


def read(payload: Mapping[str, Any]) -> Submission:
    """Read a scan from decoded JSON. Raises ScanRefused with all that is wrong."""
    errors: Errors = {}
    values: dict[str, Any] = {}
    raw: dict[str, str] = {}

    def take(name: str, reader: Any, *arguments: Any) -> Any:
        try:
            return reader(payload, *arguments)
        except ValueError as error:
            errors[name] = [str(error)]
            return None

    values["uid"] = take("id", _uid)
    for name in barcode.PATTERNS:
        if (pair := take(name, _code, name)) is not None:
            values[name], typed = pair
            if typed != values[name]:
                raw[name] = typed
    values["scanned_at"] = take("scanned_at", _scanned_at)
    values["note"] = take("note", _short, "note", NOTE_MAX_LENGTH)
    values["station"] = take("station", _short, "station", STATION_MAX_LENGTH)
    if errors:
        raise ScanRefused(errors)
    return Submission(**values, raw=raw)
