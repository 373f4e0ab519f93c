"""Knows at which station a browser stands: a signed cookie that an administrator has given it."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse

COOKIE = "station"
# The longest that browsers keep a cookie; each opening of the page starts it anew.
KEPT_SECONDS = 400 * 24 * 60 * 60


def bound_station(request: HttpRequest) -> str:
    """The code that the browser was bound to; "" for none, or for a cookie that is not ours.

    Whether there still is such a station, and whether it is active, is for the caller to look.
    """
    return request.get_signed_cookie(COOKIE, default="", salt=COOKIE) or ""


def bind(response: HttpResponse, code: str) -> None:
    """Bind the browser that gets this response; "" sets it free.

    It outlives sign-outs: people change at a station, the station stays.
    """
    if not code:
        response.delete_cookie(COOKIE, samesite="Lax")
        return
    response.set_signed_cookie(
        COOKIE,
        code,
        salt=COOKIE,
        max_age=KEPT_SECONDS,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
