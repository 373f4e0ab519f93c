"""The arithmetic of sizes: what all processes may open against what the server allows.

No ORM and no Django: gunicorn's configuration may import it.
"""

from dataclasses import dataclass

# Connections left for administrators, backups, commands, probes and workers that overlap
# during a restart.
RESERVE = 10

# From this share of what is allowed on, a little growth is one too much.
NEAR = 0.9


def share(connections: int, workers: int) -> int:
    """The max_size of each of `workers` processes that have `connections` together.

    Raises ValueError when there is not one for each: rounding up would break the promise.
    """
    if workers < 1 or connections < workers:
        raise ValueError(
            f"{workers} workers cannot share {connections} connections: each needs at least one. "
            "Use fewer workers with more threads, or allow more connections."
        )
    return connections // workers


def per_host(max_connections: int, *, hosts: int = 1, reserve: int = RESERVE) -> int:
    """The connections that each host may have of a server that allows `max_connections`.

    Raises ValueError when none is left.
    """
    left = (max_connections - reserve) // hosts
    if left < 1:
        raise ValueError(
            f"Of {max_connections} connections nothing is left for {_count(hosts, 'host')} after "
            f"{reserve} in reserve. Raise max_connections at the server."
        )
    return left


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """What one database's settings ask for at most.

    processes   that use the database on each host
    max_size    connections that each of them may open
    hosts       that run such processes
    host_limit  the cap on all processes of a host together, 0 = none
    """

    processes: int
    max_size: int
    hosts: int = 1
    host_limit: int = 0

    @property
    def total(self) -> int:
        """All connections that may be open at once."""
        return self.hosts * (self.host_limit or self.processes * self.max_size)

    def __str__(self) -> str:
        """The arithmetic as text."""
        if self.host_limit:
            each = f"{_count(self.host_limit, 'connection')} on each host (host_limit)"
        else:
            each = f"{_count(self.processes, 'process')} × {_count(self.max_size, 'connection')}"
        return f"{each} × {_count(self.hosts, 'host')} = {self.total}"

    def remedy(self, allowed: int) -> str:
        """What to set so that no more than `allowed` are asked for."""
        each = allowed // self.hosts
        if self.host_limit and each >= 1:
            return f"Set host_limit to {each} or less"
        if not self.host_limit and each >= self.processes:
            return f"Set max_size to {each // self.processes} or less"
        return "Run fewer processes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """What the server allows; a limit of 0 is none.

    max_connections  of all accounts together
    max_user         max_user_connections: of one account, by the server or by the account
    """

    max_connections: int
    max_user: int = 0


@dataclass(frozen=True, slots=True)
class Finding:
    """That a demand is over a limit, or near it."""

    limit: str  # the name of the server's variable
    is_over: bool
    message: str
    remedy: str


def compare(demand: Demand, supply: Supply, *, reserve: int = RESERVE) -> list[Finding]:
    """Whether the demand fits into the supply less the reserve; nothing if it does easily."""
    found = []
    limits = {"max_connections": supply.max_connections, "max_user_connections": supply.max_user}
    for name, limit in limits.items():
        allowed = limit - reserve
        is_over = demand.total > allowed
        if limit <= 0 or not (is_over or demand.total > NEAR * allowed):
            continue
        sign = ">" if is_over else "≤"
        message = f"{demand} {sign} {limit} − {reserve} in reserve = {allowed} by {name}"
        remedy = (
            f"{demand.remedy(allowed)}, or raise {name} at the server to "
            f"{demand.total + reserve} or more."
            if is_over
            else f"It is more than {NEAR:.0%} of what is allowed: plan before you add anything."
        )
        found.append(Finding(name, is_over, message, remedy))
    return found


def _count(number: int, noun: str) -> str:
    plural = "" if number == 1 else "es" if noun.endswith("s") else "s"
    return f"{number} {noun}{plural}"
