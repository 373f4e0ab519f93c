"""Reads BACKUP_KEY: for whom backups are encrypted, and whether this host can open them."""

from dataclasses import dataclass
from typing import Any

import pyrage
from django.core.exceptions import ImproperlyConfigured

HOW = (
    "a key that `manage.py backup --new-key` has printed (AGE-SECRET-KEY-1…), or only its public "
    "part (age1…), one a line"
)


@dataclass(frozen=True)
class Keys:
    """Whoever has the secret part of one of `recipients` opens what is encrypted here."""

    recipients: tuple[Any, ...] = ()
    identities: tuple[Any, ...] = ()

    @property
    def encrypt(self) -> bool:
        return bool(self.recipients)

    @property
    def open_their_own(self) -> bool:
        return bool(self.identities) or not self.recipients


def read_keys(text: str) -> Keys:
    """The lines of `text`; lines that begin with # are comments. Raises ImproperlyConfigured."""
    recipients, identities = [], []
    for number, line in enumerate(text.splitlines(), 1):
        key = line.strip()
        if not key or key.startswith("#"):
            continue
        try:
            if key.upper().startswith("AGE-SECRET-KEY-"):
                identity = pyrage.x25519.Identity.from_str(key)
                identities.append(identity)
                recipients.append(identity.to_public())
            else:
                recipients.append(pyrage.x25519.Recipient.from_str(key))
        except (pyrage.IdentityError, pyrage.RecipientError):
            # Not the line itself: it may be a secret with a letter too many.
            raise ImproperlyConfigured(
                f"Line {number} of BACKUP_KEY is no key. It must be {HOW}."
            ) from None
    if text.strip() and not recipients:
        raise ImproperlyConfigured(f"BACKUP_KEY holds no key. It must be {HOW}.")
    return Keys(tuple(recipients), tuple(identities))


def new_key() -> str:
    """A new key as BACKUP_KEY_FILE and `age` read it, with its public part as a comment."""
    identity = pyrage.x25519.Identity.generate()
    return f"# public key: {identity.to_public()}\n{identity}\n"
