"""Makes the code that says that a piece is good: without it no scan can be stored."""

from django.db import migrations


def add_approved(apps, schema_editor):
    Defect = apps.get_model("scans", "Defect")
    Defect.objects.using(schema_editor.connection.alias).get_or_create(
        code="000", defaults={"name_en": "Approved", "name_ro": "Aprobat"}
    )


class Migration(migrations.Migration):
    dependencies = [("scans", "0001_initial")]
    # Back: the code stays, as scans may name it.
    operations = [migrations.RunPython(add_approved, migrations.RunPython.noop)]
