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
from scans.models import REASON_MAX_LENGTH, Incident
from scans.shifts import YEARS

NOTE_MAX_LENGTH = 500
STATION_MAX_LENGTH = 16
# Stricter than Python's readers, which also take week dates, other digits and other separators.
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_MOMENT = re.compile(
    r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)",
    re.IGNORECASE | re.ASCII,
)
ANY_YEAR = range(1, 10_000)

# What the database's columns for counts take, and more than any is.
COUNT_MAX = 2_000_000_000

Errors = dict[str, list[str]]


class Refused(Exception):
    """It cannot be stored; `errors` says why, by field."""

    def __init__(self, errors: Errors) -> None:
        super().__init__(errors)
        self.errors = errors


@dataclass(frozen=True)
class Submission:
    """One scan as sent, its codes repaired. What they look like is not checked yet."""

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
    device: UUID | None = None
    sequence: int | None = None
    # No part of what was scanned: each try to send it says another.
    sent_at: datetime | None = None


@dataclass(frozen=True)
class Void:
    """The wish that a scan counts no more."""

    reason: str
    voided_at: datetime
    station: str = ""


@dataclass(frozen=True)
class Correction:
    """What a scan should have said, of the fields that somebody has filled in, and why."""

    content: dict[str, str]
    reason: str


@dataclass(frozen=True)
class Report:
    """An incident as sent: what the station did instead of recording a scan."""

    uid: UUID
    kind: str
    at: datetime
    station: str
    device: UUID | None
    codes: dict[str, str]


@dataclass(frozen=True)
class Heartbeat:
    """That a browser is there, and what it has not delivered yet."""

    device: UUID
    station: str
    pending: int
    oldest_pending_seconds: int
    attention: int


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


def _uid(payload: Mapping[str, Any], name: str) -> UUID:
    text = _text(payload, name)
    if not _UUID.fullmatch(text):
        raise ValueError(_("Send a UUID."))
    return UUID(text)


def _moment(payload: Mapping[str, Any], name: str, years: range = YEARS) -> datetime:
    text = _text(payload, name)
    try:
        moment = parse_datetime(text.upper()) if _MOMENT.fullmatch(text) else None
    except ValueError:  # a day or an hour that does not exist
        moment = None
    if moment is None or moment.year not in years:
        raise ValueError(
            _("Send date and time as ISO 8601 with an offset, e.g. 2026-03-02T14:05:09+02:00.")
        )
    return moment


def _count(payload: Mapping[str, Any], name: str, least: int = 0) -> int:
    count = payload.get(name)
    if type(count) is not int or not least <= count <= COUNT_MAX:
        raise ValueError(_("Send a whole number, %(least)d or more.") % {"least": least})
    return count


def _optional(payload: Mapping[str, Any], name: str, reader: Any, *arguments: Any) -> Any:
    return None if payload.get(name) is None else reader(payload, name, *arguments)


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


def _reason(payload: Mapping[str, Any], name: str) -> str:
    if reason := _short(payload, name, REASON_MAX_LENGTH):
        return reason
    raise ValueError(_("Say why."))


def _kind(payload: Mapping[str, Any], name: str) -> str:
    kind = _text(payload, name)
    if kind not in Incident.Kind.values:
        raise ValueError(
            _("Send one of these: %(kinds)s.") % {"kinds": ", ".join(Incident.Kind.values)}
        )
    return kind


def _codes(payload: Mapping[str, Any], name: str) -> dict[str, str]:
    """What stood in the fields: any of them, and as it was read, be it complete or not."""
    codes = payload.get(name, {})
    if not isinstance(codes, dict) or not codes.keys() <= set(barcode.FIELDS):
        raise ValueError(_("Send the codes by their fields."))
    return {field: _short(codes, field, barcode.MAX_LENGTH) for field in codes}


