"""When a shift begins and ends."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

FACTORY = ZoneInfo("Europe/Bucharest")
# Each shift's name and the hour at which it starts, by the clock on the factory's wall.
STARTS = {"morning": 6, "afternoon": 14, "night": 22}
_NAMES = list(STARTS)


@dataclass(frozen=True)
class Shift:
    """One shift, named by the date on which it starts: a night belongs to its evening."""

    day: date
    name: str

    def __post_init__(self) -> None:
        if self.name not in STARTS:
            raise ValueError(f"No shift is called {self.name!r}; there are {', '.join(STARTS)}.")

    @property
    def start(self) -> datetime:
        return datetime.combine(self.day, time(STARTS[self.name]), FACTORY)

    @property
    def end(self) -> datetime:
        """The start of the next shift, by the wall clock: a night is 9 h or 7 h when it changes."""
        return self.next().start

    def next(self) -> "Shift":
        position = _NAMES.index(self.name) + 1
        if position == len(_NAMES):
            return Shift(self.day + timedelta(days=1), _NAMES[0])
        return Shift(self.day, _NAMES[position])


def shift_at(moment: datetime) -> Shift:
    """The shift that runs at an aware moment."""
    local = moment.astimezone(FACTORY)
    for name in reversed(_NAMES):
        if local.hour >= STARTS[name]:
            return Shift(local.date(), name)
    return Shift(local.date() - timedelta(days=1), _NAMES[-1])
