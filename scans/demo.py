"""The demo's stations, operators and defects."""

from collections.abc import Iterable

from django.db import models, transaction
from simple_history.utils import bulk_create_with_history

from scans.models import Defect, Operator, Profile, Station

# Each with the line at whose end it stands.
LINES = {"FG-01": "L1", "FG-02": "L1", "FG-03": "L2", "FG-04": "L2"}
STATIONS = list(LINES)
OPERATORS = {"OP0001": "Ana Popescu", "OP0002": "Ion Munteanu", "OP0017": "Élise Șerban"}
DEFECTS = {
    "000": ("Approved", "Aprobat"),
    "001": ("Scratch", "Zgârietură"),
    "002": ("Stain", "Pată"),
    "003": ("Dent", "Lovitură"),
    "004": ("Wrong dimension", "Dimensiune neconformă"),
    "005": ("Missing component", "Componentă lipsă"),
    "006": ("Wrong component", "Componentă greșită"),
    "007": ("Seam defect", "Defect de cusătură"),
    "008": ("Poor bonding", "Lipire necorespunzătoare"),
    "009": ("Colour deviation", "Abatere de culoare"),
    "010": ("Deformation", "Deformare"),
    "011": ("Crack or tear", "Fisură sau ruptură"),
    "012": ("Label missing or unreadable", "Etichetă lipsă sau ilizibilă"),
    "013": ("Packaging damaged", "Ambalaj deteriorat"),
    "014": ("Contamination", "Contaminare"),
    "099": ("Other (note required)", "Altul (notă obligatorie)"),
}


@transaction.atomic
def seed_master_data() -> None:
    """Add what is missing; what is there stays as somebody may have changed it."""
    Profile.objects.get_or_create(name="Standard")
    _add_missing(Station, "code", [Station(code=code, line=line) for code, line in LINES.items()])
    _add_missing(
        Operator, "badge", [Operator(badge=badge, name=name) for badge, name in OPERATORS.items()]
    )
    _add_missing(
        Defect,
        "code",
        [
            Defect(code=code, name_en=english, name_ro=romanian, note_required=code == "099")
            for code, (english, romanian) in DEFECTS.items()
        ],
    )


def _add_missing(model: type[models.Model], key: str, wanted: Iterable[models.Model]) -> None:
    """Two statements for all of them and their history: a row at a time takes ten times as long."""
    there = set(model._default_manager.values_list(key, flat=True))
    missing = [one for one in wanted if getattr(one, key) not in there]
    if missing:
        bulk_create_with_history(missing, model, default_change_reason="")
