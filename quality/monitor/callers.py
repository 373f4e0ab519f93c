"""Who asks: somebody on this machine, or somebody from elsewhere."""

from django.conf import settings
from django.http import HttpRequest

LOOPBACK = ("127.0.0.1", "::1")
# A proxy on this machine adds one of these for those whom it speaks for.
FORWARDED = (
    *("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_REAL_IP"),
    *("HTTP_FORWARDED", "HTTP_VIA"),
)
LONGEST_ADDRESS = 45


def is_local(request: HttpRequest) -> bool:
    """Whether a program on this machine asks on its own behalf."""
    return request.META.get("REMOTE_ADDR") in LOOPBACK and not any(
        name in request.META for name in FORWARDED
    )


def address_of(request: HttpRequest) -> str:
    """Where a request comes from: what our own proxy says, if there is one, else the socket."""
    if settings.BEHIND_TLS_PROXY:
        # The last one is what the proxy itself saw; what stands before anybody may have written.
        forwarded: str = request.META.get("HTTP_X_FORWARDED_FOR", "")
        if address := forwarded.rpartition(",")[2].strip():
            return address[:LONGEST_ADDRESS]
    return str(request.META.get("REMOTE_ADDR", ""))
