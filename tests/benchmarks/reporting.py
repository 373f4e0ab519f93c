"""Tables for people, JSON for programs, and which aims are reached."""

from dataclasses import asdict, dataclass
from typing import Any

from tests.benchmarks.measuring import Case, Result
from tests.benchmarks.operations import BORROW, READ, RECORD
from tests.benchmarks.variants import OTHER_POOL, OURS, STOCK

LOCAL, FAR = "0 ms", "1 ms"


@dataclass(frozen=True, slots=True)
class Aim:
    """A ratio of ours to another's that the project wants: at most `most`."""

    case: Case
    other: str
    most: float
    words: str


AIMS = (
    Aim(Case(BORROW, 1, LOCAL), OTHER_POOL, 1 / 3, "≤ 1/3"),
    Aim(Case(READ, 1, LOCAL), STOCK, 1.10, "≤ 1.10"),
    Aim(Case(READ, 1, FAR), STOCK, 1.10, "≤ 1.10"),
    Aim(Case(READ, 1, FAR), OTHER_POOL, 1 / 2.7, "≤ 1/2.7"),
    Aim(Case(RECORD, 1, FAR), STOCK, 1.0, "< 1"),
)


def table(results: list[Result], variants: tuple[str, ...], requests: dict[str, Any]) -> str:
    """µs per operation: a line for each case, a column for each variant."""
    lines = []
    for operation in dict.fromkeys(result.case.operation for result in results):
        lines += ["", f"{operation}: µs per operation, median of the rounds"]
        rows = [["threads", "network", *variants]]
        for result in results:
            if result.case.operation == operation:
                medians = [f"{result.median(variant):,.0f}" for variant in variants]
                rows.append([str(result.case.threads), result.case.network, *medians])
        counts = [f"{requests[operation][variant]:.1f}" for variant in variants]
        lines += _columns([*rows, ["", "requests", *counts]])
    lines.append("requests: what one operation sends to the server, counted on the way there")
    return "\n".join(lines)


def ratios(results: list[Result], others: tuple[str, ...]) -> str:
    """Ours as a part of each other variant."""
    rows = [["", "threads", "network", *others]]
    for result in results:
        case = result.case
        cells = []
        for other in others:
            median, least, most = result.ratio(OURS, other)
            cells.append(f"{median:.2f} ({least:.2f}–{most:.2f})")
        rows.append([case.operation, str(case.threads), case.network, *cells])
    heading = f"{OURS} as a part of the other, in the same round each: median (least–most)"
    return "\n".join(["", heading, *_columns(rows)])


def _columns(rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    ]


def judge(results: list[Result]) -> list[dict[str, Any]]:
    """Each aim whose case was measured, with what was reached."""
    found = {result.case: result for result in results}
    judged = []
    for aim in AIMS:
        result = found.get(aim.case)
        if result is None or aim.other not in result.microseconds:
            continue
        median, least, most = result.ratio(OURS, aim.other)
        judged.append(
            {
                "aim": f"{aim.case.operation}, 1 thread, {aim.case.network}, "
                f"of {aim.other}: {aim.words}",
                "median": median,
                "least": least,
                "most": most,
                "best": result.ratio_of_best(OURS, aim.other),
                "reached": median < aim.most if aim.words.startswith("<") else median <= aim.most,
            }
        )
    return judged


def verdicts(judged: list[dict[str, Any]]) -> str:
    """The aims as text."""
    lines = ["", f"Aims of {OURS}: median (least–most), and of the quickest rounds alone"]
    for one in judged:
        word = "reached    " if one["reached"] else "NOT REACHED"
        lines.append(
            f"{word}  {one['median']:.2f} ({one['least']:.2f}–{one['most']:.2f})  "
            f"{one['best']:.2f}  {one['aim']}"
        )
    return "\n".join(lines)


def as_json(results: list[Result], judged: list[dict[str, Any]], **about: Any) -> dict[str, Any]:
    """Everything that was measured."""
    return {
        **about,
        "unit": "microseconds per operation, one number per round",
        "results": [{**asdict(result.case), **result.microseconds} for result in results],
        "aims": judged,
    }
