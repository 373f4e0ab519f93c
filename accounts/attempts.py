"""Keeps who tried to sign in from where, and lets nobody guess for long."""

import logging
from datetime import timedelta
from typing import Any

from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db.models import Count, QuerySet
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.models import Attempt, User

Outcome = Attempt.Outcome

logger = logging.getLogger(__name__)

# So many wrong ones within so long, by name and address: then the right one is refused, too.
MOST_FAILURES = 5
WINDOW = timedelta(minutes=15)
KEPT = timedelta(days=180)

_UNKNOWN = "?"


def note_wrong_code(request: HttpRequest, user: User) -> None:
    """Somebody knew the password of `user`, and not the code."""
    name = user.get_username()
    fail(_note(request, user, name, Outcome.WRONG_CODE))
    # As Django does of wrong passwords, for whoever counts.
    user_login_failed.send(__name__, credentials={User.USERNAME_FIELD: name}, request=request)


def begin(request: HttpRequest | None, user: User | None, typed: str) -> Attempt:
    """Note that somebody tries to be `user`, or a name that nobody has.

    Counted as a failure before the password is looked at: of many that try at once, no more are
    heard than of those that try one after the other.
    """
    name = user.get_username() if user is not None else _unknown(typed)
    attempt = _note(request, user, name, _outcome_if_wrong(user))
    others = counted().filter(name=attempt.name, address=attempt.address)
    if others.exclude(pk=attempt.pk).count() >= MOST_FAILURES:
        # Does not count: whoever goes on trying is not locked for longer.
        attempt.outcome, attempt.counts = Outcome.LOCKED, False
        attempt.save(update_fields=["outcome", "counts"])
    return attempt


def fail(attempt: Attempt) -> None:
    """It was nothing; the line says why, the person is not told."""
    who = "somebody unknown" if attempt.user_id is None else attempt.name
    fields = {"reason": attempt.outcome, "user": attempt.user_id, "address": attempt.address}
    logger.warning("%s failed to sign in", who, extra={"fields": fields})


def accept(attempt: Attempt) -> None:
    """It was the right password; what was wrong before is forgiven, and what is old forgotten.

    Not wrong codes: whoever guesses those knows the password.
    """
    passwords = counted().exclude(outcome=Outcome.WRONG_CODE)
    passwords.filter(name=attempt.name, address=attempt.address).update(counts=False)
    attempt.outcome, attempt.counts = Outcome.ACCEPTED, False
    attempt.save(update_fields=["outcome", "counts"])
    Attempt.objects.filter(at__lt=timezone.now() - KEPT).delete()


def forgive(name: str, **where: str) -> int:
    """Unlock a name, everywhere or at one address; how many failures count no more."""
    return counted().filter(name=name, **where).update(counts=False)


def counted() -> QuerySet[Attempt]:
    """The failures that still count."""
    return Attempt.objects.filter(counts=True, at__gt=timezone.now() - WINDOW)


def locked() -> QuerySet[Attempt, Any]:
    """Each `name` and `address` that is locked now."""
    tried = counted().values("name", "address").annotate(failures=Count("pk"))
    return tried.filter(failures__gte=MOST_FAILURES)


def _note(request: HttpRequest | None, user: User | None, name: str, outcome: Outcome) -> Attempt:
    meta = request.META if request is not None else {}
    return Attempt.objects.create(
        user=user,
        name=name,
        address=_cut(meta.get("REMOTE_ADDR", ""), 45),
        browser=_cut(meta.get("HTTP_USER_AGENT", ""), 200),
        outcome=outcome,
    )


def _outcome_if_wrong(user: User | None) -> Attempt.Outcome:
    if user is None:
        return Outcome.UNKNOWN
    return Outcome.WRONG if user.is_active else Outcome.DISABLED


def _unknown(typed: str) -> str:
    """What is nobody's name may be a password in the wrong field: it is not kept.

    The same one is the same mark, so that who guesses names is seen, and locked like others.
    """
    return _UNKNOWN + salted_hmac(__name__, typed.casefold()).hexdigest()[:12]


def _cut(text: str, most: int) -> str:
    return (text if text.isprintable() else ascii(text))[:most]


# ----- In the log


def _fields(request: HttpRequest | None, user: User) -> dict[str, Any]:
    address = _cut(request.META.get("REMOTE_ADDR", ""), 45) if request is not None else ""
    return {"fields": {"user": user.pk, "address": address}}


@receiver(user_logged_in)
def _signed_in(request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    logger.info("%s signed in", user.get_username(), extra=_fields(request, user))


@receiver(user_logged_out)
def _signed_out(request: HttpRequest | None, user: User | None, **kwargs: Any) -> None:
    if user is not None:
        logger.info("%s signed out", user.get_username(), extra=_fields(request, user))
