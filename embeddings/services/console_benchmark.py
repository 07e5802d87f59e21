"""How long the console's pages take over HTTP, as a browser asks for them."""

import re
import statistics
import time
from collections.abc import Callable, Sequence
from http.cookiejar import CookieJar
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

from embeddings.exceptions import InvalidRequest

FRONT = "/admin/"
TIMEOUT_S = 60
FORM_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="(\w+)"')
MENU = re.compile(r'id="nav-sidebar-apps"(.*?)id="main"', re.DOTALL)
LINK = re.compile(r'href="(/admin/[^"#]*)"')


class Console:
    """A session of the console. Raises InvalidRequest when it does not begin, or when a page is not
    shown.
    """

    def __init__(self, url: str, *, username: str, password: str) -> None:
        """`url` up to, not including, `/admin/`."""
        self._url = url
        self._opener = build_opener(HTTPCookieProcessor(CookieJar()))
        found = FORM_TOKEN.search(self.page(FRONT))
        if found is None:
            raise InvalidRequest(detail=f"There is no console at {url}{FRONT}.")
        form = {"username": username, "password": password, "csrfmiddlewaretoken": found[1]}
        answer = self.page(f"{FRONT}login/?next={FRONT}", form)
        menu = MENU.search(answer)
        if menu is None:
            raise InvalidRequest(detail="The console refuses the name, or the password.")
        self.menu = list(dict.fromkeys(LINK.findall(menu[1])))
        """The paths of the pages in the menu, the front page among them."""

    def page(self, path: str, form: dict[str, str] | None = None) -> str:
        """The page's HTML, with or without a form posted to it."""
        data = None if form is None else urlencode(form).encode()
        # A page over TLS takes no form without saying whence it came.
        headers = {"Referer": f"{self._url}{path}"}
        request = Request(f"{self._url}{path}", data=data, headers=headers)  # noqa: S310
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                text: str = answer.read().decode()
                return text
        except HTTPError as error:
            raise InvalidRequest(detail=f"{path} answers {error.code}.") from None
        except (URLError, OSError, ValueError) as error:
            detail = f"The service does not answer: {type(error).__name__}."
            raise InvalidRequest(detail=detail) from None


def measure_console(
    *,
    console: Console,
    more: Sequence[str] = (),
    rounds: int,
    step: Callable[[], object] = lambda: None,
) -> dict[str, Any]:
    """Of each page in the menu, and of `more` paths: the median and the most of `rounds`, in
    milliseconds, and its size in bytes; the slowest first. Raises InvalidRequest.
    """
    pages = {}
    for path in [*console.menu, *more]:
        taken = []
        for _ in range(rounds):
            began = time.perf_counter()
            size = len(console.page(path).encode())
            taken.append((time.perf_counter() - began) * 1000)
            step()
        pages[path] = {"ms": statistics.median(taken), "most_ms": max(taken), "bytes": size}
    slowest_first = sorted(pages.items(), key=lambda page: -page[1]["ms"])
    return {"rounds": rounds, "pages": dict(slowest_first)}
