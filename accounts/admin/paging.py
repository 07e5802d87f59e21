"""Pages of long lists in the console."""

from functools import cached_property
from typing import Any

from django.core.paginator import Paginator

COUNTED = 10_000
"""Pages reach no further: counting a collection of millions takes seconds, and so does skipping
to its last page."""


class BoundedPaginator(Paginator):
    """Counts no further than COUNTED."""

    @cached_property
    def count(self) -> int:
        """The rows, or the bound."""
        rows: Any = self.object_list
        return int(rows.order_by().values("pk")[:COUNTED].count())
