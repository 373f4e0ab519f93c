"""What the faults showed, as one table."""

from collections.abc import Iterator

from tests.chaos.asking import Answer

SAID_WIDTH = 110


class Report:
    """Filled by the tests, printed at the end of their run: of each address its last words."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, str, str, str]] = []
        self.scans = 0

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
        head = ("fault", "asked", "seconds", "what it said")
        rows = [head, *self.rows]
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
