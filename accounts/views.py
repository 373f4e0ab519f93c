"""Signing in and out, and the choice of a language."""

import logging
from typing import cast

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LoginView, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods
from django.views.i18n import set_language

from accounts.forms import SignInForm
from accounts.models import User
from accounts.sessions import end_sessions

logger = logging.getLogger(__name__)


class SignIn(LoginView):
    template_name = "accounts/login.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True


@never_cache
def admin_sign_in(request: HttpRequest) -> HttpResponse:
    """One page to sign in is enough. To others than staff it would open no admin."""
    if getattr(request.user, "is_staff", False):
        return redirect("admin:index")
    if request.user.is_authenticated:
        raise PermissionDenied
    return redirect_to_login(request.GET.get("next", ""), settings.LOGIN_URL)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def sign_out_everywhere(request: HttpRequest) -> HttpResponse:
    """Where the person is signed in; and out of all of it."""
    user = cast(User, request.user)
    if request.method == "POST":
        logger.info("%s ended all own sessions: %d", user.get_username(), end_sessions(user))
        logout(request)
        return redirect(settings.LOGOUT_REDIRECT_URL)
    sessions = user.sessions.filter(expire_date__gt=timezone.now()).order_by("-signed_in_at")
    context = {"sessions": sessions, "here": request.session.session_key}
    return render(request, "accounts/everywhere.html", context)


def choose_language(request: HttpRequest) -> HttpResponseBase:
    """As Django's: the browser keeps it. So does the account, for every other browser."""
    response = set_language(request)
    language = request.POST.get("language")
    if language in dict(settings.LANGUAGES) and request.user.is_authenticated:
        User.objects.filter(pk=request.user.pk).update(language=language)
    return response
