"""Asks every page and endpoint that watches, and tells in a line what it said."""

import json
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.serving import Browser, Site

# poolstatus starts a Python first.
COMMAND = "manage.py poolstatus"
LONGEST_SECONDS = {COMMAND: 3.0}
IN_TIME_SECONDS = 1.0


@dataclass
class Answer:
    """What one address said, and the seconds that each of its answers took."""

    said: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def has_said(self, pattern: str) -> bool:
        """Whether it did once: a full pool has a moment's room when many time-outs end together."""
        return any(re.search(pattern, said) for said in self.said)

    @property
    def usual_seconds(self) -> float:
        """Somebody else may use the machine while one of them is asked for."""
        return statistics.median(self.seconds)


class Asker:
    """An administrator who has been looking, and asks on."""

    def __init__(self, site: Site, browser: Browser) -> None:
        self.site = site
        self.browser = browser

    def ask_all(self, answers: dict[str, Answer], *, times: int) -> None:
        """Ask each address so often, one after the other."""
        for _ in range(times):
            for address, tell in TELL.items():
                status, text, seconds = self.browser.look(address)
                self._note(answers, address, f"{status} {tell(text)}", seconds)
            began = time.monotonic()
            done = self.site.manage("poolstatus")
            said = f"exit {done.returncode} {_of_command(done.stdout)}"
            self._note(answers, COMMAND, said, time.monotonic() - began)

    def _note(self, answers: dict[str, Answer], address: str, said: str, seconds: float) -> None:
        answer = answers.setdefault(address, Answer())
        answer.said.append(said)
        answer.seconds.append(seconds)


def late(answers: dict[str, Answer]) -> dict[str, float]:
    """Those that took too long, and how long."""
    return {
        address: answer.usual_seconds
        for address, answer in answers.items()
        if answer.usual_seconds > LONGEST_SECONDS.get(address, IN_TIME_SECONDS)
    }


# ----- What they said


def _of_page(text: str) -> str:
    title = re.search(r"<title>\s*(.*?)\s*</title>", text, re.DOTALL)
    return " ".join(title[1].split()) if title else text[:80]


def _of_pool(text: str) -> str:
    found = json.loads(text)
    total = found["total"]
    used = f"{total['in_use']} of {total['limit']} in use, {total['waiting']} wait"
    return "; ".join(filter(None, [f"{found['status']}: {used}", found["server_error"]]))


def _of_history(text: str) -> str:
    found = json.loads(text)
    return found.get("error") or f"{len(found['hosts'])} hosts"


def _of_alerts(text: str) -> str:
    return ", ".join(one["name"] for one in json.loads(text)["alerts"]) or "none"


def _of_health(text: str) -> str:
    found = json.loads(text)
    facts = [found["status"]]
    if pool := found.get("pool"):
        facts.append(f"pool {pool['status']}, {pool['total']['waiting']} wait")
        facts.append(f"database {found['database']['status']}")
    return "; ".join(facts)


def _of_metrics(text: str) -> str:
    wanted = ("db_pool_health", "db_server_up")
    return ", ".join(line for line in text.splitlines() if line.startswith(wanted))


def _of_command(text: str) -> str:
    lines = text.splitlines()
    server = [line for line in lines if line.startswith("Server: away")]
    alerts = [line.split(":")[1].strip() for line in lines if line.startswith("Alert: ")]
    return "; ".join([lines[0].rpartition(" ")[2], ", ".join(alerts), *server])


TELL: dict[str, Callable[[str], str]] = {
    "/admin/monitor/pool/": _of_page,
    "/monitor/pool": _of_pool,
    "/monitor/history": _of_history,
    "/monitor/alerts": _of_alerts,
    "/monitor/runbook": _of_page,
    "/health/live": _of_health,
    "/health/ready": _of_health,
    "/health/": _of_health,
    "/health/database": _of_health,
    "/metrics": _of_metrics,
}
