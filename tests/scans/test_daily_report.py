"""The report of a production day arrives once, at real servers, and says what was counted."""

import io
import logging
import time
from datetime import date, datetime, timedelta
from datetime import time as clock

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from django.utils import timezone

from quality.devdb.mariadb import PrivateMariaDB
from scans import daily_report, delivering
from scans.daily_report import DailyReport, day_due, send_due
from scans.models import Defect, SentReport
from scans.recording import record_scan
from scans.submission import read
from tests.receivers import Babbler, Post, Web, receiving
from tests.scans.sample import payload
from tests.serving import Database, Site, running

DAY = date(2026, 11, 20)


@pytest.fixture
def post():
    with receiving(Post()) as server:
        yield server


@pytest.fixture
def web():
    with receiving(Web()) as server:
        yield server


@pytest.fixture
def to_mail(post, settings):
    settings.DAILY_REPORT_EMAIL = ["lead@factory.example", "plant@factory.example"]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = post.server_address
    settings.EMAIL_HOST_PASSWORD = "not-in-any-log"
    settings.DAILY_REPORT_LANGUAGE = "en"
    return post


@pytest.fixture
def to_web(web, settings):
    settings.DAILY_REPORT_WEBHOOK = web.url
    return web


@pytest.fixture(autouse=True)
def memory(monkeypatch, settings):
    """Of a process that has just begun, at whatever hour."""
    monkeypatch.setattr(daily_report, "_memory", daily_report._Memory())
    settings.DAILY_REPORT_AT = clock(0)


@pytest.fixture
def scanned(master_data, person):
    """40 at a good station, 40 at one that is not."""
    for number in range(80):
        station, defect = ("FG-01", "000") if number < 40 else ("FG-02", "000")
        if station == "FG-02" and number % 4 == 0:
            defect = "001" if number % 8 == 0 else "007"
        record_scan(
            read(
                payload(
                    cp=f"CP10045821-{number:04}",
                    station=station,
                    defect=defect,
                    scanned_at=f"2026-11-20T{14 + number // 60}:{number % 60:02}:00+02:00",
                )
            ),
            person("operator"),
        )


def test_it_says_what_was_counted(scanned):
    report = DailyReport.of(DAY)
    assert (report.totals.scans, report.totals.rejected, report.totals.fpy) == (80, 10, 0.875)
    assert [(name, found.scans) for name, found in report.shifts] == [("afternoon", 80)]
    assert [(bar.defect, bar.count) for bar in report.defects] == [("001", 5), ("007", 5)]
    assert report.worst is not None
    assert report.worst[0] == "FG-02"
    assert report.worst[1].reject_share == 0.25


def test_texts_hold_the_numbers_in_the_language_of_the_settings(scanned, settings):
    settings.DAILY_REPORT_LANGUAGE = "en"
    settings.SITE_URL = "https://quality.example"
    subject, text, html = DailyReport.of(DAY).as_texts()
    assert subject == "Quality on 2026-11-20: FPY 87.5 %, 10 rejected"
    for found in (text, html):
        assert "Afternoon" in found
        assert "001 Scratch: 5 (50.0 %)" in found
        assert "FG-02" in found
        assert "https://quality.example/scans/reports/?date=2026-11-20" in found
    settings.DAILY_REPORT_LANGUAGE = "ro"
    _subject, text, _html = DailyReport.of(DAY).as_texts()
    assert "001 Zgârietură: 5 (50,0 %)" in text


def test_a_shift_that_is_out_is_named(scanned, person):
    for day in range(1, 11):
        for number in range(60):
            cp, at = f"CP1005{day:04}-{number:04}", f"2026-11-{day:02}T08:{number:02}:00+02:00"
            defect = "001" if number == 0 else "000"
            record_scan(read(payload(cp=cp, scanned_at=at, defect=defect)), person("operator"))
    report = DailyReport.of(DAY)
    assert [point.label.name for point in report.out] == ["afternoon"]
    assert report.as_json()["out_of_limits"][0]["label"] == "afternoon"
    assert DailyReport.of(date(2026, 11, 5)).out == []


