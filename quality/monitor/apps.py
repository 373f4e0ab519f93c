"""The app that watches the pool."""

from django.apps import AppConfig


class MonitorConfig(AppConfig):
    name = "quality.monitor"
