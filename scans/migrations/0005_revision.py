"""Has the database itself note each change of master data, and makes the first station profile."""

from django.db import migrations

TABLES = ["profile", "station", "operator", "defect"]
# Never the same number twice, also when two changes fall into one microsecond.
REVISE = (
    "INSERT INTO scans_revision (id, number) VALUES (1, FLOOR(UNIX_TIMESTAMP(NOW(6)) * 1000000)) "
    "ON DUPLICATE KEY UPDATE number = GREATEST(number + 1, VALUES(number))"
)
TRIGGERS = {
    f"scans_{table}_{verb.lower()}": f"AFTER {verb} ON scans_{table} FOR EACH ROW {REVISE}"
    for table in TABLES
    for verb in ("INSERT", "UPDATE", "DELETE")
}


def add_first_profile(apps, schema_editor):
    Profile = apps.get_model("scans", "Profile")
    Profile.objects.using(schema_editor.connection.alias).get_or_create(name="Standard")


class Migration(migrations.Migration):
    dependencies = [("scans", "0004_corrections")]
    operations = [
        migrations.RunSQL(
            [f"CREATE TRIGGER {name} {what}" for name, what in TRIGGERS.items()],
            [f"DROP TRIGGER {name}" for name in TRIGGERS],
        ),
        # Back: the profile stays, as stations may have it.
        migrations.RunPython(add_first_profile, migrations.RunPython.noop),
    ]
