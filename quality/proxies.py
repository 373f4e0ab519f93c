"""Sees past our own proxies to who asks."""

from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

from django.conf import settings
from django.core.exceptions import MiddlewareNotUsed
from django.http import HttpRequest, HttpResponseBase

Address = IPv4Address | IPv6Address


class Proxies:
    """Middleware that puts the client's address in REMOTE_ADDR, where everybody looks for it.

    Each proxy writes behind what it was told whom it was told by. So the last address that is no
    trusted proxy's is the client's: what stands before it, anybody may have written.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        if not settings.TRUSTED_PROXIES:
            raise MiddlewareNotUsed
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.META["REMOTE_ADDR"] = _client(request.META)
        return self.get_response(request)


def _client(meta: dict[str, Any]) -> str:
    seen: str = meta.get("REMOTE_ADDR", "")
    told = str(meta.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    while told and _is_trusted(_read(seen)):
        next_one = _read(told.pop().strip())
        if next_one is None:
            break
        seen = str(next_one)
    return seen


def _read(text: str) -> Address | None:
    try:
        address = ip_address(text)
    except ValueError:
        return None
    # An IPv4 address as an IPv6 socket calls it.
    return getattr(address, "ipv4_mapped", None) or address


def _is_trusted(address: Address | None) -> bool:
    return address is not None and any(address in network for network in settings.TRUSTED_PROXIES)
