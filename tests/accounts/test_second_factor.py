"""Whoever has a second factor is let in with it alone, and nobody guesses it."""

import io
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.signals import user_login_failed
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django_otp.oath import TOTP
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from accounts import second_factor
from accounts.entering import MOST_MISSES
from accounts.models import Attempt, User
from quality.devdb.mariadb import PrivateMariaDB
from tests.faults import Administrator

PASSWORD = "a right good password"
LOGIN, CODE, DEVICE = "/accounts/login/", "/accounts/code/", "/accounts/device/"


class Phone:
    """An app that has read somebody's key."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.steps = 0

    def code(self) -> str:
        """One that was not given yet: an app shows the next one half a minute later."""
        totp = TOTP(self.key)
        totp.time = time.time() + 30 * self.steps
        self.steps += 1
        return f"{totp.token():06}"

    def wrong_code(self) -> str:
        totp = TOTP(self.key)
        near = set()
        for step in range(-3, 4):
            totp.time = time.time() + 30 * step
            near.add(totp.token())
        return next(f"{code:06}" for code in range(100) if code not in near)


@pytest.fixture
def admin(person) -> User:
    user = person("admin")
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def phone(admin) -> Phone:
    """The administrator's, which is set up."""
    proposal = second_factor.Proposal.new(admin)
    phone = Phone(proposal.key)
    assert proposal.confirm(phone.code())
    return phone


@pytest.fixture
def unhurried(monkeypatch) -> None:
    """Whoever waits after each wrong code."""
    for device in (TOTPDevice, StaticDevice):
        monkeypatch.setattr(device, "get_throttle_factor", lambda self: 0)


def sign_in(client: Client, user: str = "admin", **more: str):
    return client.post(LOGIN, {"username": user, "password": PASSWORD} | more)


def give(client: Client, code: str):
    return client.post(CODE, {"code": code})


def is_in(client: Client) -> bool:
    return client.get("/accounts/people.json").status_code != 401


# ----- Signing in


def test_the_password_alone_opens_nothing(phone):
    client = Client()
    assert sign_in(client, next="/scans/bind/")["Location"] == CODE
    assert client.get(CODE).status_code == 200
    for address in ("/", "/admin/", "/scans/bind/", "/accounts/password/", DEVICE):
        assert "login" in client.get(address)["Location"]
    for address in ("/accounts/people.json", "/monitor/pool"):
        assert client.get(address).status_code == 401
    assert not client.cookies.get("watcher")


def test_password_and_code_lead_where_one_was_going(phone):
    client = Client()
    sign_in(client, next="/scans/bind/")
    assert give(client, phone.code())["Location"] == "/scans/bind/"
    assert client.get("/scans/bind/").status_code == 200


def test_a_code_may_be_typed_in_groups(phone):
    client = Client()
    sign_in(client)
    code = phone.code()
    assert give(client, f" {code[:3]} {code[3:]} ").status_code == 302
    assert is_in(client)


def test_who_has_none_is_asked_for_none(admin):
    assert sign_in(Client())["Location"] == "/"


def test_a_code_is_good_once(phone, unhurried):
    client, other = Client(), Client()
    code = phone.code()
    sign_in(client)
    give(client, code)
    sign_in(other)
    assert give(other, code).context["form"].errors
    assert not is_in(other)


@pytest.mark.parametrize("code", ["", "12345", "１２３４５６", "-12345", "x" * 5000, "'; --", "\0"])
def test_what_is_no_code_lets_nobody_in(phone, code, unhurried):
    client = Client()
    sign_in(client)
    assert give(client, code).status_code == 200
    assert not is_in(client)


def test_without_the_password_a_code_is_worth_nothing(phone):
    client = Client()
    assert give(client, phone.code())["Location"] == LOGIN
    assert not is_in(client)


def test_after_wrong_codes_even_the_right_one_has_to_wait(phone):
    client = Client()
    sign_in(client)
    assert give(client, phone.wrong_code()).context["form"].errors
    code = phone.code()
    assert give(client, code).status_code == 200
    assert not is_in(client)
    [device] = TOTPDevice.objects.all()
    device.throttling_failure_timestamp = None
    device.save()
    assert give(client, code).status_code == 302
    assert is_in(client)


@pytest.mark.django_db(transaction=True)
def test_of_two_codes_at_once_the_second_has_to_wait(phone, admin, mariadb_home):
    """Else a hundred are looked at before the first of them is known to be wrong."""

    def guess() -> bool:
        try:
            second_factor.accepts(admin, phone.wrong_code())
        except second_factor.Throttled:
            return False
        finally:
            connection.close()
        return True

    with (
        ThreadPoolExecutor(1) as pool,
        Administrator(PrivateMariaDB(mariadb_home)) as administrator,
    ):
        with transaction.atomic():
            device = TOTPDevice.objects.select_for_update().get()
            second = pool.submit(guess)
            await_lock_wait(administrator)
            device.throttle_increment()
        assert not second.result(60)
    assert TOTPDevice.objects.get().throttling_failure_count == 1


