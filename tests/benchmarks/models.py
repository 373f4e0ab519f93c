"""Two tables that look like those of a scan."""

from django.db import models


class Defect(models.Model):
    """Master data: read by its code."""

    code = models.CharField(max_length=3, unique=True)
    name = models.CharField(max_length=100)
    active = models.BooleanField(default=True)

    class Meta:
        app_label = "benchmarks"

    def __str__(self) -> str:
        return self.code


class Scan(models.Model):
    """One row for each transaction."""

    uid = models.UUIDField(unique=True)
    station = models.CharField(max_length=16)
    operator = models.CharField(max_length=16)
    cp = models.CharField(max_length=32)
    oc1 = models.CharField(max_length=8)
    oc2 = models.CharField(max_length=8)
    defect = models.CharField(max_length=3)
    note = models.CharField(max_length=500, blank=True)
    raw = models.JSONField(default=dict)
    scanned_at = models.DateTimeField()
    received_at = models.DateTimeField()

    class Meta:
        app_label = "benchmarks"
        indexes = [
            models.Index(fields=["station", "scanned_at", "defect"]),
            models.Index(fields=["scanned_at", "defect"]),
            models.Index(fields=["cp"]),
        ]

    def __str__(self) -> str:
        return self.cp
