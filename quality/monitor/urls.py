"""Addresses under /monitor/."""

from django.urls import path

from quality.monitor import views

app_name = "monitor"
urlpatterns = [
    path("pool", views.pool, name="pool"),
    path("history", views.past, name="history"),
]
