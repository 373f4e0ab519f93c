"""The people who sign in."""

from django.contrib.auth.models import AbstractUser


class User(AbstractUser):
    """A login. Not a badge: one login may serve a station where several operators scan theirs."""
