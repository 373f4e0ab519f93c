"""Counts of the past, made of the records and at any time to be made of them again."""

from django.db import models

from scans.models.master_data import CODE_COLLATION


def _code(max_length: int) -> "models.CharField[str, str]":
    return models.CharField(max_length=max_length, db_collation=CODE_COLLATION)


class Counts(models.Model):
    """How many scans of one shift have something in common."""

    # The date on which the shift began, and the shift's place in scans.shifts.NAMES.
    day = models.DateField()
    shift = models.PositiveSmallIntegerField()
    # Full hours since the shift began: unlike the wall clock's they are told apart in every night.
    hour = models.SmallIntegerField()
    # "" for those of no station.
    station = _code(16)
    operator = _code(16)
    oc1 = _code(8)
    oc2 = _code(8)
    defect = _code(3)
    # Those that count; of them the first of their piece, and the last, which is its state.
    scans = models.IntegerField()
    firsts = models.IntegerField()
    lasts = models.IntegerField()
    # The last of pieces that were scanned more than once; and where the first one was approved.
    again = models.IntegerField()
    again_approved_first = models.IntegerField()
    # Those that count no more, and of them those that were replaced.
    voided = models.IntegerField()
    replaced = models.IntegerField()
    # Of those that count: made by a clock that was off, and delivered late by a browser. What
    # another system had is no delivery.
    skewed = models.IntegerField()
    late = models.IntegerField()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.day} {self.shift} {self.station} {self.defect}: {self.scans}"


class RollUp(Counts):
    """By all that a report filters by, and the hour."""

    # The rows of a shift, and of many days, lie together.
    pk = models.CompositePrimaryKey(
        "day", "shift", "hour", "station", "operator", "cp_base", "oc1", "oc2", "defect"
    )
    cp_base = _code(16)

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["cp_base"], name="rollup_order")]


class ShiftRollUp(Counts):
    """By less than that: see scans.reporting.levels. What a level does not tell apart is 0 or "".

    So a report over years reads the fewest rows that tell what it asks for.
    """

    pk = models.CompositePrimaryKey(
        "level", "day", "shift", "hour", "station", "operator", "oc1", "oc2", "defect"
    )
    level = models.PositiveSmallIntegerField()

    class Meta:
        default_permissions = ()


class Recount(models.Model):
    """A shift of which some hours are to be counted anew."""

    ALL = 2**32 - 1

    pk = models.CompositePrimaryKey("day", "shift")
    day = models.DateField()
    shift = models.PositiveSmallIntegerField()
    # Bit n is set for the hour n since the shift began: whoever has to count it finds one row, and
    # whoever adds an hour waits for him.
    hours = models.BigIntegerField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.day} {self.shift} {self.hours:b}"


class RollUpState(models.Model):
    """The one row that says which records the roll-ups are made of.

    The hours of all scans and events up to these ids are counted or stand among the recounts, and
    so are those of as many behind them: records are only ever added.
    """

    scan_id = models.BigIntegerField(default=0)
    event_id = models.BigIntegerField(default=0)
    newer_scans = models.BigIntegerField(default=0)
    newer_events = models.BigIntegerField(default=0)
    # By which shifts and limits it was counted. Others than today's: all is to be counted anew.
    rules = models.CharField(max_length=200, blank=True)
    counted_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.scan_id}, {self.event_id}"