class _Reading:
    """Reads fields one after the other, and gathers what is wrong with them."""

    def __init__(self, payload: Mapping[str, Any]) -> None:
        self.payload = payload
        self.errors: Errors = {}

    def take(self, name: str, reader: Any, *arguments: Any) -> Any:
        try:
            return reader(self.payload, name, *arguments)
        except ValueError as error:
            self.errors[name] = [str(error)]
            return None

    def station(self) -> Any:
        return self.take("station", _short, STATION_MAX_LENGTH)

    def finish(self) -> None:
        if self.errors:
            raise Refused(self.errors)


def read(payload: Mapping[str, Any]) -> Submission:
    """Read a scan from decoded JSON. Raises Refused with all that is wrong; so do those below."""
    reading = _Reading(payload)
    values: dict[str, Any] = {"uid": reading.take("id", _uid)}
    raw: dict[str, str] = {}
    for name in barcode.FIELDS:
        if (pair := reading.take(name, _code)) is not None:
            values[name], typed = pair
            if typed != values[name]:
                raw[name] = typed
    values["scanned_at"] = reading.take("scanned_at", _moment)
    values["note"] = reading.take("note", _short, NOTE_MAX_LENGTH)
    values["station"] = reading.station()
    values["device"] = reading.take("device", _optional, _uid)
    values["sequence"] = reading.take("sequence", _optional, _count, 1)
    # The clock may have been lost since: what was scanned before that is good all the same.
    values["sent_at"] = reading.take("sent_at", _optional, _moment, ANY_YEAR)
    reading.finish()
    return Submission(**values, raw=raw)


def misfits(submission: Submission, codes: barcode.Codes) -> Errors:
    """The codes that do not look as they should."""
    return {
        name: [misfit(name, code, codes)]
        for name in barcode.FIELDS
        if not codes.matches(name, code := getattr(submission, name))
    }


def misfit(name: str, code: str, codes: barcode.Codes) -> str:
    return _("“%(code)s” does not look like %(example)s.") % {
        "code": code,
        "example": codes.examples[name],
    }


def read_correction(payload: Mapping[str, Any]) -> Correction:
    """A field that is not there stays as it was."""
    reading = _Reading(payload)
    content = {}
    for name in barcode.FIELDS:
        if name in payload and (pair := reading.take(name, _code)) is not None:
            content[name] = pair[0]
    if "note" in payload:
        content["note"] = reading.take("note", _short, NOTE_MAX_LENGTH)
    reason = reading.take("reason", _reason)
    reading.finish()
    return Correction(content, reason)


def read_remark(text: str) -> str:
    """A reason that nobody has to give. Raises Refused."""
    reading = _Reading({"reason": text})
    remark: str = reading.take("reason", _short, REASON_MAX_LENGTH)
    reading.finish()
    return remark


def read_void(payload: Mapping[str, Any]) -> Void:
    reading = _Reading(payload)
    void = Void(
        reason=reading.take("reason", _reason),
        voided_at=reading.take("voided_at", _moment),
        station=reading.station(),
    )
    reading.finish()
    return void


def read_incident(payload: Mapping[str, Any]) -> Report:
    reading = _Reading(payload)
    report = Report(
        uid=reading.take("id", _uid),
        kind=reading.take("kind", _kind),
        at=reading.take("at", _moment),
        station=reading.station(),
        device=reading.take("device", _optional, _uid),
        codes=reading.take("codes", _codes),
    )
    reading.finish()
    return report


def read_heartbeat(payload: Mapping[str, Any]) -> Heartbeat:
    reading = _Reading(payload)
    heartbeat = Heartbeat(
        device=reading.take("device", _uid),
        station=reading.station(),
        pending=reading.take("pending", _count),
        # Nothing waits: then nothing has an age.
        oldest_pending_seconds=reading.take("oldest_pending_seconds", _optional, _count) or 0,
        attention=reading.take("attention", _count),
    )
    reading.finish()
    return heartbeat


def read_tally(query: Mapping[str, Any]) -> tuple[UUID, datetime, datetime]:
    """Of which browser, since and until when scans shall be counted."""
    reading = _Reading(query)
    found = (
        reading.take("device", _uid),
        reading.take("since", _moment),
        reading.take("until", _moment),
    )
    reading.finish()
    return found
