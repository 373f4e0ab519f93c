"""The pages and endpoints of scanning."""

from django.urls import path

from scans import api, sheets, views

app_name = "scans"

urlpatterns = [
    path("", api.record, name="record"),
    path("<uuid:uid>/void/", api.void, name="void"),
    path("incidents/", api.incidents, name="incidents"),
    path("heartbeat/", api.heartbeat, name="heartbeat"),
    path("recent/", api.recent, name="recent"),
    path("floor/", api.floor, name="floor"),
    path("tally/", api.tally, name="tally"),
    path("station/", views.station, name="station"),
    path("worker.js", views.worker, name="worker"),
    path("sheet/", sheets.sheet, name="sheet"),
    path("scanner/", sheets.scanner, name="scanner"),
    path("bind/", views.bind, name="bind"),
    path("reports/", views.reports, name="reports"),
]
