"""Rights cost no statement while nobody changes any, and a change holds at the next request."""

import logging

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client

from accounts.backends import RightsBackend, rights_known, rights_read
from accounts.models import RightsRevision, Session, User

ADDRESS = "/scans/recent/"


def mark():
    return RightsRevision.objects.get().mark


def sql(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture
def operator(person) -> User:
    return person("operator")


@pytest.fixture
def client(operator) -> Client:
    """Signed in, and known to this process."""
    client = Client()
    client.force_login(operator)
    assert client.get(ADDRESS).status_code == 200
    return client


@pytest.fixture
def outcomes():
    """What checks of rights found, in their order."""
    found = []

    def known(**_):
        found.append("known")

    def read(**_):
        found.append("read")

    rights_known.connect(known)
    rights_read.connect(read)
    yield found
    rights_known.disconnect(known)
    rights_read.disconnect(read)


@pytest.fixture
def right() -> Permission:
    return Permission.objects.get(codename="record_scan")


@pytest.fixture
def role() -> Group:
    return Group.objects.get(name="operator")


def test_a_request_asks_once_for_session_user_and_rights(client, django_assert_num_queries):
    with django_assert_num_queries(1) as asked:
        assert client.get("/")["Location"] == "/scans/station/"
    (statement,) = [one["sql"] for one in asked.captured_queries]
    for table in ("accounts_session", "accounts_user", "accounts_rightsrevision"):
        assert table in statement


def test_a_session_that_says_another_user_than_its_row_is_the_others(client, person):
    """What is signed in is what the session says, as Django checks it; the row is for the lists."""
    quality = person("quality")
    Session.objects.update(user=quality)
    assert client.get("/accounts/password/").wsgi_request.user.username == "operator"
    Session.objects.update(user=None)
    assert client.get("/accounts/password/").wsgi_request.user.username == "operator"


def test_the_user_of_one_request_is_not_the_next_ones(client, operator, person):
    assert client.get(ADDRESS).wsgi_request.user == operator
    assert Client().get(ADDRESS).status_code == 401
    other = Client()
    other.force_login(person("quality"))
    assert other.get("/").wsgi_request.user.username == "quality"
    assert RightsBackend().get_user(operator.pk).username == "operator"


def test_checks_are_told_as_known_or_read_and_logged(client, right, outcomes, caplog):
    with caplog.at_level(logging.DEBUG, logger="accounts.backends"):
        client.get(ADDRESS)
        right.save()
        client.get(ADDRESS)
        client.get(ADDRESS)
    assert outcomes == ["known", "read", "known"]
    lines = [line for line in caplog.records if line.name == "accounts.backends"]
    assert [line.getMessage() for line in lines] == [
        "The rights of operator were known",
        "The rights of operator were read",
        "The rights of operator were known",
    ]


LOSSES = {
    "leaves the role": lambda user, role, right: user.groups.remove(role),
    "has no role": lambda user, role, right: user.groups.clear(),
    "has other roles": lambda user, role, right: user.groups.set([]),
    "is taken from the role's people": lambda user, role, right: role.user_set.remove(user),
    "the role loses its people": lambda user, role, right: role.user_set.clear(),
    "the role loses the right": lambda user, role, right: role.permissions.remove(right),
    "the role loses all rights": lambda user, role, right: role.permissions.clear(),
    "the right loses the role": lambda user, role, right: right.group_set.remove(role),
    "the role is deleted": lambda user, role, right: role.delete(),
    "roles are deleted in bulk": lambda user, role, right: Group.objects.all().delete(),
    "the right is deleted": lambda user, role, right: right.delete(),
    "the right is renamed": lambda user, role, right: Permission(
        right.pk, right.name, right.content_type_id, "other"
    ).save(),
    "rights are renamed in bulk": lambda user, role, right: Permission.objects.filter(
        pk=right.pk
    ).update(codename="other"),
    "roles are taken in bulk": lambda user, role, right: User.groups.through.objects.filter(
        user=user
    ).delete(),
    "roles are taken by SQL": lambda user, role, right: sql("DELETE FROM accounts_user_groups"),
    "the role is another by SQL": lambda user, role, right: sql(
        "UPDATE accounts_user_groups SET group_id = "
        "(SELECT id FROM auth_group WHERE name = 'auditor')"
    ),
}


@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_a_right_that_is_lost_is_missing_at_the_next_request(client, operator, role, right, loss):
    loss(operator, role, right)
    assert client.get(ADDRESS).status_code == 403


def test_a_right_of_ones_own_comes_and_goes_at_the_next_request(client, operator, right):
    operator.groups.clear()
    assert client.get(ADDRESS).status_code == 403
    operator.user_permissions.add(right)
    assert client.get(ADDRESS).status_code == 200
    right.user_set.clear()
    assert client.get(ADDRESS).status_code == 403


def test_who_becomes_a_superuser_may_do_it_once_signed_in_again_and_no_longer_afterwards(
    client, operator
):
    operator.groups.clear()
    for is_superuser, status in ((False, 403), (True, 200), (False, 403)):
        # In bulk, of which no signal tells: what stands in the user's row is read anyway.
        User.objects.update(is_superuser=is_superuser)
        if is_superuser:
            assert client.get(ADDRESS).status_code == 401
            client.force_login(operator)
        assert client.get(ADDRESS).status_code == status
        rights = RightsBackend().get_user(operator.pk).get_all_permissions()
        assert ("scans.record_scan" in rights) == is_superuser


def test_a_disabled_user_is_out_at_the_next_request(client):
    User.objects.update(is_active=False)
    assert client.get(ADDRESS).status_code == 401


def test_rights_that_syncroles_gives_back_hold_at_the_next_request(client, role, right):
    role.permissions.remove(right)
    assert client.get(ADDRESS).status_code == 403
    call_command("syncroles", verbosity=0)
    assert client.get(ADDRESS).status_code == 200


def test_a_change_that_is_rolled_back_leaves_nothing_behind(client, operator, right, outcomes):
    before = mark()
    with transaction.atomic():
        operator.groups.clear()
        # Asked within the transaction, so by the mark that nobody else will ever see.
        assert client.get(ADDRESS).status_code == 403
        transaction.set_rollback(True)
    assert mark() == before
    assert client.get(ADDRESS).status_code == 200
    # Other changes get other marks.
    with transaction.atomic():
        operator.user_permissions.add(right)
    assert client.get(ADDRESS).status_code == 200
    assert outcomes == ["read", "read", "read"]


def test_what_changes_no_right_marks_nothing(client, operator):
    before = mark()
    operator.first_name = "Ana"
    operator.save()
    Client().force_login(operator)
    assert mark() == before


def test_users_that_come_by_another_way_have_their_rights_read_each_time(operator, outcomes):
    for _ in range(2):
        assert User.objects.get(pk=operator.pk).has_perm("scans.record_scan")
    assert outcomes == []


def test_without_a_revision_nothing_is_remembered(client, outcomes):
    RightsRevision.objects.all().delete()
    for _ in range(2):
        assert client.get(ADDRESS).status_code == 200
    assert outcomes == []
