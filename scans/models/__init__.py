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
from scans.models.office import LegacyImport, SavedFilter, SentReport
from scans.models.presences import Presence
from scans.models.proposals import Decision, Proposal
from scans.models.records import REASON_MAX_LENGTH, Event, Incident, Scan
from scans.models.rollups import Recount, RollUp, RollUpState, ShiftRollUp
from scans.models.seals import Seal
from scans.models.settings import Settings

__all__ = [
    "APPROVED",
    "CODE_COLLATION",
    "REASON_MAX_LENGTH",
    "Decision",
    "Defect",
    "Event",
    "Incident",
    "LegacyImport",
    "Operator",
    "Presence",
    "Profile",
    "Proposal",
    "Recount",
    "Revision",
    "RollUp",
    "RollUpState",
    "SavedFilter",
    "Scan",
    "Seal",
    "SentReport",
    "Settings",
    "ShiftRollUp",
    "Station",
]
