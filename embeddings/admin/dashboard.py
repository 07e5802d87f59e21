"""The console's first page: how the service does, for those who operate it."""

from typing import Any

from django.utils import timezone

from accounts.console_page import ConsolePage, console_page, principal_of_session, session_may
from accounts.policy import Action
from embeddings.admin.charts import chosen_span, shown_chart
from embeddings.admin.dashboard_tables import shown_table, shown_tile
from embeddings.services.dashboard import dashboard
from embeddings.types.dashboard import SPANS, View, Window

VIEWS = {view.value: view for view in View}


@console_page
class DashboardPage(ConsolePage):
    """Four views of a span of time; staff who may not operate the service see where to go."""

    path = ""
    name = "index"
    title = "Dashboard"
    action = Action.ME
    template_name = "console/dashboard.html"
    fragment_name = "console/dashboard_panels.html"

    @property
    def operates(self) -> bool:
        """Whether the service's numbers are the session's to see."""
        return session_may(self.request, Action.OPERATE)

    def get_template_names(self) -> list[str]:
        """Another one for who does not operate the service."""
        return super().get_template_names() if self.operates else ["console/start.html"]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """What is asked for by the address, or the first view of a day."""
        if not self.operates:
            return super().get_context_data(**kwargs)
        view = VIEWS.get(self.request.GET.get("view", ""), View.EXECUTIVE)
        span = chosen_span(self.request)
        now = timezone.now()
        window = Window(since=now - SPANS[span].length, until=now, points=SPANS[span].points)
        found = dashboard(principal=principal_of_session(self.request), view=view, window=window)
        return super().get_context_data(
            view=view.value,
            views=list(VIEWS),
            span=span,
            spans=[(key, each.title) for key, each in SPANS.items()],
            read_at=now,
            figures={
                title: [shown_tile(tile) for tile in tiles]
                for title, tiles in found.figures.items()
            },
            charts=[shown_chart(chart) for chart in found.charts],
            tables=[shown_table(table) for table in found.tables],
            **kwargs,
        )
