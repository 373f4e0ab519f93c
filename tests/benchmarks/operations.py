"""What is measured: each between the signals that begin and end a request."""

import uuid
from collections.abc import Callable

from django.core.signals import request_finished, request_started
from django.db import connections, transaction
from django.utils import timezone

from tests.benchmarks.models import Defect, Scan

Operation = Callable[[str], None]

APPROVED = "000"


def borrow(alias: str) -> None:
    """Nothing but a connection."""
    connections[alias].ensure_connection()


def select(alias: str) -> None:
    """The least statement there is."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()


def read(alias: str) -> None:
    """One object by a unique key."""
    Defect.objects.using(alias).get(code=APPROVED)


def record(alias: str) -> None:
    """One transaction: look the defect up, store a scan."""
    with transaction.atomic(using=alias):
        defect = Defect.objects.using(alias).filter(code=APPROVED, active=True).first()
        assert defect is not None
        now = timezone.now()
        Scan.objects.using(alias).create(
            uid=uuid.uuid4(),
            station="S01",
            operator="OP0001",
            cp="CP12345678-0001",
            oc1="OC01",
            oc2="OC11",
            defect=defect.code,
            scanned_at=now,
            received_at=now,
        )


def request(work: Operation, alias: str) -> None:
    """`work` as in a request: Django's handlers send these two signals around each."""
    request_started.send(sender=request, environ={})
    try:
        work(alias)
    finally:
        request_finished.send(sender=request)


BORROW, SELECT, READ, RECORD = "borrow + return", "SELECT 1", "ORM request", "scan transaction"
OPERATIONS: dict[str, Operation] = {BORROW: borrow, SELECT: select, READ: read, RECORD: record}
