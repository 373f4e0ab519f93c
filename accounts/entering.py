"""What stands between a right password and a session: a code, a password of one's own, a device.

A session is whole or there is none: whoever still has a step to take is signed in nowhere, so no
page, no program and no pass has to ask how far somebody has come.
"""

import time
from dataclasses import asdict, dataclass
from typing import Any

from django.contrib.auth import login
from django.http import HttpRequest
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from accounts import second_factor
from accounts.models import User

# The pages that ask for a step.
CODE, PASSWORD, DEVICE = "accounts:code", "accounts:password", "accounts:device"

# So long somebody may take for all steps; then the password is asked for again.
LONGEST_SECONDS = 15 * 60
# So many codes may be wrong.
MOST_MISSES = 5

_KEY = "entering"
# Whoever says whether the password is right, this one knows them from then on.
_BACKEND = "accounts.backends.RightsBackend"


@dataclass(slots=True)
class Entry:
    """Somebody who has given the right password, and is not in yet."""

    user_id: int
    # Ends the entry when the password is changed elsewhere.
    password_mark: str
    began_at: float
    next_url: str
    step: str = ""
    has_given_code: bool = False
    misses: int = 0


def begin(request: HttpRequest, user: User, next_url: str) -> str:
    """Where somebody goes who has just given the right password."""
    # Nothing of whoever was here before stays, nor a key that somebody else may know.
    request.session.flush()
    return go_on(request, Entry(user.pk, "", time.time(), next_url), user)


def go_on(request: HttpRequest, entry: Entry, user: User) -> str:
    """Where somebody goes who has taken a step; whom no step is left to is signed in."""
    step = _next_step(entry, user)
    if step is None:
        request.session.pop(_KEY, None)
        login(request, user, backend=_BACKEND)
        return entry.next_url
    entry.step, entry.password_mark = step, user.get_session_auth_hash()
    _keep(request, entry)
    return reverse(step)


def _next_step(entry: Entry, user: User) -> str | None:
    if not entry.has_given_code:
        if second_factor.is_set_up(user):
            return CODE
        if user.must_change_password:
            return PASSWORD
        return DEVICE if second_factor.is_required(user) else None
    return PASSWORD if user.must_change_password else None


def current(request: HttpRequest) -> tuple[Entry, User] | None:
    """Who is on the way in with this browser, and how far."""
    held: Any = request.session.get(_KEY)
    if held is None:
        return None
    entry = Entry(**held)
    user = User.objects.filter(pk=entry.user_id, is_active=True).first()
    if (
        user is None
        or time.time() - entry.began_at > LONGEST_SECONDS
        or not constant_time_compare(entry.password_mark, user.get_session_auth_hash())
    ):
        request.session.flush()
        return None
    return entry, user


def missed(request: HttpRequest, entry: Entry) -> bool:
    """Note a wrong code; whether it was one too many, and all begins anew with the password."""
    entry.misses += 1
    if entry.misses >= MOST_MISSES:
        request.session.flush()
        return True
    _keep(request, entry)
    return False


def waits_for_password(request: HttpRequest) -> bool:
    """Whether somebody is to choose a password here; asks no more than the session."""
    held: Any = request.session.get(_KEY)
    return held is not None and held["step"] == PASSWORD


def _keep(request: HttpRequest, entry: Entry) -> None:
    request.session[_KEY] = asdict(entry)
