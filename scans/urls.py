"""The pages and endpoints of scanning."""

from django.urls import path

from scans import views

app_name = "scans"

urlpatterns = [
    path("", views.record, name="record"),
    path("recent/", views.recent, name="recent"),
    path("station/", views.station, name="station"),
    path("bind/", views.bind, name="bind"),
    path("reports/", views.reports, name="reports"),
]
