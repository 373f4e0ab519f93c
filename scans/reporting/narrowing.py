"""Narrows the days of a filter that no index serves to those on which there is something."""

from scans.models import Recount, Scan
from scans.reporting.filters import Filters, Window
from scans.reporting.marking import LOOK_MOST, look
from scans.reporting.sums import counted
from scans.shifts import Starts, shift_at


def narrowed(f: Filters, starts: Starts) -> list[Window]:
    """The filter's windows on the days that count, those next to each other as one.

    All of them where roll-ups are far behind.
    """
    found = look()
    if found.is_by_other_rules or found.newer_scans >= LOOK_MOST:
        return f.windows(starts)
    # In this order: what is counted meanwhile stands in the roll-ups by then.
    days = set(Recount.objects.values_list("day", flat=True))
    newer = Scan.objects.filter(pk__gt=found.state.scan_id).values_list("scanned_at", flat=True)
    days |= {shift_at(moment, starts).day for moment in newer}
    days |= set(counted(f).order_by().values_list("day", flat=True).distinct())
    windows: list[Window] = []
    for day in sorted(day for day in days if f.since <= day <= f.until):
        [window] = f.but(since=day, until=day).windows(starts)
        if windows and windows[-1][1] == window[0]:
            window = (windows.pop()[0], window[1])
        windows.append(window)
    return windows
