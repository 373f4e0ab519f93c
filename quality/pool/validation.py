"""The system check that compares what all processes may open with what the server allows."""

from typing import TYPE_CHECKING, Any

from django.core import checks
from django.db.backends.mysql import validation

from quality.pool import budget

if TYPE_CHECKING:
    from quality.pool.base import DatabaseWrapper

# "@@session" is the account's own limit where it has one, and the server's otherwise.
_LIMITS = "SELECT @@global.max_connections, @@session.max_user_connections"

_IDS = {"max_connections": "1", "max_user_connections": "2"}


class DatabaseValidation(validation.DatabaseValidation):
    """`manage.py check --database default`."""

    connection: "DatabaseWrapper"

    def check(self, **kwargs: Any) -> list[checks.CheckMessage]:
        """Django's own, and quality.pool.E001, E002 (over), W001, W002 (near)."""
        return [*super().check(**kwargs), *self._check_budget()]

    def _check_budget(self) -> list[checks.CheckMessage]:
        options = self.connection._pool_options
        with self.connection.cursor() as cursor:
            cursor.execute(_LIMITS)
            max_connections, max_user = map(int, cursor.fetchone())
        demand = budget.Demand(
            processes=options.processes,
            max_size=options.max_size,
            hosts=options.hosts,
            host_limit=options.host_limit,
        )
        supply = budget.Supply(max_connections=max_connections, max_user=max_user)
        return [
            (checks.Error if finding.is_over else checks.Warning)(
                f"DATABASES[{self.connection.alias!r}]: {finding.message}.",
                hint=f"{finding.remedy} See processes, hosts and reserve in OPTIONS['pool'].",
                id=f"quality.pool.{'E' if finding.is_over else 'W'}00{_IDS[finding.limit]}",
            )
            for finding in budget.compare(demand, supply, reserve=options.reserve)
        ]
