"""The demo logins, one for each role."""

from django.contrib.auth.models import Group
from django.db import transaction

from accounts.models import User
from accounts.roles import ROLES


@transaction.atomic
def seed_logins(password: str) -> None:
    """Make the demo logins that are missing, and give all of them this password."""
    for role in ROLES:
        user, _created = User.objects.get_or_create(
            username=role, defaults={"is_staff": role == "admin", "first_name": role.title()}
        )
        user.groups.add(Group.objects.get(name=role))
        # A new hash would end the sessions that are open.
        if not user.check_password(password):
            user.set_password(password)
            user.save(update_fields=["password"])
