"""Finds out whether what was sealed is still what is there."""

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from django.db import connection

from scans.keeping import canonical
from scans.keeping.canonical import MARK_BYTES, Sealed
from scans.keeping.sealing import Head, digest_of
from scans.models import Seal

# Of seals that are read at once; each may have 8 kB of marks.
PAGE = 50
# More are counted, but not told one by one.
MOST_TOLD = 20


class Wrong(StrEnum):
    """What is wrong with a link of the chain."""

    CHANGED = "changed"
    MISSING = "missing"
    ADDED = "added"
    LATE = "late"
    SEAL_CHANGED = "seal changed"
    SEAL_MISSING = "seal missing"
    CHAIN_BROKEN = "chain broken"
    HEAD_MISSING = "head missing"
    FILE_CHANGED = "file changed"
    FILE_MISSING = "file missing"


@dataclass(frozen=True)
class Finding:
    """One link that is broken: where, and what of it."""

    wrong: Wrong
    table: str
    seal: int | None
    record: int | None
    text: str

    def __str__(self) -> str:
        where = [self.table, f"seal {self.seal}" if self.seal else "", self._record]
        return f"{', '.join(filter(None, where))}: {self.wrong}. {self.text}"

    @property
    def _record(self) -> str:
        return "" if self.record is None else f"id {self.record}"


@dataclass
class Result:
    """What was looked at, and what was found, the first first."""

    sealed: dict[str, int] = field(default_factory=dict)
    seals: dict[str, int] = field(default_factory=dict)
    unsealed: dict[str, int] = field(default_factory=dict)
    heads: dict[str, str] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    count: int = 0

    @property
    def is_good(self) -> bool:
        return self.count == 0

    def add(self, *findings: Finding) -> None:
        self.count += len(findings)
        self.findings += findings[: MOST_TOLD - len(self.findings)]


def verify(
    *,
    since_seal: int = 1,
    heads: Sequence[str] = (),
    progress: Callable[[int], None] = lambda count: None,
) -> Result:
    """Read all records again and hold them against their seals, from seal `since_seal` on.

    `heads` are digests that were noted down before: each must still be in a chain. `progress` is
    told how many records were read. Holds one batch in memory, and no connection between two.
    """
    result = Result()
    read = 0
    for table in canonical.TABLES:
        last = _before(table, since_seal)
        result.sealed[table] = result.seals[table] = 0
        for seal in _seals(table, last.number):
            result.add(*check_seal(seal, last))
            version = seal.version if seal.version in canonical.LAYOUTS[table] else 1
            records = canonical.read(
                table,
                version,
                after=last.last_id or None,
                up_to=seal.last_id,
                # Enough to see what was added first, however much that was.
                most=seal.count + PAGE,
            )
            result.add(*check_records(seal, records, last))
            last = Head(seal.number, seal.last_id, seal.digest)
            result.seals[table] += 1
            result.sealed[table] += seal.count
            read += len(records)
            progress(read)
            canonical.give_back()
        result.heads[table] = last.digest
        result.unsealed[table] = _behind(table, last.last_id)
    for head in heads:
        if not Seal.objects.filter(digest=head).exists():
            result.add(missing_head(head))
    return result


def missing_head(head: str) -> Finding:
    return Finding(
        Wrong.HEAD_MISSING,
        "scans_seal",
        None,
        None,
        f"No seal has the digest {head} that was noted.",
    )


def _before(table: str, number: int) -> Head:
    """The seal that is trusted: nothing before it is looked at."""
    seal = Seal.objects.filter(table_name=table, number__lt=number).order_by("-number").first()
    return Head(seal.number, seal.last_id, seal.digest) if seal else Head()


def _seals(table: str, after: int) -> Iterator[Seal]:
    while page := list(
        Seal.objects.filter(table_name=table, number__gt=after).order_by("number")[:PAGE]
    ):
        yield from page
        after = page[-1].number


def _behind(table: str, last_id: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT COUNT(*) FROM {table} WHERE id > %s", [last_id])  # noqa: S608
        (count,) = cursor.fetchone()
    return int(count)


# ----- One link; archives are held against the same


def check_seal(seal: Seal, last: Head) -> Iterator[Finding]:
    """What is wrong with a seal that should follow `last`."""

    def found(wrong: Wrong, text: str, number: int = seal.number) -> Finding:
        return Finding(wrong, seal.table_name, number, None, text)

    if seal.number != last.number + 1:
        yield found(
            Wrong.SEAL_MISSING,
            f"Seal {last.number + 1} is not there; the next one is {seal.number}.",
            last.number + 1,
        )
    elif seal.previous != last.digest or seal.first_id != last.last_id + 1:
        yield found(Wrong.CHAIN_BROKEN, "It does not follow the seal before it.")
    if seal.version not in canonical.LAYOUTS[seal.table_name]:
        yield found(Wrong.SEAL_CHANGED, f"No version {seal.version} of a record is known here.")
    elif digest_of(seal) != seal.digest:
        yield found(Wrong.SEAL_CHANGED, "Its digest is not that of what it says.")


def check_records(seal: Seal, records: list[Sealed], last: Head) -> Iterator[Finding]:
    """The first record of a batch that is not what was sealed, if there is one."""
    root = canonical.root_of(record.digest for record in records)
    marks = bytes(seal.marks)
    sealed = [marks[at : at + MARK_BYTES] for at in range(0, len(marks), MARK_BYTES)]
    now = [record.mark for record in records]
    if root == seal.root:
        if now != sealed:
            text = "Its marks are not those of its records."
            yield Finding(Wrong.SEAL_CHANGED, seal.table_name, seal.number, None, text)
        return
    same = next(
        (at for at, pair in enumerate(zip(now, sealed, strict=False)) if pair[0] != pair[1]),
        min(len(now), len(sealed)),
    )
    yield _difference(seal, records, sealed, same, last)


def _difference(
    seal: Seal, records: list[Sealed], sealed: list[bytes], at: int, last: Head
) -> Finding:
    """What differs at position `at`, up to which all is as it was sealed."""

    def found(wrong: Wrong, record: int | None, text: str) -> Finding:
        return Finding(wrong, seal.table_name, seal.number, record, text)

    known = {record.mark for record in records}
    is_gone = at < len(sealed) and sealed[at] not in known
    is_new = at < len(records) and records[at].mark not in set(sealed)
    if is_gone and not is_new:
        before = records[at - 1].pk if at else last.last_id
        behind = records[at].pk if at < len(records) else seal.last_id + 1
        if behind - before == 2:
            return found(Wrong.MISSING, before + 1, "It was sealed and is not there any more.")
        text = f"A record that was sealed is gone, between the ids {before} and {behind}."
        return found(Wrong.MISSING, None, text)
    if is_new and not is_gone:
        record = records[at]
        if _received_at(seal, record) <= f"{seal.sealed_at:%Y-%m-%d %H:%M:%S.%f}":
            text = "It came later than the seal of its batch, though it says that it is older."
            return found(Wrong.LATE, record.pk, text)
        return found(Wrong.ADDED, record.pk, "It was added after its batch was sealed.")
    if is_new:
        return found(Wrong.CHANGED, records[at].pk, "It is not what was sealed.")
    text = "Its root is not that of its records, each of which is as it was marked."
    return found(Wrong.SEAL_CHANGED, None, text)


def _received_at(seal: Seal, record: Sealed) -> str:
    columns = canonical.LAYOUTS[seal.table_name][seal.version].columns
    return str(json.loads(record.text)[columns.index("received_at")])
