"""The page of the pools in the admin."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin

from quality.monitor.models import Pool
from quality.monitor.passes import watcher


@admin.register(Pool)
class PoolAdmin(ModelAdmin):
    """One page, in the place of a list of the stored samples."""

    def get_urls(self) -> list[Any]:
        page = watcher("monitor.view_pool")(self.admin_site.admin_view(self.page))
        return [path("", page, name="monitor_pool_changelist")]

    def page(self, request: HttpRequest) -> HttpResponseBase:
        context = self.admin_site.each_context(request) | {
            "title": _("Connection pool"),
            "is_fullwidth": "1",
        }
        return TemplateResponse(request, "monitor/pool.html", context)
