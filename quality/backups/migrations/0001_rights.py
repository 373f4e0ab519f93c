"""Knows the rights to backups."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True
    dependencies: list[tuple[str, str]] = []
    operations = [
        migrations.CreateModel(
            name="Backup",
            fields=[("id", models.BigAutoField(primary_key=True, serialize=False))],
            options={
                "verbose_name": "backup",
                "verbose_name_plural": "backups",
                "permissions": [("download_backup", "Can download backups")],
                "managed": False,
                "default_permissions": ("view",),
            },
        ),
    ]