def await_lock_wait(administrator: Administrator) -> None:
    deadline = time.monotonic() + 60
    waits = "SELECT 1 FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'"
    while not administrator.query(waits):
        assert time.monotonic() < deadline
        # The server looks anew only when nobody has asked for a tenth of a second.
        time.sleep(0.15)


def test_who_guesses_begins_anew_with_the_password_after_some_tries(phone, unhurried, caplog):
    failures = []
    user_login_failed.connect(count := lambda **about: failures.append(about["credentials"]))
    client = Client()
    sign_in(client)
    for _ in range(MOST_MISSES):
        assert give(client, phone.wrong_code()).status_code == 200
    assert give(client, phone.code())["Location"] == LOGIN
    assert not is_in(client)
    assert caplog.text.count("admin failed to sign in") == MOST_MISSES
    assert failures == [{"username": "admin"}] * MOST_MISSES
    user_login_failed.disconnect(count)
    # The right password forgives no wrong codes.
    assert sign_in(client).status_code == 200
    assert Attempt.objects.filter(outcome="wrong_code").count() == MOST_MISSES


def test_a_first_password_is_chosen_after_the_code(phone, admin):
    User.objects.update(must_change_password=True)
    client = Client()
    assert sign_in(client)["Location"] == CODE
    assert "login" in client.get("/accounts/password/")["Location"]
    assert give(client, phone.code())["Location"] == "/accounts/password/"
    own = {"new_password1": "one of my own choice", "new_password2": "one of my own choice"}
    assert client.post("/accounts/password/", own)["Location"] == "/"
    assert is_in(client)


def test_the_admins_own_page_is_no_way_around(phone):
    client = Client()
    client.post("/admin/login/", {"username": "admin", "password": PASSWORD})
    assert not is_in(client)


# ----- Setting it up


def key_in(page: str) -> str:
    return re.search(r'name="key" value="([^"]+)"', page)[1]


def set_up(client: Client, **more: str):
    page = client.get(DEVICE).content.decode()
    signed = key_in(page)
    phone = Phone(second_factor.Proposal.read(signed, User.objects.get(username="admin")).key)
    form = {"key": signed, "code": phone.code(), "password": PASSWORD} | more
    return phone, client.post(DEVICE, form)


@pytest.fixture
def signed_in(admin) -> Client:
    client = Client()
    sign_in(client)
    return client


def test_an_app_reads_the_picture_that_is_shown(signed_in):
    image = pytest.importorskip("PIL.Image")
    zxingcpp = pytest.importorskip("zxingcpp")
    segno = pytest.importorskip("segno")
    page = signed_in.get(DEVICE)
    proposal = page.context["proposal"]
    assert proposal.picture.startswith("data:image/svg+xml")
    # What is drawn is the same code in another format, which the reader here knows.
    out = io.BytesIO()
    segno.make(proposal.address, error="m").save(out, kind="png", scale=5)
    [found] = zxingcpp.read_barcodes(image.open(out))
    assert found.text.startswith("otpauth://totp/quality%3Aadmin?secret=")
    assert proposal.text.replace(" ", "") in found.text


def test_set_up_with_the_apps_first_code_it_is_asked_for_from_then_on(signed_in):
    phone, answer = set_up(signed_in)
    codes = answer.context["codes"]
    assert len(set(codes)) == second_factor.RECOVERY_CODES
    assert is_in(signed_in)
    other = Client()
    assert sign_in(other)["Location"] == CODE
    assert give(other, phone.code())["Location"] == "/"
    assert "set up a second factor" in [entry.change_message for entry in LogEntry.objects.all()]


@pytest.mark.parametrize(
    "wrong", [{"password": "wrong"}, {"code": "abcdef"}, {"key": "x"}, {"key": "", "code": ""}]
)
def test_without_password_code_and_key_nothing_is_set_up(signed_in, admin, wrong):
    set_up(signed_in, **wrong)
    assert not second_factor.is_set_up(admin)


def test_a_key_that_was_proposed_to_somebody_else_is_none(signed_in, admin):
    other = User.objects.create(username="other", is_staff=True)
    proposal = second_factor.Proposal.new(other)
    form = {"key": proposal.signed, "code": Phone(proposal.key).code(), "password": PASSWORD}
    signed_in.post(DEVICE, form)
    assert not TOTPDevice.objects.exists()


def test_the_key_is_shown_before_it_is_confirmed_and_never_again(signed_in, admin):
    page = signed_in.get(DEVICE)
    assert "no-store" in page["Cache-Control"]
    key = page.context["proposal"].key
    set_up(signed_in)
    [device] = TOTPDevice.objects.all()
    page = signed_in.get(DEVICE).content.decode()
    assert device.key not in page
    assert "data:image" not in page
    assert key != device.bin_key


