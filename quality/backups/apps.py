"""The app that keeps copies of the database."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BackupsConfig(AppConfig):
    name = "quality.backups"
    verbose_name = _("Backups")
