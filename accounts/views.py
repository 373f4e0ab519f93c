"""What people do about their own account: sign in step by step, and change how they do."""

import logging
from typing import cast

from django.conf import settings
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import logout, update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods
from django.views.i18n import set_language

from accounts import attempts, entering, first_administrator, forms, second_factor
from accounts.entering import Entry
from accounts.models import Attempt, User
from accounts.rights import View
from accounts.sessions import end_sessions

logger = logging.getLogger(__name__)


def _own_page(view: View) -> View:
    """A page with secrets in it."""
    guarded = never_cache(sensitive_post_parameters()(view))
    return require_http_methods(["GET", "HEAD", "POST"])(guarded)


def _whose(request: HttpRequest, step: str) -> tuple[User, Entry | None] | None:
    """Who may open the page of `step`: somebody signed in, or on the way in, whose step it is."""
    if request.user.is_authenticated:
        return request.user, None
    entry, user = entering.current(request) or (None, None)
    return (user, entry) if user is not None and entry is not None and entry.step == step else None


def _note(user: User, what: str) -> None:
    """Into the history of the account, and the log of settings."""
    LogEntry.objects.log_actions(user.pk, [user], CHANGE, what, single_object=True)


# ----- Signing in


class SignIn(LoginView):
    template_name = "accounts/login.html"
    authentication_form = forms.SignInForm
    redirect_authenticated_user = True

    def get(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        """Who has a step to take comes to it from everywhere: each page sends strangers here."""
        on_the_way = entering.current(request)
        if on_the_way is not None:
            return redirect(on_the_way[0].step)
        return super().get(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponseRedirect:
        next_url = entering.begin(self.request, form.get_user(), self.get_success_url())
        return HttpResponseRedirect(next_url)


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


@_own_page
def code(request: HttpRequest) -> HttpResponseBase:
    """Asks whoever has a second factor for it."""
    entry, user = entering.current(request) or (None, None)
    if entry is None or user is None or entry.step != entering.CODE:
        return redirect(settings.LOGIN_URL)
    form = forms.CodeForm(user, request.POST or None, request=request)
    is_over = False
    if form.is_valid():
        try:
            if second_factor.accepts(user, form.cleaned_data["code"]):
                attempts.forgive(user.get_username(), address=request.META["REMOTE_ADDR"])
                entry.has_given_code = True
                return HttpResponseRedirect(entering.go_on(request, entry, user))
        except second_factor.Throttled:
            form.add_error("code", _("Wrong codes were given. Wait a minute, then give a new one."))
        else:
            attempts.note_wrong_code(request, user)
            is_over = entering.missed(request, entry)
            form.add_error("code", _("That is not the code of now, nor one from the paper."))
    return render(request, "accounts/code.html", {"form": form, "is_over": is_over})


@_own_page
def first(request: HttpRequest) -> HttpResponseBase:
    """Makes whoever comes with a link of `manage.py firstadmin` the first administrator."""
    # Counted before the link is looked at, as a password is.
    attempt = attempts.begin(request, None, "accounts.first")
    if attempt.outcome == Attempt.Outcome.LOCKED:
        attempts.fail(attempt)
        return _no_first(request, "locked", status=429)
    try:
        first_administrator.check_link(request.GET.get(first_administrator.PARAMETER, ""))
    except first_administrator.LinkError as error:
        attempts.fail(attempt)
        return _no_first(request, error.reason, status=404 if error.reason == "broken" else 410)
    # It was no attempt to be somebody who is there.
    attempt.delete()
    form = forms.FirstAdministratorForm(request.POST or None)
    if form.is_valid():
        name, password = form.cleaned_data["username"], form.cleaned_data["new_password1"]
        address = request.META["REMOTE_ADDR"]
        try:
            user = first_administrator.make(name, password, how="by link", address=address)
        except first_administrator.SomebodyAdministers:
            return _no_first(request, "used", status=410)
        return HttpResponseRedirect(entering.begin(request, user, reverse("admin:index")))
    return render(request, "accounts/first.html", {"form": form})


def _no_first(request: HttpRequest, reason: str, *, status: int) -> HttpResponseBase:
    return render(request, "accounts/no_first.html", {"reason": reason}, status=status)


# ----- How one signs in


@_own_page
def password(request: HttpRequest) -> HttpResponseBase:
    """Changes a password; who was given one by an administrator has to, before anything else."""
    who = _whose(request, entering.PASSWORD)
    if who is None:
        return redirect_to_login(request.get_full_path())
    user, entry = who
    form_class = forms.ChangePasswordForm if entry is None else forms.NewPasswordForm
    form = form_class(user, request.POST or None, request=request)
    if form.is_valid():
        form.save()
        _note(user, "changed the password")
        if entry is not None:
            return HttpResponseRedirect(entering.go_on(request, entry, user))
        # All other sessions end: their mark of the password is that of the old one.
        update_session_auth_hash(request, user)
        return render(request, "accounts/password_changed.html")
    context = {"form": form, "is_first": entry is not None}
    return render(request, "accounts/password.html", context)


@_own_page
def device(request: HttpRequest) -> HttpResponseBase:
    """Sets up a second factor, or takes it away."""
    who = _whose(request, entering.DEVICE)
    if who is None:
        return redirect_to_login(request.get_full_path())
    user, entry = who
    if not second_factor.is_offered(user):
        raise PermissionDenied
    if not second_factor.is_set_up(user):
        return _set_up(request, user, entry)
    if entry is not None:
        # Set up elsewhere since this began: then it is asked for.
        return HttpResponseRedirect(entering.go_on(request, entry, user))
    return _manage(request, user)


def _set_up(request: HttpRequest, user: User, entry: Entry | None) -> HttpResponseBase:
    form_class = forms.SetUpLaterForm if entry is None else forms.SetUpForm
    form = form_class(user, request.POST or None, request=request)
    proposal = second_factor.Proposal.read(request.POST.get("key", ""), user)
    if form.is_valid() and proposal is not None:
        if proposal.confirm(form.cleaned_data["code"]):
            _note(user, "set up a second factor")
            next_url = ""
            if entry is not None:
                entry.has_given_code = True
                next_url = entering.go_on(request, entry, user)
            return _recovery_codes(request, user, next_url)
        form.add_error("code", _("That is not the code that the app shows now."))
    # The same picture as before, which the app may have read already.
    proposal = proposal or second_factor.Proposal.new(user)
    context = {"form": form, "proposal": proposal, "is_required": entry is not None}
    return render(request, "accounts/device.html", context)


def _manage(request: HttpRequest, user: User) -> HttpResponseBase:
    form = forms.ManageForm(user, request.POST or None, request=request)
    if form.is_valid():
        if form.cleaned_data["do"] == "renew":
            _note(user, "renewed the recovery codes")
            return _recovery_codes(request, user, "")
        second_factor.remove(user)
        _note(user, "removed the second factor")
        return redirect(entering.DEVICE)
    context = {"form": form, "codes_left": second_factor.recovery_codes_left(user)}
    return render(request, "accounts/device_there.html", context)


def _recovery_codes(request: HttpRequest, user: User, next_url: str) -> HttpResponseBase:
    codes = second_factor.renew_recovery_codes(user)
    return render(request, "accounts/recovery_codes.html", {"codes": codes, "next": next_url})


# ----- Language


def choose_language(request: HttpRequest) -> HttpResponseBase:
    """As Django's: the browser keeps it. So does the account, for every other browser."""
    response = set_language(request)
    language = request.POST.get("language")
    if language in dict(settings.LANGUAGES) and request.user.is_authenticated:
        User.objects.filter(pk=request.user.pk).update(language=language)
    return response
