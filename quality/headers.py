"""Tells browsers what our pages never do and load, and that nobody keeps them."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

Answer = Callable[[HttpRequest], HttpResponseBase]

# The station's page reads codes by camera, fills the screen and keeps it lit; nothing else is used.
PERMISSIONS = ", ".join(
    (
        *(f"{name}=(self)" for name in ("camera", "fullscreen", "screen-wake-lock")),
        *(
            f"{name}=()"
            for name in (
                *("accelerometer", "display-capture", "geolocation", "gyroscope", "hid"),
                *("magnetometer", "microphone", "midi", "payment", "serial", "usb"),
            )
        ),
    )
)
# Scripts and styles come from files of ours alone, and nothing of anybody else's is loaded.
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "worker-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
CONTENT_SECURITY_POLICY = "; ".join(f"{name} {value}" for name, value in POLICY.items())
USUAL = {
    "Permissions-Policy": PERMISSIONS,
    # No other site shows our pictures or reads our answers.
    "Cross-Origin-Resource-Policy": "same-origin",
    # After a sign-out, the next person at this browser finds no page by going back to it. Static
    # files and whoever else wants to be kept say so themselves.
    "Cache-Control": "private, no-store",
}


def add(get_response: Answer) -> Answer:
    """Middleware: what every answer says that does not say otherwise."""

    def answer(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        # Django's page for developers has its styles and scripts in itself.
        if not (settings.DEBUG and response.status_code in {404, 500}):
            response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        for name, value in USUAL.items():
            response.headers.setdefault(name, value)
        return response

    return answer
