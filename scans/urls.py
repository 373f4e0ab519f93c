"""The pages and endpoints of scanning."""

from django.urls import path

from scans import sheets, views

app_name = "scans"

urlpatterns = [
    path("", views.record, name="record"),
    path("recent/", views.recent, name="recent"),
    path("station/", views.station, name="station"),
    path("sheet/", sheets.sheet, name="sheet"),
    path("scanner/", sheets.scanner, name="scanner"),
    path("reports/", views.reports, name="reports"),
]
