"""The front door, and the answers when a request cannot be served."""

import logging
import sys

from django.contrib.auth.decorators import login_required
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.csrf import csrf_failure as csrf_failure_page
from django.views.defaults import server_error as server_error_page
from MySQLdb.constants import CR, ER

# The right, and the page that its holders come for; the first that fits is theirs.
HOME_PAGES = [
    ("scans.record_scan", "scans:station"),
    ("accounts.view_user", "admin:index"),
    ("scans.view_scan", "scans:reports"),
]

# Errors after which the same request may well succeed a moment later.
DATABASE_AWAY = {
    CR.CONNECTION_ERROR,
    CR.CONN_HOST_ERROR,
    CR.UNKNOWN_HOST,
    CR.SERVER_GONE_ERROR,
    CR.SERVER_LOST,
    CR.SERVER_HANDSHAKE_ERR,
    ER.ACCESS_DENIED_ERROR,
    ER.CON_COUNT_ERROR,
    ER.LOCK_DEADLOCK,
    ER.LOCK_WAIT_TIMEOUT,
    ER.SERVER_SHUTDOWN,
    ER.TOO_MANY_USER_CONNECTIONS,
    ER.USER_LIMIT_REACHED,
    # A node that has lost its cluster takes nothing; one that loses it now cannot commit.
    ER.UNKNOWN_COM_ERROR,
    ER.ERROR_DURING_COMMIT,
    # A statement took longer than it may: on MariaDB, on MySQL.
    1969,
    3024,
    # The server's disk is full.
    1021,
    ER.ERROR_ON_WRITE,
    ER.RECORD_FILE_FULL,
}
RETRY_AFTER_SECONDS = 5


@login_required
def home(request: HttpRequest) -> HttpResponseBase:
    """Sends each role to its page."""
    for right, page in HOME_PAGES:
        if request.user.has_perm(right):
            return redirect(page)
    return render(request, "no_role.html", status=403)


def wants_json(request: HttpRequest) -> bool:
    """Whether the caller is a program: the view answers in JSON, or the request is JSON."""
    match = request.resolver_match
    if match is not None and getattr(match.func, "answers_json", False):
        return True
    return request.content_type == "application/json"


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    if wants_json(request):
        message = _("The page is out of date (CSRF). Reload it or sign in again.")
        return JsonResponse({"error": message}, status=403)
    return csrf_failure_page(request, reason=reason)


def database_is_away(error: BaseException | None) -> bool:
    """Whether the error says that the database cannot be used just now.

    An exhausted pool counts: its error is an OperationalError that carries no server's code.
    """
    if isinstance(error, InterfaceError):
        return True
    if not isinstance(error, OperationalError):
        return False
    code = error.args[0] if error.args else None
    return not isinstance(code, int) or code in DATABASE_AWAY


class DatabaseAwayFilter(logging.Filter):
    """Leaves out that the database is away: the request's own line says so, or the probe's.

    A hundred tracebacks would bury the reason, and so would a probe's lines each second.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if getattr(record, "status_code", None) == 503:
            return False
        return not (record.exc_info and database_is_away(record.exc_info[1]))


def server_error(request: HttpRequest) -> HttpResponseBase:
    """The answer to an error that nobody caught: 503 when the database is away, else 500."""
    if not database_is_away(sys.exc_info()[1]):
        if wants_json(request):
            return JsonResponse({"error": _("Internal error. It was logged.")}, status=500)
        return server_error_page(request)
    response: HttpResponse
    if wants_json(request):
        message = _("The database cannot be reached just now. Send it again in a moment.")
        response = JsonResponse({"error": message}, status=503)
    else:
        # Without the request: the context processors would ask the database once more.
        response = render(None, "503.html", status=503)
    response["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return response
