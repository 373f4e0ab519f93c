"""Keeps sessions in the database, with whose they are, from where, since when and until when."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, cast

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends import db
from django.contrib.sessions.base_session import AbstractBaseSession
from django.contrib.sessions.middleware import SessionMiddleware
from django.core import signing
from django.db import connection
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.module_loading import import_string

from accounts.models import Session, User

# Who administers is out after so long without a sign of a person, unless at a station.
IDLE_SECONDS = 30 * 60
# That somebody is there is written down once in so long.
SEEN_SECONDS = 60
LONGEST_ADDRESS = 45

# Where a session's content tells of its sign-in.
_SIGN_IN = "sign_in"

_USER_FIELDS = User._meta.concrete_fields
_USER_NAMES = [field.attname for field in _USER_FIELDS]
# In SQL, as each request asks: the ORM would take three times as long to write it. Whose session it
# is comes along, and the revision of all rights, which spares each request another statement.
_SESSION = f"""
SELECT {", ".join(f"u.`{field.column}`" for field in _USER_FIELDS)},
    r.mark, s.session_data, s.seen_at
FROM accounts_session s
LEFT JOIN accounts_user u ON u.id = s.user_id
LEFT JOIN accounts_rightsrevision r ON r.id = 1
WHERE s.session_key = %s AND s.expire_date > UTC_TIMESTAMP()
"""  # noqa: S608 - of our own names


@cache
def _conversions() -> list[tuple[int, Any, list[Callable[..., Any]]]]:
    """Of a user's columns that Python has otherwise than the database: place, column, by what."""
    found = []
    for place, field in enumerate(_USER_FIELDS):
        column = field.get_col("u")
        functions = connection.ops.get_db_converters(column) + field.get_db_converters(connection)
        if functions:
            found.append((place, column, functions))
    return found


def _user(values: list[Any]) -> User | None:
    """Whom a row tells of. What the ORM does for that takes each request 0.07 ms longer."""
    if values[0] is None:
        return None
    for place, column, functions in _conversions():
        for convert in functions:
            values[place] = convert(values[place], column, connection)
    return User.from_db(connection.alias, _USER_NAMES, values)


class _AsWritten:
    """No serializer: what was signed, as it was written."""

    def dumps(self, obj: bytes) -> bytes:
        return obj

    def loads(self, data: bytes) -> bytes:
        return data


# Whether we signed it, and what it says, is the same each time. To look takes 60 µs, and lets go of
# Python's lock.
@lru_cache(maxsize=1024)
def _opened(session_data: Any, salt: str) -> bytes:
    return cast(bytes, signing.loads(session_data, salt=salt, serializer=_AsWritten))


class SessionStore(db.SessionStore):
    """Django's own, but for how it reads, when it ends, and what its row tells."""

    # As the row says, once it was read.
    seen_at: datetime | None = None
    user: User | None = None

    @classmethod
    def get_model_class(cls) -> type[AbstractBaseSession]:
        return Session

    def load(self) -> dict[str, Any]:
        with connection.cursor() as cursor:
            cursor.execute(_SESSION, [self.session_key])
            row = cursor.fetchone()
        if row is None:
            # As Django does: nobody chooses the key of a session to come.
            self._session_key = None
            return {}
        *values, rights_revision, session_data, seen_at = row
        self.user = _user(values)
        if self.user is not None:
            self.user.rights_revision = rights_revision  # type: ignore[attr-defined]
        self.seen_at = seen_at and seen_at.replace(tzinfo=UTC)
        return self.decode(session_data)

    def decode(self, session_data: str | bytes) -> dict[str, Any]:
        try:
            written = _opened(session_data, self.key_salt)
        except Exception:  # noqa: BLE001 - Django says of it what is to be said
            return super().decode(session_data)
        return cast(dict[str, Any], self.serializer().loads(written))

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row = cast(Session, super().create_model_instance(data))
        if sign_in := data.get(_SIGN_IN):
            row.user_id = data.get(SESSION_KEY)
            row.address = sign_in["address"]
            row.station = sign_in["station"]
            row.signed_in_at = datetime.fromisoformat(sign_in["at"])
            row.seen_at = timezone.now()
        return row

    def get_expiry_date(self, **kwargs: Any) -> datetime:
        """So long after the sign-in, or after the last sign of whoever must not be away."""
        sign_in = self.get(_SIGN_IN)
        if sign_in is None:
            return super().get_expiry_date(**kwargs)
        signed_in_at = datetime.fromisoformat(sign_in["at"])
        end = signed_in_at + timedelta(seconds=settings.SESSION_COOKIE_AGE)
        if idle_seconds := sign_in["idle_seconds"]:
            return min(end, timezone.now() + timedelta(seconds=idle_seconds))
        return end

    def note_seen(self, *, by_person: bool) -> None:
        """Have it written down that the browser is there, if that was not done just now.

        What a page asks by itself keeps nobody signed in who must not be away.
        """
        sign_in = self.get(_SIGN_IN)
        if sign_in is None or (sign_in["idle_seconds"] and not by_person):
            return
        now = timezone.now()
        if self.seen_at is not None and now - self.seen_at < timedelta(seconds=SEEN_SECONDS):
            return
        # Whose session was ended meanwhile stays out: nothing is there to be changed.
        Session.objects.filter(session_key=self.session_key).update(
            seen_at=now, expire_date=self.get_expiry_date()
        )


class Middleware(SessionMiddleware):
    """Django's own; pages that a person opens are a sign of that person."""

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        session, match = cast(SessionStore, request.session), request.resolver_match
        # What answers JSON is asked by pages. A changed session is written anyway.
        if (
            session.accessed
            and not session.modified
            and match is not None
            and not getattr(match.func, "answers_json", False)
        ):
            session.note_seen(by_person=True)
        return super().process_response(request, response)


def end_sessions(user: User) -> int:
    """Sign a person out everywhere, from the next request on; how many sessions that ended."""
    ended, _by_model = Session.objects.filter(user=user).delete()
    return ended


@receiver(user_logged_in)
def _begin(request: HttpRequest, user: User, **kwargs: Any) -> None:
    station = import_string(settings.STATION_OF_BROWSER)(request)
    may_not_be_away = (user.is_staff or user.is_superuser) and not station
    request.session[_SIGN_IN] = {
        "at": timezone.now().isoformat(),
        "address": request.META.get("REMOTE_ADDR", "")[:LONGEST_ADDRESS],
        "station": station,
        "idle_seconds": IDLE_SECONDS if may_not_be_away else 0,
    }
    # Nobody else clears away what has ended.
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
