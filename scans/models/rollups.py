"""Counts of the past, made of the records and at any time to be made of them again."""

from django.db import models

from scans.models.master_data import CODE_COLLATION


class RollUp(models.Model):
    """How many scans of one hour of a shift have all of this in common."""

    # The date on which the shift began, and its name.
    day = models.DateField()
    shift = models.CharField(max_length=16)
    # Full hours since the shift began: unlike the wall clock's they are told apart in every night.
    hour = models.SmallIntegerField()
    # "" for those of no station.
    station = models.CharField(max_length=16, db_collation=CODE_COLLATION)
    operator = models.CharField(max_length=16, db_collation=CODE_COLLATION)
    cp_base = models.CharField(max_length=16, db_collation=CODE_COLLATION)
    oc1 = models.CharField(max_length=8, db_collation=CODE_COLLATION)
    oc2 = models.CharField(max_length=8, db_collation=CODE_COLLATION)
    defect = models.CharField(max_length=3, db_collation=CODE_COLLATION)
    # Those that count; of them the first of their piece, and the last, which is its state.
    scans = models.IntegerField()
    firsts = models.IntegerField()
    lasts = models.IntegerField()
    # Those that count no more.
    voided = models.IntegerField()
    # Of those that count: made by a clock that was off, and delivered late.
    skewed = models.IntegerField()
    late = models.IntegerField()

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["day", "shift"], name="rollup_day"),
            models.Index(fields=["cp_base", "day"], name="rollup_order"),
            models.Index(fields=["operator", "day"], name="rollup_operator"),
            models.Index(fields=["defect", "day"], name="rollup_defect"),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.shift} {self.station} {self.defect}: {self.scans}"


class RollUpState(models.Model):
    """The one row that says which records the roll-ups are made of.

    All scans and events up to these ids are counted, and of those behind them so many, up to these.
    """

    scan_id = models.BigIntegerField(default=0)
    event_id = models.BigIntegerField(default=0)
    newer_scans = models.BigIntegerField(default=0)
    newest_scan_id = models.BigIntegerField(default=0)
    newer_events = models.BigIntegerField(default=0)
    newest_event_id = models.BigIntegerField(default=0)
    # By which shifts and limits it was counted. Others than today's: all is to be counted anew.
    rules = models.CharField(max_length=200, blank=True)
    counted_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.scan_id}, {self.event_id}"
