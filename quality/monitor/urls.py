"""Addresses under /monitor/."""

from django.urls import path

from quality.monitor import runbook, views

app_name = "monitor"
urlpatterns = [
    path("pool", views.pool, name="pool"),
    path("alerts", views.active_alerts, name="alerts"),
    path("history", views.past, name="history"),
    path("runbook", runbook.page, name="runbook"),
]
