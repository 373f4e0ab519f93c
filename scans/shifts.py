"""When a shift begins and ends."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

FACTORY = ZoneInfo("Europe/Bucharest")
# Outside these years a clock is not wrong but absent.
YEARS = range(2000, 2100)
# Each shift's name and when it starts, by the clock on the factory's wall, from morning to night.
Starts = tuple[tuple[str, time], ...]
# What a factory begins with. What holds now stands in the settings, which the admin changes.
STANDARD: Starts = (("morning", time(6)), ("afternoon", time(14)), ("night", time(22)))
NAMES = [name for name, _start in STANDARD]


@dataclass(frozen=True)
class Shift:
    """One shift, named by the date on which it starts: a night belongs to its evening."""

    day: date
    name: str
    starts: Starts = field(default=STANDARD, repr=False)

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ValueError(f"No shift is called {self.name!r}; there are {', '.join(NAMES)}.")

    @property
    def start(self) -> datetime:
        return datetime.combine(self.day, dict(self.starts)[self.name], FACTORY)

    @property
    def end(self) -> datetime:
        """The start of the next shift, by the wall clock: a night is 9 h or 7 h when it changes."""
        return self.next().start

    def next(self) -> "Shift":
        position = NAMES.index(self.name) + 1
        if position == len(NAMES):
            return Shift(self.day + timedelta(days=1), NAMES[0], self.starts)
        return Shift(self.day, NAMES[position], self.starts)


def shift_at(moment: datetime, starts: Starts = STANDARD) -> Shift:
    """The shift that runs at an aware moment."""
    local = moment.astimezone(FACTORY)
    for name, start in reversed(starts):
        if local.time() >= start:
            return Shift(local.date(), name, starts)
    return Shift(local.date() - timedelta(days=1), NAMES[-1], starts)