def test_a_stations_login_has_none(client_of):
    assert client_of("operator").get(DEVICE).status_code == 403


def test_what_stands_in_the_admin_shows_no_keys(client_of):
    root = Client()
    root.force_login(User.objects.create_superuser("root"))
    for address in ("/admin/otp_totp/totpdevice/", "/admin/otp_static/staticdevice/"):
        assert root.get(address).status_code == 404


# ----- When the app is gone


def test_a_code_from_the_paper_lets_in_once(phone, admin, unhurried):
    codes = second_factor.renew_recovery_codes(admin)
    client, other = Client(), Client()
    sign_in(client)
    assert give(client, codes[0].upper()).status_code == 302
    assert is_in(client)
    sign_in(other)
    assert give(other, codes[0]).status_code == 200
    assert give(other, codes[1].replace("-", " ")).status_code == 302
    assert second_factor.recovery_codes_left(admin) == len(codes) - 2


def test_whoever_runs_the_house_gives_a_code_to_a_last_administrator(phone, admin):
    out = io.StringIO()
    call_command("addstatictoken", "admin", stdout=out)
    client = Client()
    sign_in(client)
    assert give(client, out.getvalue().strip()).status_code == 302
    assert is_in(client)


def test_new_codes_end_the_old_ones_and_cost_the_password(signed_in, admin):
    _phone, answer = set_up(signed_in)
    old = answer.context["codes"]
    assert "codes" not in signed_in.post(DEVICE, {"do": "renew", "password": "wrong"}).context
    new = signed_in.post(DEVICE, {"do": "renew", "password": PASSWORD}).context["codes"]
    assert not set(old) & set(new)
    assert not second_factor.accepts(admin, old[0])
    assert second_factor.recovery_codes_left(admin) == second_factor.RECOVERY_CODES


def test_removed_with_the_password_it_is_asked_for_no_more(signed_in, admin):
    set_up(signed_in)
    signed_in.post(DEVICE, {"do": "remove", "password": "wrong"})
    assert second_factor.is_set_up(admin)
    signed_in.post(DEVICE, {"do": "remove", "password": PASSWORD})
    assert not second_factor.is_set_up(admin)
    assert sign_in(Client())["Location"] == "/"
    assert not StaticDevice.objects.exists()


def remove_by(client: Client, *users: User, **more: str):
    form = {"action": "remove_second_factor", "_selected_action": [user.pk for user in users]}
    return client.post("/admin/accounts/user/", form | more)


def test_an_administrator_removes_that_of_somebody_whose_phone_is_lost(phone, admin, client_of):
    other = User.objects.create(username="other", is_staff=True)
    other.groups.set(admin.groups.all())
    client = Client()
    client.force_login(other)
    asked = remove_by(client, admin)
    assert "admin" in asked.content.decode()
    assert second_factor.is_set_up(admin)
    remove_by(client, admin, confirmed="1")
    assert not second_factor.is_set_up(admin)
    [entry] = LogEntry.objects.filter(user=other)
    assert (entry.object_id, entry.change_message) == (str(admin.pk), "Removed the second factor")
    assert sign_in(Client())["Location"] == "/"


def test_nobody_removes_his_own_so_nor_a_superusers(phone, admin):
    client = Client()
    client.force_login(admin)
    root = User.objects.create_superuser("root")
    proposal = second_factor.Proposal.new(root)
    assert proposal.confirm(Phone(proposal.key).code())
    remove_by(client, admin, root, confirmed="1")
    assert second_factor.is_set_up(admin)
    assert second_factor.is_set_up(root)


# ----- When the house requires it


@pytest.fixture
def required(settings) -> None:
    settings.REQUIRE_SECOND_FACTOR = True


def test_who_administers_sets_it_up_before_anything_else(required, admin):
    client = Client()
    assert sign_in(client, next="/admin/")["Location"] == DEVICE
    assert "login" in client.get("/admin/")["Location"]
    phone, answer = set_up(client)
    assert answer.context["next"] == "/admin/"
    assert client.get("/admin/").status_code == 200
    other = Client()
    assert sign_in(other)["Location"] == CODE
    assert give(other, phone.code())["Location"] == "/"


def test_who_only_learnt_the_password_does_not_replace_what_was_set_up_meanwhile(required, admin):
    thief, owner = Client(), Client()
    sign_in(thief)
    signed = key_in(thief.get(DEVICE).content.decode())
    sign_in(owner)
    set_up(owner)
    [before] = TOTPDevice.objects.values_list("key")
    key = second_factor.Proposal.read(signed, admin).key
    assert thief.post(DEVICE, {"key": signed, "code": Phone(key).code()})["Location"] == CODE
    assert [before] == list(TOTPDevice.objects.values_list("key"))
    assert not is_in(thief)


def test_it_is_required_of_nobody_else(required, person):
    user = person("operator")
    user.set_password(PASSWORD)
    user.save()
    assert sign_in(Client(), "operator")["Location"] == "/"
