"""Makes the tables of docker/CAPACITY.md from what `make bench` has written.

`python -m tests.benchmarks.capacity FILE…` prints them; with `--write` they take the place of those
in the guide. Of several files the last that measured a part counts for it.
"""

import argparse
import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.benchmarks.endtoend import AIM_CLIENTS
from tests.faults import ROOT

GUIDE = ROOT / "docker" / "CAPACITY.md"
PARTS = ("end to end", "crowd", "stations", "growth")
# So busy a processor may be for long: the rest is for bursts, backups and reports.
BUSY = 0.6
# Seconds between two scans of a station: of a quick one, and of one that makes 450 in a shift.
QUICK, USUAL = 10, 64

Table = tuple[list[str], list[list[str]]]


def markdown(found: dict[str, Any]) -> dict[str, str]:
    """By name of a section, its text; of what was not measured, none."""
    texts = {}
    for name, (part, make) in SECTIONS.items():
        if found.get(part):
            heading, rows = make(found[part])
            lines = [heading, ["---"] * len(heading), *rows]
            table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
            texts[name] = f"{_circumstances(found['about'][part])}\n\n{table}"
    return texts


def _circumstances(about: dict[str, Any]) -> str:
    return (
        f"{about['date']}, {about['processors']} processors, Python {about['python']}, "
        f"load before it began {about['busy_before']:.1f}:"
    )


def end_to_end(part: dict[str, Any]) -> Table:
    """A row for each kind, number of clients and site."""
    heading = ["", "clients", "", "requests/s", "p50, ms", "p99, ms"]
    heading += ["processor ms: web", "database", "client", "errors"]
    return heading, [
        [
            row["kind"],
            str(row["clients"]),
            row["site"],
            f"{row['per_second']:.0f}",
            f"{row['p50_ms']:.0f}",
            f"{row['p99_ms']:.0f}",
            *(f"{row[name]:.2f}" for name in ("web_ms", "database_ms", "client_ms")),
            _errors(row["errors"]),
        ]
        for row in part["rows"]
    ]


def ratios(part: dict[str, Any]) -> Table:
    """At the number of clients for which there are aims."""
    heading = ["", "", "beside", "what", "ratio (95 %)", "aim", ""]
    words = {"per_second": "requests/s", "p99_ms": "p99", "processor_ms": "processor time"}
    return heading, [
        [
            f"{row['kind']}, {row['clients']} clients",
            row["site"],
            row["other"],
            words[row["what"]],
            f"{row['ratio']:.2f} ({row['least']:.2f}–{row['most']:.2f})",
            *_verdict(row),
        ]
        for row in part["ratios"]
        if row["clients"] == AIM_CLIENTS
    ]


def _verdict(row: dict[str, Any]) -> tuple[str, str]:
    if row["aim"] is None:
        return "", ""
    sign = "≥" if row["what"] == "per_second" else "≤"
    return f"{sign} {row['aim']}", "reached" if row["reached"] else "**not reached**"


def crowd(part: list[dict[str, Any]]) -> Table:
    """A row for each set-up and site."""
    heading = ["workers × threads", "", "connections at most", "answered", "failed", "by status"]
    return heading, [
        [
            f"{row['workers']} × {row['threads']}",
            row["site"],
            str(row["connections"]),
            f"{row['answered']:,}",
            f"{sum(row['errors'].values()):,}",
            _errors(row["errors"]),
        ]
        for row in part
    ]


def stations(part: list[dict[str, Any]]) -> Table:
    """A row for each number of stations, and what follows from it for one processor."""
    heading = ["stations", "scans/s", "p50, ms", "p95, ms", "p99, ms", "processors: web"]
    heading += ["database", "clients", "sent again", "still waiting", "lost"]
    heading += ["worker, MB", "ms of a scan"]
    heading += ["a processor carries, quick", "usual"]
    return heading, [
        [
            f"{row['stations']:,}",
            f"{row['scans_per_second']:.1f}",
            *(f"{row[name]:.0f}" for name in ("p50_ms", "p95_ms", "p99_ms")),
            *(f"{row[f'{name}_processors']:.2f}" for name in ("web", "database", "clients")),
            *(f"{row[name]:.0f}" for name in ("sent_again", "waiting", "lost", "worker_mb")),
            f"{scan_seconds(row) * 1000:.1f}",
            *(f"{BUSY / scan_seconds(row) * pause:,.0f}" for pause in (QUICK, USUAL)),
        ]
        for row in part
    ]


