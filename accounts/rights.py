"""The right that a view asks for."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from accounts.entering import waits_for_password

View = Callable[..., HttpResponseBase]

# Asked for its check of the token alone: all else it does as the middleware that it is.
_tokens = CsrfViewMiddleware(lambda request: HttpResponse())


def _holds_any(request: HttpRequest, rights: tuple[str, ...]) -> bool:
    return any(map(request.user.has_perm, rights))


def page(*rights: str) -> Callable[[View], View]:
    """For people: sends them to sign in first; 403 without one of the rights (`app.codename`)."""

    def decorate(view: View) -> View:
        @login_required
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not _holds_any(request, rights):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return guarded

    return decorate


def api(*rights: str) -> Callable[[View], View]:
    """For programs: 401 when not signed in, 403 without any of the rights, both as JSON."""

    def decorate(view: View) -> View:
        # The order matters: who is not signed in must read 401, not that a CSRF token is missing,
        # so the check of the token is moved from the middleware to behind the sign-in.
        @csrf_exempt
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                if waits_for_password(request):
                    return JsonResponse({"error": _("Choose a new password first.")}, status=403)
                return JsonResponse({"error": _("Not signed in.")}, status=401)
            if not _holds_any(request, rights):
                return JsonResponse(
                    {"error": _("Your account has no right to do this.")}, status=403
                )
            if request.method == "POST" and request.content_type != "application/json":
                # The check of the token would read a form's body and leave none for the view.
                # For programmers, so not translated.
                message = "Send JSON, with Content-Type: application/json."
                return JsonResponse({"error": message}, status=400)
            refusal = _tokens.process_view(request, view, args, kwargs)
            return refusal or view(request, *args, **kwargs)

        guarded.answers_json = True  # type: ignore[attr-defined]
        return guarded

    return decorate
