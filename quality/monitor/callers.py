"""Who asks: somebody on this machine, or somebody from elsewhere."""

from django.http import HttpRequest

LOOPBACK = ("127.0.0.1", "::1")
# A proxy on this machine adds one of these for those whom it speaks for.
FORWARDED = (
    *("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_REAL_IP"),
    *("HTTP_FORWARDED", "HTTP_VIA"),
)


def is_local(request: HttpRequest) -> bool:
    """Whether a program on this machine asks on its own behalf."""
    return request.META.get("REMOTE_ADDR") in LOOPBACK and not any(
        name in request.META for name in FORWARDED
    )


def address_of(request: HttpRequest) -> str:
    """Where a request comes from; the house has seen past its own proxies."""
    return str(request.META.get("REMOTE_ADDR", ""))
