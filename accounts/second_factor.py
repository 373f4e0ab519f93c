"""The second factor of those who administer: an app's codes, and some on paper for a lost app."""

import secrets
import time
from base64 import b32encode
from dataclasses import dataclass

import segno
from django.conf import settings
from django.core import signing
from django.db import transaction
from django_otp.models import Device
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice, StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts.models import User

RECOVERY_CODES = 10
# Without what is read for something else: 0 and o, 1 and i and l.
_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
_RECOVERY_LENGTH = 10

# So long an app may take to read the picture.
SET_UP_SECONDS = 15 * 60
_KEY_BYTES = 20
_SALT = "accounts.second_factor"


class Throttled(Exception):
    """After wrong codes none is looked at for a while, which doubles with each."""


# ----- Whose it is


def is_offered(user: User) -> bool:
    """Whether somebody may have one. Not a station's login: it serves many people."""
    return user.is_staff or user.is_superuser


def is_required(user: User) -> bool:
    """Whether the house lets somebody in with it alone."""
    return bool(settings.REQUIRE_SECOND_FACTOR) and is_offered(user)


def is_set_up(user: User) -> bool:
    return bool(TOTPDevice.objects.filter(user=user, confirmed=True).exists())


def recovery_codes_left(user: User) -> int:
    return int(StaticToken.objects.filter(device__user=user).count())


# ----- Setting it up, and taking it away


@dataclass(frozen=True, slots=True)
class Proposal:
    """A key that nobody has confirmed yet. It lies in the page alone, signed."""

    key: bytes
    user: User

    @classmethod
    def new(cls, user: User) -> "Proposal":
        return cls(secrets.token_bytes(_KEY_BYTES), user)

    @classmethod
    def read(cls, text: str, user: User) -> "Proposal | None":
        """The one that `signed` wrote; None: it is too old, or not this person's."""
        try:
            whose, key = signing.loads(text, salt=_SALT, max_age=SET_UP_SECONDS)
        except signing.BadSignature:
            return None
        return cls(bytes.fromhex(key), user) if whose == user.pk else None

    @property
    def signed(self) -> str:
        return signing.dumps([self.user.pk, self.key.hex()], salt=_SALT)

    @property
    def text(self) -> str:
        """For typing it into an app that has no camera, in groups of four."""
        text = b32encode(self.key).decode()
        return " ".join(text[at : at + 4] for at in range(0, len(text), 4))

    @property
    def address(self) -> str:
        """What apps read."""
        return str(TOTPDevice(user=self.user, key=self.key.hex()).config_url)

    @property
    def picture(self) -> str:
        """The QR code of the address, as the address of a picture."""
        return str(segno.make(self.address, error="m").svg_data_uri(scale=5, light="#fff"))

    def confirm(self, code: str) -> bool:
        """Make it this person's factor when the app's code is right, in the place of any other."""
        totp = TOTP(self.key)
        totp.time = time.time()
        if not code.isdecimal() or not totp.verify(int(code), tolerance=1):
            return False
        with transaction.atomic():
            remove(self.user)
            TOTPDevice.objects.create(
                user=self.user, name="app", key=self.key.hex(), last_t=totp.t(), drift=totp.drift
            )
        return True


@transaction.atomic
def renew_recovery_codes(user: User) -> list[str]:
    """Codes of which each lets the person in once; those of before end. Shown now or never."""
    StaticDevice.objects.filter(user=user).delete()
    device = StaticDevice.objects.create(user=user, name="paper")
    codes = [
        "".join(secrets.choice(_LETTERS) for _ in range(_RECOVERY_LENGTH))
        for _ in range(RECOVERY_CODES)
    ]
    for code in codes:
        device.token_set.create(token=code)
    return [f"{code[:5]}-{code[5:]}" for code in codes]


@transaction.atomic
def remove(user: User) -> bool:
    """Let the person in with the password alone; whether there was a factor."""
    had, _by_model = TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()
    return bool(had)


# ----- Asking for it


def accepts(user: User, text: str) -> bool:
    """Whether it is the app's code of now, or one from the paper; each is good once.

    Raises Throttled, whether it is right or not.
    """
    code = "".join(text.split()).replace("-", "").lower()
    model: type[Device] = TOTPDevice if len(code) == 6 and code.isdecimal() else StaticDevice
    with transaction.atomic():
        # Locked: who sends a hundred at once is answered one by one.
        device = model.objects.select_for_update().filter(user=user, confirmed=True).first()
        if device is None:
            return False
        is_allowed, _why = device.verify_is_allowed()
        if not is_allowed:
            raise Throttled
        return bool(device.verify_token(code))
