"""Speaks to the site as a browser does in which somebody has signed in."""

import contextlib
import http.client
import json
import threading
from dataclasses import dataclass
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import urlencode, urlsplit

# As in server.js.
TIMEOUT_SECONDS = 10
NO_ANSWER = (OSError, http.client.HTTPException, ValueError)


class NotSignedIn(Exception):
    """The site does not let them in; the message says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the site said; status 0: nothing, body None: no JSON."""

    status: int = 0
    body: Any = None
    retry_after_seconds: float = 0.0


class _Connection(http.client.HTTPConnection):
    """Head and body leave together, as a browser sends short ones.

    One behind the other they are two packets, and the server is woken twice.
    """

    _pieces: list[bytes] | None = None

    def request(self, *args: Any, **kwargs: Any) -> None:
        """As http.client's."""
        self._pieces = []
        try:
            super().request(*args, **kwargs)
        finally:
            pieces, self._pieces = self._pieces, None
        self.send(b"".join(pieces))

    def send(self, data: Any) -> None:
        """As http.client's; within a request it is kept until that is complete."""
        if self._pieces is None:
            super().send(data)
        else:
            self._pieces.append(data)


class _TlsConnection(_Connection, http.client.HTTPSConnection):
    pass


class Session:
    """One for all stations: the hash of a password takes longer than many scans."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url.rstrip("/")
        self._user, self._password = user, password
        self._cookies: dict[str, str] = {}
        self._lock = threading.Lock()

    def sign_in(self, *, instead_of: str | None = None) -> None:
        """Unless somebody else has done so since `instead_of` was the session's key.

        Raises NotSignedIn.
        """
        with self._lock, contextlib.closing(self.connect()) as connection:
            if instead_of is not None and self._key != instead_of:
                return
            self._cookies = {}
            try:
                self.request(connection, "GET", "/accounts/login/")
                form = {"username": self._user, "password": self._password}
                form["csrfmiddlewaretoken"] = self._cookies.get("csrftoken", "")
                kind = "application/x-www-form-urlencoded"
                self.request(connection, "POST", "/accounts/login/", urlencode(form), kind=kind)
            except NO_ANSWER as error:
                raise NotSignedIn(f"{self.url} does not answer: {error!r}. Does it run?") from error
            if not self._key:
                raise NotSignedIn(
                    f"{self.url} did not let {self._user} sign in. Is the password right?"
                )

    @property
    def _key(self) -> str:
        return self._cookies.get("sessionid", "")

    @property
    def headers(self) -> dict[str, str]:
        """By which the site knows who asks."""
        return {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items()),
            "X-CSRFToken": self._cookies.get("csrftoken", ""),
            "Referer": self.url,
        }

    def connect(self) -> http.client.HTTPConnection:
        """A connection of one's own, opened when it is used."""
        parts = urlsplit(self.url)
        if parts.scheme == "https":
            return _TlsConnection(parts.netloc, timeout=TIMEOUT_SECONDS)
        return _Connection(parts.netloc, timeout=TIMEOUT_SECONDS)

    def ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, body: Any = None
    ) -> Answer:
        """What the site answers, whatever happens. Who has to sign in again does."""
        text = None if body is None else json.dumps(body)
        key = self._key
        answer = self._ask(connection, method, path, text)
        if answer.status == 401:
            with contextlib.suppress(NotSignedIn):
                self.sign_in(instead_of=key)
        return answer

    def _ask(
        self, connection: http.client.HTTPConnection, method: str, path: str, text: str | None
    ) -> Answer:
        # The site closes connections that idle: a browser then takes a new one, and asks again.
        for is_kept in (True, False) if connection.sock is not None else (False,):
            try:
                return self.request(connection, method, path, text)
            except NO_ANSWER as error:
                connection.close()
                if not (is_kept and isinstance(error, ConnectionError)):
                    break
        return Answer()

    def request(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        text: str | None = None,
        *,
        kind: str = "application/json",
    ) -> Answer:
        """Raises one of NO_ANSWER."""
        connection.request(method, path, text, self.headers | {"Content-Type": kind})
        response = connection.getresponse()
        body = response.read()
        for line in response.headers.get_all("Set-Cookie") or ():
            # A new dictionary, as other threads read this one.
            found = {name: one.value for name, one in SimpleCookie(line).items()}
            self._cookies = self._cookies | found
        is_json = "json" in (response.getheader("Content-Type") or "")
        retry_after = response.getheader("Retry-After") or ""
        return Answer(
            response.status,
            json.loads(body) if is_json else None,
            float(retry_after) if retry_after.isdigit() else 0.0,
        )
