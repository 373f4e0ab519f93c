"""All that the room keeps."""

from scans.models.master_data import (
    APPROVED,
    CODE_COLLATION,
    Defect,
    Operator,
    Profile,
    Revision,
    Station,
)
from scans.models.presences import Presence
from scans.models.records import Event, Incident, Scan
from scans.models.settings import Settings

__all__ = [
    "APPROVED",
    "CODE_COLLATION",
    "Defect",
    "Event",
    "Incident",
    "Operator",
    "Presence",
    "Profile",
    "Revision",
    "Scan",
    "Settings",
    "Station",
]
