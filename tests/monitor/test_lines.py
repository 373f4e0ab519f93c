"""What is usual is written together, and says letter by letter what it says alone."""

import logging
from typing import Any
from unittest import mock

import pytest
from django.conf import settings

from quality.gathering import Gathering
from quality.logs import JsonLine, TextLine
from quality.monitor import lines
from quality.monitor.usual import Usual
from quality.monitor.work import Told, Work
from quality.pool.events import LeaseEnded

LEASE: dict[str, Any] = {
    "alias": "default",
    "holder": "POST scans:record",
    "waited_seconds": 0.0000149,
    "held_seconds": 0.004498,
    "connection_id": 371,
    "connection_age_seconds": 16.06,
    "is_new": False,
    "reason": "",
    "durations": [0.001, 0.0002, 0.00005],
    "failed": 0,
}


def work(*, told: list[Told] | None = None, lease: dict[str, Any] | None = None, **facts: Any):
    made = Work(None, "station-7.000123")
    made.told = ["default", LeaseEnded(**LEASE | (lease or {}))] if told is None else told
    usual = {"method": "POST", "route": "scans:record", "path": "/scans/", "status": 201}
    usual |= {"address": "127.0.0.1", "seconds": 0.00494, "ended_at": 1764370000.123, "user_id": 7}
    usual |= {"has_arguments": False, "reason": "", "waited_in_vain_seconds": 0.0}
    for name, value in (usual | facts).items():
        setattr(made, name, value)
    return made


class Kept(Gathering):
    """Keeps what it would write, and how many records that were."""

    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.written: list[str] = []
        self.records = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.records += 1
        super().emit(record)

    def write(self, lines):
        self.written += [line.decode() for line in lines]


@pytest.fixture
def handler(monkeypatch):
    """The only one that hears of requests."""
    handler = Kept(TextLine())
    for logger in (lines.routes, lines.database):
        monkeypatch.setattr(logger, "handlers", [handler])
        monkeypatch.setattr(logger, "propagate", False)
        monkeypatch.setattr(logger, "level", logging.INFO)
        logger.manager._clear_cache()
    yield handler
    lines.routes.manager._clear_cache()


def written(handler, write, *what):
    """What is written of it, each line as text."""
    handler.written = []
    # pytest has added its own by now, which want a record of each.
    with mock.patch.object(lines.routes, "handlers", [handler]):
        write(*what)
    handler.flush()
    return handler.written


@pytest.mark.parametrize(
    "one",
    [
        work(),
        work(user_id=None),
        work(status=422, method="GET", route="scans:recent", address="2001:db8::1"),
        work(seconds=0.0, lease={"waited_seconds": 0.0, "durations": [], "is_new": True}),
        work(seconds=0.1, lease={"held_seconds": 1.0, "connection_age_seconds": 100.0}),
        work(seconds=0.00005, lease={"waited_seconds": 0.000005, "held_seconds": 0.000015}),
        work(seconds=2.99996, lease={"held_seconds": 2.999996, "connection_age_seconds": 0.05}),
    ],
)
def test_a_usual_line_is_the_same_written_together(handler, one):
    assert Usual().text_of(one)
    alone = written(handler, lines.write_request, one)
    assert written(handler, lines.write_requests, [one]) == alone
    assert len(alone) == 1


@pytest.mark.parametrize(
    "one",
    [
        work(status=None),
        work(status=500),
        work(status=503, reason="PoolTimeout: full"),
        work(route=""),
        work(has_arguments=True),
        work(method="G\x1bT"),
        work(address=""),
        work(address='"a b"'),
        work(user_id="seven"),
        work(told=[]),
        work(told=["default"]),
        work(told=["default", "default"]),
        work(told=["default", "second", LeaseEnded(**LEASE)]),
        work(told=["second", LeaseEnded(**LEASE)]),
        work(lease={"reason": "lifetime"}),
        work(lease={"waited_seconds": settings.LONG_WAIT_SECONDS}),
        work(lease={"held_seconds": settings.LONG_HOLD_SECONDS}),
        work(lease={"durations": [0.001] * settings.MANY_STATEMENTS}),
        work(path="/monitor/pool"),
    ],
)
def test_what_is_not_usual_is_written_as_ever(handler, one):
    assert Usual().text_of(one) == ""
    alone = written(handler, lines.write_request, one)
    assert written(handler, lines.write_requests, [one]) == alone
    assert alone


def test_many_are_one_record_and_keep_their_order(handler):
    works = [work(user_id=1), work(user_id=2), work(user_id=3, status=500), work(user_id=4)]
    texts = written(handler, lines.write_requests, works)
    # The third warns.
    assert handler.records == 3
    assert [text.split(" user=")[1][0] for text in texts] == ["1", "2", "3", "4"]


def test_one_that_cannot_be_written_does_not_stop_the_others(handler, caplog):
    works = [work(user_id=1), work(user_id=2, told=[object()]), work(user_id=3)]
    texts = written(handler, lines.write_requests, works)
    assert [text.split(" user=")[1][0] for text in texts] == ["1", "3"]
    assert "The line of a request could not be written." in caplog.text


@pytest.mark.parametrize("other", [logging.NullHandler(), Kept(JsonLine())])
def test_who_wants_a_record_of_each_gets_it(handler, other, monkeypatch):
    seen = []
    monkeypatch.setattr(other, "handle", seen.append)
    with mock.patch.object(lines.routes, "handlers", [handler, other]):
        lines.write_requests([work(user_id=1), work(user_id=2)])
    assert [record.getMessage() for record in seen] == ["POST scans:record 201"] * 2
    assert [record.fields["user"] for record in seen] == [1, 2]


def test_nothing_is_written_where_nothing_is_to_be_said(handler, monkeypatch):
    monkeypatch.setattr(lines.routes, "level", logging.ERROR)
    lines.routes.manager._clear_cache()
    assert written(handler, lines.write_requests, [work()]) == []
