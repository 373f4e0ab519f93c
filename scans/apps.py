"""The app that knows what was scanned."""

from django.apps import AppConfig


class ScansConfig(AppConfig):
    name = "scans"
