"""What shows later that no record was changed, added or taken away."""

from django.db import models

DIGEST_LENGTH = 64  # SHA-256 in hexadecimal digits


class Seal(models.Model):
    """A batch of records, and the digest that chains it to the batch before.

    Batches of a table follow each other without a gap. Scans are sealed a while after they were
    stored, many at once: no scan waits for the one before it.
    """

    table_name = models.CharField(max_length=32)
    number = models.PositiveIntegerField()
    first_id = models.BigIntegerField()
    last_id = models.BigIntegerField()
    count = models.PositiveIntegerField()
    # Which columns are sealed, in which order: see scans.keeping.sealing.
    version = models.PositiveSmallIntegerField()
    # Of all rows together.
    root = models.CharField(max_length=DIGEST_LENGTH)
    previous = models.CharField(max_length=DIGEST_LENGTH, blank=True)
    digest = models.CharField(max_length=DIGEST_LENGTH, unique=True)
    # The first 8 bytes of each row's digest: not to prove that one was changed, but to say which.
    marks = models.BinaryField()
    sealed_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            # Of two that seal at the same moment one does.
            models.UniqueConstraint(fields=["table_name", "number"], name="seal_once"),
        ]

    def __str__(self) -> str:
        return f"{self.table_name} {self.number}"
