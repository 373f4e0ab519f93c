"""Lets people choose their language."""

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.views.i18n import set_language

from accounts.models import User


def choose_language(request: HttpRequest) -> HttpResponseBase:
    """As Django's: the browser keeps it. So does the account, for every other browser."""
    response = set_language(request)
    language = request.POST.get("language")
    if language in dict(settings.LANGUAGES) and request.user.is_authenticated:
        User.objects.filter(pk=request.user.pk).update(language=language)
    return response