def scan_seconds(row: dict[str, float]) -> float:
    """Of web's and the database's processor time, for a scan with all that a station asks."""
    used = row["web_processors"] + row["database_processors"]
    return used / row["scans_per_second"]


def disk(part: dict[str, dict[str, float]]) -> Table:
    """MB of a million scans, at each size."""
    return _by_size(part, lambda name: "MB" in name, lambda value, scans: value / scans * 1e6)


# Of what is asked at each size; the JSON has all of it.
SHOWN = (
    *("board, running shift, ms", "report, today, overview, ms", "report, month, overview, ms"),
    *(
        "report, year, overview, ms",
        "report, year, rows, ms",
        "report, all, a station, overview, ms",
    ),
    *("report, all, an operator, overview, ms", "report, all, an OC, overview, ms"),
    *("trace, a piece, ms", "trace, a part of a code, ms"),
    *("scan, its own statements, median, ms", "scan and a report's freshen(), ms"),
    *("roll-ups counted anew, s", "sealed anew, s", "dumped and compressed, s"),
)


def growth(part: dict[str, dict[str, float]]) -> Table:
    """As it was measured, at the round sizes: those of one fewer are for the disk."""
    sizes = {scans: costs for scans, costs in part.items() if int(scans) % 1000 == 0}
    return _by_size(sizes, SHOWN.__contains__, lambda value, scans: value)


def _by_size(
    part: dict[str, dict[str, float]],
    shown: Callable[[str], bool],
    number: Callable[[float, int], float],
) -> Table:
    names = dict.fromkeys(name for costs in part.values() for name in costs if shown(name))
    rows = [
        [name, *(_number(number(costs[name], int(scans))) for scans, costs in part.items())]
        for name in names
        if all(name in costs for costs in part.values())
    ]
    return ["", *(f"{int(scans):,} scans" for scans in part)], rows


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"


def _errors(errors: dict[str, int]) -> str:
    return ", ".join(f"{status}: {count:,}" for status, count in errors.items()) or "0"


# By name of a section of the guide: the part of the JSON that it is made of, and by what.
SECTIONS: dict[str, tuple[str, Callable[[Any], Table]]] = {
    "end to end": ("end to end", end_to_end),
    "ratios": ("end to end", ratios),
    "crowd": ("crowd", crowd),
    "stations": ("stations", stations),
    "disk": ("growth", disk),
    "growth": ("growth", growth),
}


def merged(files: Iterable[Path]) -> dict[str, Any]:
    """The parts of several files, and under "about" when each was measured."""
    found: dict[str, Any] = {"about": {}}
    for file in files:
        written = json.loads(file.read_text())
        for part in PARTS:
            if written.get(part):
                found[part] = written[part]
                found["about"][part] = written
    return found


def put(guide: str, texts: dict[str, str]) -> str:
    """The guide with these sections renewed; each stands between two comments there."""
    for name, text in texts.items():
        section = re.compile(rf"(<!-- bench: {name} -->\n).*?(<!-- /bench -->)", re.DOTALL)
        guide, count = section.subn(rf"\g<1>{text}\n\g<2>", guide)
        if count != 1:
            raise ValueError(f"The guide has {count} sections <!-- bench: {name} -->, not one.")
    return guide


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.capacity")
    parser.add_argument("files", type=Path, nargs="+", help="JSON in var/bench")
    parser.add_argument("--write", action="store_true", help=f"into {GUIDE.name}")
    asked = parser.parse_args()
    texts = markdown(merged(asked.files))
    if asked.write:
        GUIDE.write_text(put(GUIDE.read_text(), texts))
    else:
        for name, text in texts.items():
            print(f"\n<!-- bench: {name} -->\n{text}\n<!-- /bench -->")


if __name__ == "__main__":
    main()
