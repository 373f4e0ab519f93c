"""Brings a report to people and programs: by e-mail, and by HTTP."""

import http.client
import json
import smtplib
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.core.mail import EmailMultiAlternatives

WAIT_SECONDS = 10
# In all: a server that says a word now and then never keeps anybody waiting for so long at once.
LONGEST_SECONDS = 30
READ_BYTES = 1000


class Undelivered(Exception):
    """It did not arrive; the message says why, without an address that may hold a secret."""


def mail(subject: str, text: str, html: str, to: Sequence[str]) -> None:
    """One message to all. Raises Undelivered."""
    message = EmailMultiAlternatives(subject, text, to=list(to))
    message.attach_alternative(html, "text/html")
    try:
        _within_limits(message.send)
    except smtplib.SMTPResponseException as error:
        raise Undelivered(f"the mail server answers {error.smtp_code}") from error
    except smtplib.SMTPRecipientsRefused as error:
        codes = sorted({code for code, _said in error.recipients.values()})
        raise Undelivered(f"the mail server refuses all addresses: {codes}") from error
    except (smtplib.SMTPException, OSError) as error:
        raise Undelivered(f"no mail server: {_reason(error)}") from error


def post(url: str, content: dict[str, Any]) -> None:
    """Send JSON to an address, and nowhere else. Raises Undelivered."""
    request = urllib.request.Request(  # noqa: S310 - the settings take https alone
        url,
        json.dumps(content).encode(),
        {"Content-Type": "application/json", "User-Agent": "quality"},
    )
    opener = urllib.request.build_opener(_NoRedirects)
    host = urlsplit(url).hostname

    def send() -> None:
        with opener.open(request, timeout=WAIT_SECONDS) as answer:
            answer.read(READ_BYTES)

    try:
        _within_limits(send)
    except urllib.error.HTTPError as error:
        with error:
            raise Undelivered(f"{host} answers {error.code}") from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise Undelivered(f"{host} cannot be reached: {_reason(error)}") from error


def _within_limits(send: Callable[[], Any]) -> None:
    """Raises what it raises, and TimeoutError when it takes too long: then it is left behind."""
    errors: list[BaseException] = []

    def run() -> None:
        try:
            send()
        except Exception as error:  # noqa: BLE001 - raised again below
            errors.append(error)

    thread = threading.Thread(target=run, name="delivering", daemon=True)
    thread.start()
    thread.join(LONGEST_SECONDS)
    if thread.is_alive():
        raise TimeoutError
    if errors:
        raise errors[0]


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """What was to go to one host goes to no other."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _reason(error: BaseException) -> str:
    reason = getattr(error, "reason", None)
    cause = reason if isinstance(reason, OSError) else error
    return getattr(cause, "strerror", None) or type(cause).__name__
