"""Which requests pass by the middleware that only pages need, which people see in a browser.

Sessions, their users, messages and forms cost a search 0.1 ms, and the API's callers name
themselves in each request.
"""

from collections.abc import Callable
from typing import ClassVar

from django.http import HttpRequest, HttpResponseBase

from embedsite.headers import CONSOLE_PATH

BROWSER_PATHS = (CONSOLE_PATH, "/oauth/")

Answer = Callable[[HttpRequest], HttpResponseBase]


class PagesEnd:
    """The last of the middlewares for pages stands before it."""

    behind: ClassVar[Answer]

    def __init__(self, get_response: Answer) -> None:
        PagesEnd.behind = staticmethod(get_response)
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)


class PagesBegin:
    """From here a request of the API goes on behind PagesEnd. It has neither session nor user: what
    asks for one there fails, rather than finds nobody. Django still lets CsrfViewMiddleware look at
    its view, which is to be exempt.
    """

    def __init__(self, get_response: Answer) -> None:
        self.through = get_response
        self.past = PagesEnd.behind  # made just before: Django begins with the innermost

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        is_page = request.path_info.startswith(BROWSER_PATHS)
        return self.through(request) if is_page else self.past(request)
