"""The demo's stations, operators and defects."""

from django.db import transaction

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
    for code, line in LINES.items():
        Station.objects.get_or_create(code=code, defaults={"line": line})
    for badge, name in OPERATORS.items():
        Operator.objects.get_or_create(badge=badge, defaults={"name": name})
    for code, (english, romanian) in DEFECTS.items():
        Defect.objects.get_or_create(
            code=code,
            defaults={"name_en": english, "name_ro": romanian, "note_required": code == "099"},
        )
