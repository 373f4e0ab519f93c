"""What the faults showed: of scans at stations, and of the pages and programs that watch."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

from tests.chaos.asking import Answer
from tests.chaos.verdict import Verdict

SAID_WIDTH = 110
HEAD = ("fault", "asked", "seconds", "what it said")
JUDGED_HEAD = (
    *("fault", "besides, must hold", "lasts, s", "scans confirmed", "lost, twice, waiting"),
    *("errors at stations", "errors at the page", "requests that needed more than one retry"),
    *("longest gap, s", "recovery at stations, s", "at the page, s", "all arrived, s", "load"),
)


class Report:
    """Filled by the tests, printed at the end of their run: of each address its last words."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str, str]] = []
        self.scans = 0
        self.judged: list[tuple[str, ...]] = []

    def hold(self, verdict: Verdict, *, must: str = "") -> list[str]:
        """Note a fault under which scans went on, and what had to hold besides; its problems."""
        broken = {"lost": len(verdict.lost), "twice": len(verdict.doubled)}
        broken |= {"waiting": verdict.waiting, "refused": len(verdict.refused)}
        seconds = (verdict.recovery_seconds, verdict.page_recovery_seconds, verdict.arrived_seconds)
        self.judged.append(
            (
                verdict.title,
                must,
                f"{verdict.fault_seconds:.1f}",
                str(verdict.confirmed),
                ", ".join(f"{count} {name}" for name, count in broken.items() if count) or "none",
                _counted(verdict.errors),
                _counted(verdict.page_errors),
                str(verdict.more_than_one_retry),
                f"{verdict.longest_gap_seconds:.1f}",
                *("never" if one is None else f"{one:.1f}" for one in seconds),
                f"{os.getloadavg()[0]:.1f}",
            )
        )
        return verdict.problems()

    def add(
        self,
        fault: str,
        answers: dict[str, Answer],
        fired: dict[str, float],
        cleared: dict[str, float],
    ) -> None:
        """What was said during a fault, and when its alerts came and went."""
        for address, answer in answers.items():
            seconds = f"{answer.usual_seconds:.2f} ({max(answer.seconds):.2f})"
            self.rows.append((fault, address, seconds, answer.said[-1]))
        for key in fired:
            name, _, place = key.partition(" ")
            when = f"{name} after {fired[key]:.1f} s, gone {cleared[key]:.1f} s after the end"
            self.rows.append((fault, f"alert in {place}", "", when))

    def counted(self, when: str, counts: dict[str, int], seconds: float) -> None:
        """Who counted how many connections, and when they had come to say the same."""
        said = ", ".join(f"{source} {count}" for source, count in counts.items())
        self.rows.append((when, "connections", f"{seconds:.2f}", said))

    def lines(self) -> Iterator[str]:
        """The table. Times are medians, in brackets the longest."""
        rows = [HEAD, *self.rows]
        widths = [max(len(row[column]) for row in rows) for column in range(3)]
        last = ""
        for row in rows:
            shown = ("" if row[0] == last else row[0], *row[1:3])
            if shown[0]:
                yield ""
            last = row[0]
            cells = [cell.ljust(width) for cell, width in zip(shown, widths, strict=True)]
            yield "  ".join([*cells, row[3][:SAID_WIDTH]]).rstrip()
        if self.scans:
            yield ""
            yield f"Scans confirmed meanwhile, each of them stored: {self.scans}"

    def told(self) -> Iterator[str]:
        """Of each fault all that was seen at the stations, a line for each."""
        for row in self.judged:
            yield ""
            yield row[0]
            for name, cell in zip(JUDGED_HEAD[1:], row[1:], strict=True):
                yield f"    {name:<42}{cell}"

    def write(self, path: Path) -> None:
        """Both tables as Markdown, for the guide."""
        when = f"{datetime.now(UTC):%d %B %Y, %H:%M} UTC, {os.cpu_count()} processors"
        lines = ["# Faults", "", f"Run of {when}.", ""]
        if self.judged:
            lines += ["## At the stations", "", *_markdown(JUDGED_HEAD, self.judged), ""]
        if self.rows:
            lines += ["## Of those who watch", "", *_markdown(HEAD, self.rows), ""]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(lines))


def _counted(errors: Counter[str]) -> str:
    return ", ".join(f"{count} × {name}" for name, count in errors.most_common()) or "none"


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    for row in (head, ["---"] * len(head), *rows):
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"
