"""Has the database itself mark each change of what stands between people and their rights."""

from django.db import migrations, models

# A user's row, active and superuser, is read with each request and needs no mark.
TABLES = [
    "accounts_user_groups",
    "accounts_user_user_permissions",
    "auth_group_permissions",
    "auth_permission",
]
MARK = (
    "INSERT INTO accounts_rightsrevision (id, mark) VALUES (1, REPLACE(UUID(), '-', '')) "
    "ON DUPLICATE KEY UPDATE mark = VALUES(mark)"
)
TRIGGERS = {
    f"{table}_{verb.lower()}": f"AFTER {verb} ON {table} FOR EACH ROW {MARK}"
    for table in TABLES
    for verb in ("INSERT", "UPDATE", "DELETE")
}


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_rights_revision")]
    operations = [
        migrations.RunSQL(
            # Marked once here, for what was changed unseen until now.
            [*(f"CREATE TRIGGER {name} {what}" for name, what in TRIGGERS.items()), MARK],
            [f"DROP TRIGGER {name}" for name in TRIGGERS],
        ),
        # The triggers alone write the row.
        migrations.AlterField(
            "rightsrevision",
            "id",
            models.PositiveSmallIntegerField(primary_key=True, serialize=False),
        ),
        migrations.AlterField("rightsrevision", "mark", models.UUIDField()),
    ]
