"""Pages of a long list, whose end nobody turns to."""

from functools import cached_property
from typing import Any

from django.core.paginator import Paginator

# Twenty pages of the admin. Whoever looks for more searches or filters.
MOST_ROWS = 2000


class ShallowPaginator(Paginator):
    """Has the newest rows alone: to count them all reads the whole table."""

    template_name = "admin/shallow_pagination.html"

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[:MOST_ROWS].count())

    @property
    def is_cut(self) -> bool:
        return self.count == MOST_ROWS
