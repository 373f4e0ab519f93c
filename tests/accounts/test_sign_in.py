"""Signing in and out."""

import re

import pytest
from django.test import Client


@pytest.fixture
def operator(person):
    user = person("operator")
    user.set_password("a right good password")
    user.save()
    return user


def sign_in(client: Client, **changes):
    return client.post(
        "/accounts/login/",
        {"username": "operator", "password": "a right good password"} | changes,
    )


def test_who_signs_in_comes_to_the_page_of_the_role(operator):
    client = Client()
    response = sign_in(client)
    assert response["Location"] == "/"
    assert client.get("/")["Location"] == "/scans/station/"


def test_who_was_on_the_way_somewhere_gets_there(operator):
    assert sign_in(Client(), next="/scans/bind/?station=FG-01")["Location"] == (
        "/scans/bind/?station=FG-01"
    )


def test_nobody_is_sent_to_another_site(operator):
    assert sign_in(Client(), next="https://evil.example/")["Location"] == "/"


@pytest.mark.parametrize("changes", [{"password": "wrong"}, {"username": "nobody"}])
def test_a_wrong_sign_in_says_so_and_not_what_was_wrong(operator, changes):
    response = sign_in(Client(), **changes)
    assert response.status_code == 200
    (error,) = response.context["form"].non_field_errors()
    assert "operator" not in error


def test_a_disabled_user_is_out_at_the_next_request(operator):
    client = Client()
    sign_in(client)
    assert client.get("/scans/recent/").status_code == 200
    operator.is_active = False
    operator.save()
    assert client.get("/scans/recent/").status_code == 401


def test_who_signs_out_is_out(operator):
    client = Client()
    sign_in(client)
    assert client.post("/accounts/logout/")["Location"] == "/accounts/login/"
    assert client.get("/scans/recent/").status_code == 401


def test_a_user_without_a_role_is_told_so(operator):
    operator.groups.clear()
    client = Client()
    sign_in(client)
    assert client.get("/").status_code == 403


def test_after_a_wrong_password_the_password_is_typed_anew(operator):
    page = sign_in(Client(), password="wrong").content.decode()
    assert re.search(r'id="id_password"[^>]* autofocus', page)
    assert not re.search(r'id="id_username"[^>]* autofocus', page)
