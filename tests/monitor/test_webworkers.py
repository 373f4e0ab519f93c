"""What the monitor says of web workers: how many there are to be, and how many serve."""

import pytest

from quality.monitor import metrics, webworkers
from tests.monitor.test_metrics import scrape

NAMES = {"web_workers_expected", "web_workers_serving"}


@pytest.fixture(autouse=True)
def _as_before():
    yield
    webworkers.tell(expected=0, count_serving=int)


def test_who_is_no_web_worker_says_nothing(client):
    assert not NAMES & scrape(client).families.keys()
    assert not NAMES & metrics.counters().keys()


def test_metrics_and_samples_say_what_is_true_now(client):
    serving = 3
    webworkers.tell(expected=3, count_serving=lambda: serving)
    assert scrape(client).sum("web_workers_serving") == 3
    serving = 2
    assert scrape(client).sum("web_workers_expected") == 3
    assert scrape(client).sum("web_workers_serving") == 2
    assert metrics.counters()["web_workers_expected"] == 3
    assert metrics.counters()["web_workers_serving"] == 2
