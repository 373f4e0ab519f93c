"""The tables of people, as pages that keep themselves up to date and as JSON."""

import hashlib
import json
from typing import cast

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from accounts.people import Row, people, present
from accounts.rights import api, page

WHO_MAY = "accounts.view_user"


def _as_text(rows: list[Row]) -> tuple[str, str]:
    """The rows as JSON, and the tag that tells this state of them from every other one."""
    text = json.dumps({"rows": rows}, separators=(",", ":"))
    return text, f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def _json(request: HttpRequest, rows: list[Row]) -> HttpResponseBase:
    """304 and nothing else for who has these rows already."""
    text, tag = _as_text(rows)
    answer = HttpResponse(text, content_type="application/json", headers={"ETag": tag})
    return cast(HttpResponse, get_conditional_response(request, etag=tag, response=answer))


def _page(request: HttpRequest, template: str, rows: list[Row]) -> HttpResponse:
    text, tag = _as_text(rows)
    # In a script's element, which is never run: a "<" there may end it.
    escaped = text.replace("<", "\\u003c")
    return render(request, template, {"rows": escaped, "tag": tag})


@require_safe
@page(WHO_MAY)
@never_cache
def people_page(request: HttpRequest) -> HttpResponse:
    """All accounts: role, last sign-in, state, sessions."""
    return _page(request, "accounts/people.html", people())


@require_safe
@page(WHO_MAY)
@never_cache
def present_page(request: HttpRequest) -> HttpResponse:
    """Who is signed in where."""
    return _page(request, "accounts/present.html", present())


@require_safe
@api(WHO_MAY)
def people_json(request: HttpRequest) -> HttpResponseBase:
    return _json(request, people())


@require_safe
@api(WHO_MAY)
def present_json(request: HttpRequest) -> HttpResponseBase:
    return _json(request, present())
