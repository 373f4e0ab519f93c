"""The rights to backups, which lie in a folder and in no table."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Backup(models.Model):
    """No row: see shelf.py."""

    class Meta:
        managed = False
        verbose_name = _("backup")
        verbose_name_plural = _("backups")
        default_permissions = ("view",)
        # A backup is all that there is, past every other right.
        permissions = [("download_backup", "Can download backups")]

    def __str__(self) -> str:
        return "backup"
