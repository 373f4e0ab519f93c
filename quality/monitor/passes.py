"""Lets those who watch go on watching while nobody can be asked who they are."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import wraps
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.views import redirect_to_login
from django.core import signing
from django.core.exceptions import PermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from quality.monitor.apart import apart

View = Callable[..., HttpResponseBase]

COOKIE = "watcher"
_SALT = "quality.monitor.passes"

# A pass of this age is believed without asking the database.
FRESH_SECONDS = 60.0
# An older one only while the database cannot be asked, and never beyond this age.
LONGEST_SECONDS = 30 * 60.0

# A request waits so long for the database's answer; the whole of it has 1 s.
ASK_SECONDS = 0.6
# After no answer, who holds a pass is believed at once for so long.
PAUSE_SECONDS = 5.0

# A browser keeps a cookie of 4096 bytes.
_LONGEST_COOKIE = 3800

_ask_again_at = 0.0


class CannotAsk(OperationalError):
    """The database did not say in time who this is."""


@dataclass(frozen=True, slots=True)
class Watcher:
    """Who was found to be signed in at `checked_at` (Unix time), in the place of request.user.

    It has what the admin's frame asks of a user. Not what a change of anything would need: a
    pass is good for reading alone.
    """

    pk: int
    username: str
    is_staff: bool
    is_superuser: bool
    rights: frozenset[str]
    checked_at: float

    is_active = True
    is_authenticated = True
    is_anonymous = False

    @classmethod
    def of(cls, user: Any) -> "Watcher":
        return cls(
            pk=user.pk,
            username=user.get_username(),
            is_staff=user.is_staff,
            is_superuser=user.is_superuser,
            rights=frozenset(() if user.is_superuser else user.get_all_permissions()),
            checked_at=time.time(),
        )

    def __str__(self) -> str:
        return self.username

    def get_username(self) -> str:
        return self.username

    get_short_name = get_full_name = get_username

    def has_usable_password(self) -> bool:
        """Whether to offer a change of it, which needs the database: not from here."""
        return False

    def has_perm(self, right: str, obj: object = None) -> bool:
        return self.is_superuser or right in self.rights

    def has_perms(self, rights: list[str], obj: object = None) -> bool:
        return all(self.has_perm(right) for right in rights)

    def has_module_perms(self, app_label: str) -> bool:
        start = f"{app_label}."
        return self.is_superuser or any(right.startswith(start) for right in self.rights)


# ----- For views


def watcher(right: str) -> Callable[[View], View]:
    """For pages to read: sends people to sign in first; 403 without the right."""

    def sign_in(request: HttpRequest) -> HttpResponseBase:
        return redirect_to_login(request.get_full_path(), settings.LOGIN_URL)

    def refuse(request: HttpRequest) -> HttpResponseBase:
        raise PermissionDenied

    return lambda view: _guarded(view, right, sign_in, refuse)


def watcher_api(right: str) -> Callable[[View], View]:
    """For programs to read: 401 when not signed in, 403 without the right, both as JSON."""

    def decorate(view: View) -> View:
        guarded = _guarded(view, right, not_signed_in, no_right)
        guarded.answers_json = True  # type: ignore[attr-defined]
        return guarded

    return decorate


def not_signed_in(request: HttpRequest) -> JsonResponse:
    """The answer to a program that comes without a session."""
    return JsonResponse({"error": _("Not signed in.")}, status=401)


def no_right(request: HttpRequest) -> JsonResponse:
    """The answer to a program whose account lacks the right."""
    return JsonResponse({"error": _("Your account has no right to do this.")}, status=403)


def _guarded(view: View, right: str, sign_in: View, refuse: View) -> View:
    """`view` for those with the right, who get a pass; what the others are answered."""

    @never_cache
    @require_safe
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        who = watcher_of(request)
        if who is None:
            return sign_in(request)
        if not who.has_perm(right):
            return refuse(request)
        request.user = who  # type: ignore[assignment]
        return _with_pass(request, who, view(request, *args, **kwargs))

    return guarded


def watcher_of(request: HttpRequest) -> Watcher | None:
    """Who is signed in, within ASK_SECONDS; None: nobody.

    Needs nothing but the request's cookies, so that probes may ask before any middleware.
    Raises CannotAsk when the database does not answer and there is no pass to be believed.
    """
    session_key = request.COOKIES.get(settings.SESSION_COOKIE_NAME)
    if not session_key:
        return None
    held = _held(request, session_key)
    if held is None:
        return _ask(session_key)
    if time.time() - held.checked_at < FRESH_SECONDS or time.monotonic() < _ask_again_at:
        return held
    try:
        return _ask(session_key)
    except CannotAsk:
        return held


def drop_pass(response: HttpResponseBase) -> None:
    """Whose session ends with this answer, their pass ends."""
    session = response.cookies.get(settings.SESSION_COOKIE_NAME)
    if session is not None and not session.value:
        response.delete_cookie(COOKIE, samesite="Strict")


# ----- The pass


def _with_pass(request: HttpRequest, who: Watcher, response: HttpResponseBase) -> HttpResponseBase:
    """Give `who` a pass, unless it came with this one."""
    session_key = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    if _held(request, session_key) != who:
        response.set_cookie(
            COOKIE,
            _written(who, session_key),
            max_age=int(LONGEST_SECONDS),
            httponly=True,
            secure=settings.SESSION_COOKIE_SECURE,
            samesite="Strict",
        )
    return response


def _written(who: Watcher, session_key: str) -> str:
    facts = asdict(who) | {"session": _mark(session_key), "rights": sorted(who.rights)}
    text = signing.dumps(facts, salt=_SALT, compress=True)
    if len(text) > _LONGEST_COOKIE:
        # The frame then offers fewer links; what is watched stays.
        facts["rights"] = [right for right in facts["rights"] if right.startswith("monitor.")]
        text = signing.dumps(facts, salt=_SALT, compress=True)
    return text


def _held(request: HttpRequest, session_key: str) -> Watcher | None:
    """The pass that came with the request, if it is one of this session and not too old."""
    try:
        facts = signing.loads(
            request.COOKIES.get(COOKIE, ""), salt=_SALT, max_age=int(LONGEST_SECONDS)
        )
        if not constant_time_compare(facts.pop("session"), _mark(session_key)):
            return None
        return Watcher(**facts | {"rights": frozenset(facts["rights"])})
    except (signing.BadSignature, KeyError, TypeError):
        # Not ours, too old, or of another version of this class.
        return None


def _mark(session_key: str) -> str:
    """Ties a pass to its session without naming it: the pass alone is worth nothing."""
    return salted_hmac(_SALT, session_key).hexdigest()[:32]


# ----- The database


def _ask(session_key: str) -> Watcher | None:
    global _ask_again_at
    try:
        return apart(ASK_SECONDS, lambda: _signed_in(session_key))
    except (OperationalError, InterfaceError) as error:
        _ask_again_at = time.monotonic() + PAUSE_SECONDS
        raise CannotAsk(
            f"The database did not say within {ASK_SECONDS:g} s who this is: {error!r}"
        ) from error


def _signed_in(session_key: str) -> Watcher | None:
    """The ordinary check, as each request outside of the monitor makes it."""
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key)
    user = get_user(request)
    return Watcher.of(user) if user.is_authenticated else None
