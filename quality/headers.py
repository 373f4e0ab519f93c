"""Tells browsers what our pages never do, and that nobody keeps them."""

from collections.abc import Callable

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
        for name, value in USUAL.items():
            response.headers.setdefault(name, value)
        return response

    return answer
