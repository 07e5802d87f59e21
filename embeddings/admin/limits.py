"""Limits and budgets in the console, with what is used of them."""

from typing import Any

from accounts.console_page import ConsolePage, console_page
from accounts.policy import Action
from accounts.services.limits import limited_accounts

SHOWN = 200
PAGES = {
    "user": "admin:accounts_user_change",
    "team": "admin:accounts_team_change",
    "token": "admin:accounts_apitoken_change",
}


@console_page
class LimitsPage(ConsolePage):
    """Whoever has used most of a budget comes first."""

    path = "limits/"
    name = "limits"
    title = "Limits"
    action = Action.OPERATE
    template_name = "console/limits.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The first SHOWN."""
        found = limited_accounts()
        rows = [(PAGES[each.kind], each) for each in found[:SHOWN]]
        return super().get_context_data(rows=rows, left_out=len(found) - len(rows), **kwargs)
