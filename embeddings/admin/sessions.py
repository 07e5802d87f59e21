"""Who is logged in to the console."""

from typing import Any

from django.http import Http404, HttpResponse
from django.urls import reverse

from accounts.console_page import ConsolePage, console_page
from accounts.exceptions import NotFound
from accounts.policy import Action
from accounts.services.sessions import (
    ConsoleSession,
    end_session,
    get_session,
    list_sessions,
    session_id,
)
from embeddings.admin.asked_once import AskedOnce


@console_page
class SessionsPage(ConsolePage):
    """The newest first."""

    path = "sessions/"
    name = "sessions"
    title = "Sessions"
    action = Action.ADMINISTER
    template_name = "console/sessions.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """And which of them is this one."""
        own = session_id(self.request.session.session_key or "")
        return super().get_context_data(sessions=list_sessions(), own=own, **kwargs)


@console_page
class EndSession(AskedOnce):
    """As a logout elsewhere."""

    path = "sessions/<str:pk>/end/"
    name = "session_end"
    title = "End session"
    verb = "End it"
    is_dangerous = True

    def row(self) -> ConsoleSession:
        """Raises Http404."""
        try:
            return get_session(wanted=self.kwargs["pk"])
        except NotFound:
            raise Http404 from None

    def touches(self, row: ConsoleSession) -> list[str]:
        """Whose it is."""
        return [f"{row.username} is logged out there, and may log in again."]

    def act(self, row: ConsoleSession, _values: dict[str, Any]) -> str | HttpResponse:
        """From its next request on."""
        end_session(wanted=row.id)
        return "Ended."

    def back(self, _row: Any) -> str:
        """The list."""
        return reverse("admin:sessions")
