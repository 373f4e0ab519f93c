"""Registers the devdb command with Django."""

from django.apps import AppConfig


class DevdbConfig(AppConfig):
    name = "quality.devdb"
