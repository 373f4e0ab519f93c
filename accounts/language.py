"""Speaks to each person in the language that was chosen."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth.signals import user_logged_in, user_logged_out
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers

from accounts.models import User

Answer = Callable[[HttpRequest], HttpResponseBase]


def speak(get_response: Answer) -> Answer:
    """Middleware: the cookie's language, else the house's own.

    What the browser itself would like is not asked: at a station it is whatever the computer came
    with. Nor is the user, whom some pages must not ask the database for; signing in sets the
    cookie to what is known of the person.
    """

    def answer(request: HttpRequest) -> HttpResponseBase:
        translation.activate(_of_browser(request))
        request.LANGUAGE_CODE = language = translation.get_language()
        response = get_response(request)
        response.headers.setdefault("Content-Language", language)
        patch_vary_headers(response, ["Cookie"])
        if hasattr(request, "language_from_now_on"):
            keep(response, request.language_from_now_on)
        return response

    return answer


def keep(response: HttpResponseBase, language: str) -> None:
    """Make it the browser's language; "" makes it the house's own again."""
    if language:
        response.set_cookie(
            settings.LANGUAGE_COOKIE_NAME,
            language,
            max_age=settings.LANGUAGE_COOKIE_AGE,
            samesite=settings.LANGUAGE_COOKIE_SAMESITE,
            secure=settings.LANGUAGE_COOKIE_SECURE,
        )
    else:
        response.delete_cookie(settings.LANGUAGE_COOKIE_NAME)


def _of_browser(request: HttpRequest) -> str:
    asked = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
    return asked if asked in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


@receiver(user_logged_in)
def _take_over(request: HttpRequest, user: User, **kwargs: Any) -> None:
    # Who has never chosen goes on in the language of the page on which he signed in.
    if user.language:
        request.language_from_now_on = user.language  # type: ignore[attr-defined]


@receiver(user_logged_out)
def _forget(request: HttpRequest, **kwargs: Any) -> None:
    # The next person at this browser may be another.
    request.language_from_now_on = ""  # type: ignore[attr-defined]