def test_of_a_day_without_scans_it_says_so(db, settings):
    settings.DAILY_REPORT_LANGUAGE = "en"
    subject, text, _html = DailyReport.of(DAY).as_texts()
    assert "FPY –" in subject
    assert "Nothing was scanned." in text


def test_what_people_write_is_no_html(scanned, settings):
    Defect.objects.filter(code="001").update(name_en="<script>", name_ro="<script>")
    _subject, text, html = DailyReport.of(DAY).as_texts()
    assert "<script>" in text
    assert "<script>" not in html


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-11-21T04:29:00+00:00", None),
        ("2026-11-21T04:30:00+00:00", DAY),
        ("2026-11-21T21:59:00+00:00", DAY),
        ("2026-11-21T22:10:00+00:00", None),
        # In summer it is an hour earlier in UTC.
        ("2026-07-01T03:30:00+00:00", date(2026, 6, 30)),
    ],
)
def test_it_is_due_at_an_hour_of_the_factory(settings, now, due):
    settings.DAILY_REPORT_AT = clock(6, 30)
    assert day_due(datetime.fromisoformat(now)) == due


def test_nothing_is_sent_or_asked_unless_somebody_is_named(db, django_assert_num_queries):
    with django_assert_num_queries(0):
        send_due()
    assert not SentReport.objects.exists()


def test_a_mail_goes_to_all_as_text_and_html_and_once(scanned, to_mail):
    send_due()
    send_due()
    daily_report._memory = daily_report._Memory()  # another process
    send_due()
    [message] = to_mail.messages
    assert message["To"] == "lead@factory.example, plant@factory.example"
    assert len(to_mail.recipients) == 2
    assert message.get_body(("plain",)) is not None
    assert message.get_body(("html",)) is not None
    assert SentReport.objects.get().day == day_due(timezone.now())


def test_what_is_refused_is_tried_again_without_a_flood(db, to_mail, caplog, monkeypatch):
    to_mail.refusals += [b"451 later", b"451 later"]
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def after(seconds: float) -> int:
        now[0] += seconds
        send_due()
        return to_mail.tries

    assert after(0) == 1
    assert not SentReport.objects.exists()
    assert [after(10) for _ in range(5)] == [1] * 5
    assert after(11) == 2
    assert after(61) == 2
    assert after(60) == 3
    assert after(10_000) == 3
    assert len(to_mail.messages) == 1
    warnings = [line.getMessage() for line in caplog.records if line.levelno == logging.WARNING]
    assert len(warnings) == 2
    assert "the mail server answers 451. It is tried again in 60 s" in warnings[0]


def test_without_a_mail_server_it_waits(db, to_mail, settings, caplog):
    to_mail.server_close()
    settings.EMAIL_PORT = 9
    send_due()
    assert "was not sent: no mail server: Connection refused" in caplog.text
    assert "not-in-any-log" not in caplog.text
    assert not SentReport.objects.exists()


def test_who_has_it_does_not_get_it_again_when_others_have_not(db, to_mail, to_web, monkeypatch):
    to_web.answers += [500]
    send_due()
    assert len(to_mail.messages) == 1
    assert not SentReport.objects.exists()
    daily_report._memory.again_at = 0
    send_due()
    assert len(to_mail.messages) == 1
    assert len(to_web.bodies) == 1
    assert SentReport.objects.exists()


def test_a_webhook_gets_numbers(scanned, to_web):
    call_command("dailyreport", day=DAY, stdout=io.StringIO())
    [body] = to_web.bodies
    assert body["day"] == "2026-11-20"
    assert body["totals"]["scans"] == 80
    assert body["totals"]["fpy"] == 0.875
    assert body["worst_station"]["station"] == "FG-02"
    assert body["defects"][0]["defect"] == "001"
    assert body["data_quality"]["voided"] == 0


