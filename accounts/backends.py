"""Says who signs in, and what they may: remembered for as long as nobody changes any right."""

import logging
from contextvars import ContextVar
from typing import Any, cast

from django.contrib.auth import SESSION_KEY, middleware
from django.contrib.auth.backends import ModelBackend
from django.dispatch import Signal
from django.http import HttpRequest
from django.utils.functional import SimpleLazyObject

from accounts import attempts
from accounts.models import Attempt, User
from accounts.sessions import SessionStore

logger = logging.getLogger(__name__)

# Somebody's rights were asked for, and were known; or had to be read. The backend sends them.
rights_known = Signal(use_caching=True)
rights_read = Signal(use_caching=True)

# By user, what the rights were as of a state. Each process has its own, as large as the staff.
_State = tuple[str, bool]
_rights: dict[int, tuple[_State, frozenset[str]]] = {}

# Whose session is being looked at, read together with it.
_named: ContextVar[User | None] = ContextVar("accounts.backends.named", default=None)

# For who asks past the middleware.
_USER_AND_REVISION = """
SELECT u.*, r.mark AS rights_revision
FROM accounts_user u LEFT JOIN accounts_rightsrevision r ON r.id = 1
WHERE u.id = %s
"""


class RightsBackend(ModelBackend):
    """Django's own, at three statements less for each request.

    The statement that reads the session reads its user and the revision of all rights too, so a
    change holds in every process of every host from the first request that begins after its
    commit. For users that come by another way, nothing is remembered.
    """

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """The user, if the password is right. It takes as long and tells as little when not."""
        if username is None or password is None:
            return None
        user = User.objects.filter(username=username).first()
        attempt = attempts.begin(request, user, username)
        if user is None or attempt.outcome == Attempt.Outcome.LOCKED:
            # Takes as long as to check one.
            User().set_password(password)
        elif user.check_password(password) and self.user_can_authenticate(user):
            attempts.accept(attempt)
            return user
        attempts.fail(attempt)
        return None

    def get_user(self, user_id: Any) -> User | None:
        """Who has to choose a password first is nobody yet, however a session came about."""
        user = _named.get()
        if user is None or user.pk != user_id:
            user = next(iter(User.objects.raw(_USER_AND_REVISION, [user_id])), None)
        if user is None or user.must_change_password or not self.user_can_authenticate(user):
            return None
        return user

    def get_all_permissions(self, user_obj: Any, obj: Any = None) -> Any:
        revision = getattr(user_obj, "rights_revision", None)
        if revision is None or obj is not None or not user_obj.is_active:
            return super().get_all_permissions(user_obj, obj)
        state = (revision, user_obj.is_superuser)
        held = _rights.get(user_obj.pk)
        if held is not None and held[0] == state:
            logger.debug("The rights of %s were known", user_obj)
            rights_known.send(RightsBackend)
            return held[1]
        # They may be newer than their revision. Then nobody comes with this revision again.
        rights = frozenset(super().get_all_permissions(user_obj))
        _rights[user_obj.pk] = (state, rights)
        logger.debug("The rights of %s were read", user_obj)
        rights_read.send(RightsBackend)
        return rights


class AuthenticationMiddleware(middleware.AuthenticationMiddleware):
    """Django's own, for which the user was read with the session."""

    def process_request(self, request: HttpRequest) -> None:
        super().process_request(request)
        request.user = SimpleLazyObject(lambda: _signed_in(request))  # type: ignore[assignment]


def _signed_in(request: HttpRequest) -> Any:
    session = cast(SessionStore, request.session)
    # Reads it, if that was not done yet.
    session.get(SESSION_KEY)
    token = _named.set(session.user)
    try:
        return middleware.get_user(request)
    finally:
        _named.reset(token)
