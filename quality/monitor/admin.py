"""The page of the pools in the admin."""

import json
import logging
from typing import Any

import MySQLdb
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.shortcuts import resolve_url
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin

from quality.monitor import orders
from quality.monitor.apart import apart
from quality.monitor.kills import kill_statement
from quality.monitor.models import Pool
from quality.monitor.passes import no_right, not_signed_in, watcher, watcher_api
from quality.monitor.workers import Place, place_of, pooled_aliases

audit = logging.getLogger("quality.settings")

# For the check of the session and the right, the record, and the server's answer to a kill.
ACT_SECONDS = 4.0
# No connection or process has a higher number, and no statement runs for so long.
MOST_NUMBER, MOST_SECONDS = 2**63 - 1, 1e9

WATCH, MANAGE = "monitor.view_pool", "monitor.manage_pool"


@admin.register(Pool)
class PoolAdmin(ModelAdmin):
    """One page in the place of a list of rows, which say nothing to anybody."""

    def get_urls(self) -> list[Any]:
        # By a pass (see passes.py) one may look, never act.
        page = watcher(WATCH)(self.admin_site.admin_view(self.page))
        return [
            path("", page, name="monitor_pool_changelist"),
            path("orders/", watcher_api(WATCH)(self.given), name="monitor_pool_orders"),
            path("act/", require_POST(self.act), name="monitor_pool_act"),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def page(self, request: HttpRequest) -> HttpResponseBase:
        context = self.admin_site.each_context(request) | {
            "title": _("Connection pool"),
            "is_fullwidth": "1",
            "may_manage": request.user.has_perm(MANAGE),
            "numbers_url": reverse("monitor:pool"),
            "history_url": reverse("monitor:history"),
            "sign_in_url": resolve_url(settings.LOGIN_URL),
        }
        return TemplateResponse(request, "monitor/pool.html", context)

    def given(self, request: HttpRequest) -> HttpResponseBase:
        return JsonResponse({"orders": [order.as_dict() for order in orders.recent()]})

    def act(self, request: HttpRequest) -> HttpResponseBase:
        """{"verb", "pid", "alias"} or {"verb": "kill", "id", "seconds"}: answers what was done.

        Past the pool: what helps an exhausted one must not wait for it.
        """
        # Asked here: in a thread apart, nothing is pooled.
        place, aliases = place_of(), pooled_aliases()
        return apart(ACT_SECONDS, lambda: self._act(request, place, aliases))

    def _act(self, request: HttpRequest, place: Place, aliases: list[str]) -> JsonResponse:
        if not request.user.is_authenticated:
            return not_signed_in(request)
        if not request.user.has_perm(MANAGE):
            return no_right(request)
        try:
            wanted = json.loads(request.body)
            verb = str(wanted["verb"])
            number = int(wanted["id" if verb == "kill" else "pid"])
            alias, seconds = wanted.get("alias"), float(wanted.get("seconds", 0))
            if verb != "kill" and (verb not in orders.VERBS or alias not in aliases):
                raise LookupError(verb)
            if not (0 < number <= MOST_NUMBER and 0 <= seconds <= MOST_SECONDS):
                raise ValueError(number)
        except (ValueError, TypeError, LookupError, OverflowError, RecursionError):
            # For programmers, so not translated.
            return JsonResponse({"error": "No such order."}, status=400)
        if verb == "kill":
            return self._kill(request, number, seconds)
        # First the record: what could not be written down is not done.
        self._record(request, f"worker {number}", f"{verb}, {alias}")
        try:
            order = orders.give(number, alias, verb, by=request.user.get_username(), place=place)
        except OSError as error:
            return JsonResponse({"error": str(error)}, status=503)
        return JsonResponse({"order": order.as_dict()})

    def _kill(self, request: HttpRequest, number: int, seconds: float) -> JsonResponse:
        self._record(request, f"connection {number}", f"kill statement, {seconds:.1f} s")
        try:
            killed = kill_statement(number, running_seconds=seconds)
        except MySQLdb.Error as error:
            audit.warning("Killing the statement of connection %d failed: %s", number, error)
            return JsonResponse({"error": str(error)}, status=503)
        return JsonResponse({"killed": killed})

    def _record(self, request: HttpRequest, what: str, message: str) -> None:
        LogEntry.objects.create(
            user_id=request.user.pk or 0,
            content_type=ContentType.objects.get_for_model(Pool),
            object_id=what,
            object_repr=what,
            action_flag=CHANGE,
            change_message=message,
        )
        audit.info("%s, %s: by %s", what, message, request.user.get_username())