@pytest.mark.parametrize("answer", [302, 404, 500])
def test_a_webhook_that_leads_elsewhere_or_fails_gets_nothing_more(db, to_web, caplog, answer):
    to_web.answers += [answer]
    send_due()
    assert to_web.paths == ["/hook?token=secret-token"]
    assert f"127.0.0.1 answers {answer}" in caplog.text
    assert "secret-token" not in caplog.text


def test_a_webhook_that_is_silent_holds_up_nobody_for_long(db, to_web, monkeypatch, caplog):
    monkeypatch.setattr(delivering, "WAIT_SECONDS", 0.3)
    to_web.shutdown()
    began = time.monotonic()
    send_due()
    assert time.monotonic() - began < 5
    assert "cannot be reached" in caplog.text


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
    ids=["no HTTP", "an endless header", "no chunks"],
)
def test_a_webhook_that_speaks_no_http_is_tried_again_later(db, settings, caplog, answer):
    with receiving(Babbler(answer)) as babbler:
        settings.DAILY_REPORT_WEBHOOK = babbler.url
        send_due()
        send_due()
    assert babbler.tries == 1
    assert "127.0.0.1 cannot be reached" in caplog.text
    assert not SentReport.objects.exists()


@pytest.mark.parametrize("kind", ["e-mail", "webhook"])
def test_a_server_that_says_a_word_now_and_then_holds_up_nobody(
    db, settings, monkeypatch, caplog, kind
):
    monkeypatch.setattr(delivering, "LONGEST_SECONDS", 0.5)
    word = b"220-wait\r\n" if kind == "e-mail" else b"HTTP/1.1 100 Continue\r\n\r\n"
    with receiving(Babbler(word, times=50)) as babbler:
        if kind == "e-mail":
            settings.DAILY_REPORT_EMAIL = ["lead@factory.example"]
            settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
            settings.EMAIL_HOST, settings.EMAIL_PORT = babbler.server_address
        else:
            settings.DAILY_REPORT_WEBHOOK = babbler.url
        began = time.monotonic()
        send_due()
        assert time.monotonic() - began < 3
    assert "TimeoutError" in caplog.text
    assert not SentReport.objects.exists()


def test_the_command_prints_or_sends(scanned, to_mail, settings):
    said = io.StringIO()
    call_command("dailyreport", "--print", "--day=2026-11-20", stdout=said)
    assert "87.5 %" in said.getvalue()
    assert to_mail.messages == []
    call_command("dailyreport", stdout=said)
    running = timezone.now().astimezone(daily_report.FACTORY)
    assert len(to_mail.messages) == 1
    yesterday = (running - timedelta(hours=6)).date() - timedelta(days=1)
    assert SentReport.objects.get().day == yesterday
    settings.DAILY_REPORT_EMAIL = []
    with pytest.raises(CommandError, match="DAILY_REPORT_EMAIL or DAILY_REPORT_WEBHOOK"):
        call_command("dailyreport")
    with (
        override_settings(DAILY_REPORT_WEBHOOK="http://127.0.0.1:9/"),
        pytest.raises(CommandError, match="cannot be reached: Connection refused"),
    ):
        call_command("dailyreport")


def test_two_hosts_with_two_workers_each_send_one_report(mariadb_home, tmp_path, post):
    database = Database(PrivateMariaDB(mariadb_home), "quality_report")
    hosts = []
    for name in ("one", "two"):
        home = tmp_path / name
        home.mkdir()
        hosts.append(
            Site(
                database,
                home,
                DAILY_REPORT_EMAIL="lead@factory.example",
                EMAIL_URL=post.url,
                DAILY_REPORT_AT="00:00",
                CHORES_INTERVAL="1",
                DB_LEDGER=str(home / "ledger"),
                EMAIL_FROM="quality@factory.example",
            )
        )
    hosts[0].prepare()
    with running(hosts[0]), running(hosts[1]):
        deadline = time.monotonic() + 60
        while not post.messages and time.monotonic() < deadline:
            time.sleep(0.1)
        time.sleep(3)  # some more turns of each
    [message] = post.messages
    assert message["From"] == "quality@factory.example"
    assert database.run("SELECT COUNT(*) FROM scans_sentreport") == [(1,)]
