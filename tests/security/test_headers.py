"""What every answer tells the browser, whom it sends where, and for which hosts it speaks."""

import pytest

ADDRESSES = ["/accounts/login/", "/nowhere", "/scans/station/", "/scans/recent/", "/admin/"]
ELSEWHERE = [
    "https://evil.example/",
    "//evil.example/",
    "///evil.example/",
    "/\\evil.example/",
    "\\\\evil.example",
    "http:evil.example",
    "javascript:alert(1)",
    "\x08//evil.example",
    " https://evil.example",
    "https://testserver@evil.example/",
]


@pytest.mark.parametrize("role", ["nobody", "operator", "superuser"])
@pytest.mark.parametrize("address", ADDRESSES)
def test_every_answer_has_the_policies(client_of, master_data, address, role):
    response = client_of(role).get(address)
    assert "default-src 'none'" in response["Content-Security-Policy"]
    assert "unsafe" not in response["Content-Security-Policy"]
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert response["Cross-Origin-Opener-Policy"] == "same-origin"
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=(self)" in response["Permissions-Policy"]
    assert "microphone=()" in response["Permissions-Policy"]
    assert "no-store" in response["Cache-Control"]


def test_what_may_be_kept_says_so_itself(client_of):
    assert client_of("").get("/scans/worker.js")["Cache-Control"] == "no-cache"


# ----- Whom it sends where


@pytest.mark.parametrize("place", ELSEWHERE)
def test_nobody_is_sent_to_another_site(client_of, person, place):
    operator = person("operator")
    operator.set_password("a right good password")
    operator.save()
    answers = [
        client_of("").post(
            "/accounts/login/",
            {"username": "operator", "password": "a right good password", "next": place},
        ),
        client_of("operator").get("/accounts/login/", {"next": place}),
        client_of("").post("/i18n/setlang/", {"language": "en", "next": place}),
        client_of("").post("/i18n/setlang/", {"language": "en"}, headers={"Referer": place}),
        client_of("operator").post("/accounts/logout/", {"next": place}),
        client_of("admin").get("/admin/login/", {"next": place}),
    ]
    for response in answers:
        assert response.status_code == 302
        assert "evil" not in response["Location"]
        assert "script" not in response["Location"]


@pytest.mark.parametrize("end", ["\r\n", "\n", "\u560d\u560a", "%0d%0a"])
def test_no_text_becomes_a_header(client_of, end):
    place = f"/{end}Set-Cookie: forged=1{end}{end}<script>"
    answers = [
        client_of("operator").get("/accounts/login/", {"next": place}),
        client_of("").post("/i18n/setlang/", {"language": "en", "next": place}),
        client_of("").get("/scans/bind/", {"station": place}),
        client_of("").get(f"/nowhere{place}", headers={"X-Request-ID": f"12345678{end}forged: 1"}),
    ]
    for response in answers:
        assert response.status_code < 500
        assert "forged" not in response.cookies
        for name, value in response.items():
            assert "\r" not in value, name
            assert "\n" not in value, name
        assert "forged" not in response["X-Request-ID"]


# ----- For which hosts it speaks


@pytest.mark.parametrize("host", ["evil.example", "testserver.evil.example", "testserver@evil", ""])
def test_another_host_is_refused_and_named_nowhere(client_of, host):
    for address in ("/accounts/login/", "/admin/", "/scans/recent/"):
        response = client_of("").get(address, headers={"Host": host or "a b"})
        assert response.status_code == 400
        assert "evil" not in response.content.decode()


def test_a_host_that_a_proxy_is_said_to_have_seen_is_not_believed(client_of):
    headers = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"}
    response = client_of("").get("/scans/bind/", headers=headers)
    assert response["Location"].startswith("/accounts/login/")


# ----- How much it takes


@pytest.mark.parametrize(
    "sent",
    [
        {"username": "x" * 1_100_000},
        {f"field{number}": "x" for number in range(1_001)},
    ],
    ids=["long", "many"],
)
def test_a_form_that_is_too_large_is_refused(client_of, sent):
    response = client_of("").post("/accounts/login/", sent)
    assert response.status_code == 400
    assert "<h1>" in response.content.decode()


def test_a_file_that_is_too_long_is_refused_before_it_is_read(client_of):
    """Its bytes never come: who reads on waits for them, or keeps them."""
    begun = b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nxxx'
    response = client_of("").generic(
        "POST",
        "/accounts/login/",
        begun,
        content_type="multipart/form-data; boundary=x",
        CONTENT_LENGTH=str(10**12),
    )
    assert response.status_code == 400


def test_more_than_one_file_is_refused(client_of):
    parts = b"".join(
        b'--x\r\nContent-Disposition: form-data; name="f"; filename="f"\r\n\r\nxxx\r\n'
        for _ in range(2)
    )
    response = client_of("").generic(
        "POST",
        "/accounts/login/",
        parts + b"--x--\r\n",
        content_type="multipart/form-data; boundary=x",
    )
    assert response.status_code == 400
