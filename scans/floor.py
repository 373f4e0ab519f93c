"""Holds the master data of the floor in each process, as true as the last statement's revision."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings

from scans.barcode import COMMANDS, Codes
from scans.models import Defect, Operator, Profile, Revision, Settings, Station
from scans.shifts import Starts


@dataclass(frozen=True)
class Floor:
    """Settings, and all stations, operators and defects, the inactive too, as of a revision."""

    revision: int
    settings: Settings
    codes: Codes
    starts: Starts
    profiles: dict[int, Profile]
    stations: dict[str, Station]
    operators: dict[str, Operator]
    defects: dict[str, Defect]

    def station(self, code: str) -> Station | None:
        """The active station with this code."""
        found = self.stations.get(code)
        return found if found is not None and found.active else None

    def known(self, code: str) -> str:
        """A station that there is not, or not any more, is none."""
        return code if self.station(code) is not None else ""

    def profile_of(self, code: str) -> Profile:
        """The profile of a station; of none, and of one without: the first."""
        station = self.stations.get(code)
        if station is not None and station.profile_id is not None:
            return self.profiles[station.profile_id]
        # A database of which somebody has emptied the tables has none at all.
        return next(iter(self.profiles.values()), None) or Profile()


def _load(revision: int) -> Floor:
    # After the revision was read: what changes in between is shown early, and read once more.
    rules = Settings.now()
    return Floor(
        revision=revision,
        settings=rules,
        codes=rules.codes,
        starts=rules.starts,
        stations={station.code: station for station in Station.objects.all()},
        operators={operator.badge: operator for operator in Operator.objects.all()},
        defects={defect.code: defect for defect in Defect.objects.all()},
        # Last: no station names a profile that is not there yet.
        profiles={profile.pk: profile for profile in Profile.objects.all()},
    )


_held: Floor | None = None


def floor_at(revision: int) -> Floor:
    """The floor as of the revision that a statement of this request has read.

    So a change counts for the next request, in every process on every host, and costs those that
    follow nothing.
    """
    global _held
    floor = _held
    if floor is None or floor.revision != revision:
        floor = _held = _load(revision)
    return floor


def held_floor() -> Floor:
    """The floor as this process knows it; for who learns the revision only with the answer."""
    return _held or current_floor()


def current_floor() -> Floor:
    """The floor as of now; for who has no statement in which the revision could ride along."""
    return floor_at(Revision.objects.values_list("number", flat=True).first() or 0)


def bootstrap(floor: Floor, station: str) -> dict[str, Any]:
    """What the page of a station knows of the floor, in the reader's language."""
    station = floor.known(station)
    profile = floor.profile_of(station)
    sticky = {
        "operator": profile.operator_is_sticky,
        "oc1": profile.oc1_is_sticky,
        "oc2": profile.oc2_is_sticky,
    }
    return {
        "station": station,
        "revision": floor.revision,
        "patterns": floor.codes.patterns,
        "examples": floor.codes.examples,
        "commands": COMMANDS,
        "defects": [
            {"code": defect.code, "name": defect.name, "noteRequired": defect.note_required}
            for defect in floor.defects.values()
            if defect.active
        ],
        "operators": {
            badge: operator.name for badge, operator in floor.operators.items() if operator.active
        },
        "profile": {
            "sticky": [field for field, stays in sticky.items() if stays],
            "doubleReadSeconds": profile.double_read_seconds,
            "repeatPolicy": profile.repeat_policy,
            "undoSeconds": profile.undo_seconds,
            "clearAfterSeconds": profile.clear_after_seconds,
            "idleFlushSeconds": profile.idle_flush_milliseconds / 1000,
            "soundIsOn": profile.sound_is_on,
        },
        "clockOffSeconds": floor.settings.clock_off_seconds,
        "warningSeconds": floor.settings.warning_seconds,
        "volume": floor.settings.volume_percent / 100,
        "csrfCookie": settings.CSRF_COOKIE_NAME,
    }
