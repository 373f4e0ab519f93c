"""Sessions that tell whose they are; those of before end here."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

# However a row is changed. Who is disabled is signed out. So is who begins to administer: how long
# a session lasts is decided at its beginning.
END_SESSIONS = """
CREATE TRIGGER accounts_user_sessions AFTER UPDATE ON accounts_user FOR EACH ROW
IF NEW.is_active < OLD.is_active
    OR NEW.is_staff > OLD.is_staff OR NEW.is_superuser > OLD.is_superuser THEN
    DELETE FROM accounts_session WHERE user_id = NEW.id;
END IF
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_mark_rights")]

    operations = [
        migrations.CreateModel(
            name="Session",
            fields=[
                ("session_key", models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name="session key")),
                ("session_data", models.TextField(verbose_name="session data")),
                ("expire_date", models.DateTimeField(db_index=True, verbose_name="expire date")),
                ("address", models.CharField(max_length=45)),
                ("signed_in_at", models.DateTimeField(null=True)),
                ("seen_at", models.DateTimeField(null=True)),
                ("station", models.CharField(max_length=16)),
                ("user", models.ForeignKey(null=True, on_delete=django.db.models.deletion.CASCADE, related_name="sessions", to=settings.AUTH_USER_MODEL)),
            ],
            options={
                "verbose_name": "session",
                "verbose_name_plural": "sessions",
                "abstract": False,
                "default_permissions": (),
            },
        ),
        migrations.RunSQL([END_SESSIONS], ["DROP TRIGGER accounts_user_sessions"]),
        # Django's own, which nobody reads any more.
        migrations.RunSQL(["DROP TABLE IF EXISTS django_session"], migrations.RunSQL.noop),
    ]
