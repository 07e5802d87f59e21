"""Pages of the console that are no lists of a model."""

from typing import TYPE_CHECKING, Any, TypeVar, cast

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.views.generic import TemplateView

from accounts.models import User
from accounts.policy import Action
from accounts.principal import Principal

if TYPE_CHECKING:
    from accounts.admin_site import ConsoleSite


def session_may(request: HttpRequest, action: Action) -> bool:
    """Whether the site role of the session's user allows the action everywhere."""
    user = request.user
    return isinstance(user, User) and user.is_active and user.as_principal().may(action)


def principal_of_session(request: HttpRequest) -> Principal:
    """The session's user, with all that it may do."""
    if not isinstance(request.user, User):
        raise TypeError("the console lets users in alone")
    return request.user.as_principal()


class ConsolePage(TemplateView):
    """A page at `/admin/<path>`, for those whose site role allows its action everywhere.

    What a page refreshes by itself is a template of its own, which the page's includes; htmx is
    answered with that alone.
    """

    path: str
    name: str
    title: str
    action: Action
    fragment_name: str | None = None
    site: "ConsoleSite"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Raises PermissionDenied."""
        if not session_may(request, self.action):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    def get_template_names(self) -> list[str]:
        """The fragment where htmx asks for it."""
        asked_by_htmx = self.request.headers.get("HX-Request") == "true"
        if asked_by_htmx and self.fragment_name is not None:
            return [self.fragment_name]
        return super().get_template_names()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """With what every page of the console shows around itself."""
        self.request.current_app = self.site.name
        frame = self.site.each_context(self.request)
        return super().get_context_data(**frame, title=self.title, **kwargs)


Page = TypeVar("Page", bound=type[ConsolePage])


def console_page(page: Page) -> Page:
    """Decorates a page, which is `admin:<its name>` from then on."""
    page.site = cast("ConsoleSite", admin.site)
    page.site.pages.append(page)
    return page
