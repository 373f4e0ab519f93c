"""Has the database itself refuse to change or to delete a record, whoever asks for it."""

from django.db import migrations

TABLES = ["scan", "event", "incident", "proposal", "decision", "seal"]
TRIGGERS = {
    f"scans_{table}_keep_{verb.lower()}": (
        f"BEFORE {verb} ON scans_{table} FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = "
        f"'scans_{table} is append-only: a record is never changed or deleted. Add an event instead.'"
    )
    for table in TABLES
    for verb in ("UPDATE", "DELETE")
}


class Migration(migrations.Migration):
    dependencies = [("scans", "0007_quality")]
    operations = [
        migrations.RunSQL(
            [f"CREATE TRIGGER {name} {what}" for name, what in TRIGGERS.items()],
            [f"DROP TRIGGER {name}" for name in TRIGGERS],
        ),
    ]
