"""Pages of a browser that note whatever goes wrong in them, and how they are looked at."""

import os
import tempfile
from pathlib import Path
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import ConsoleMessage, Page, Request, Response, ViewportSize
from playwright.sync_api import TimeoutError as PlaywrightTimeoutError

PHONE: ViewportSize = {"width": 400, "height": 800}
SERIOUS = {"serious", "critical"}
FITS = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
SETTLED_MS = 30_000


def watch(page: Page, *, origin: str) -> list[str]:
    """What goes wrong in the page from now on: complaints of the browser, and requests that fail
    or lead elsewhere.
    """
    faults: list[str] = []

    def console(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            faults.append(f"{message.type}: {message.text}")

    def request(asked: Request) -> None:
        if not asked.url.startswith((origin, "data:", "blob:")):
            faults.append(f"elsewhere: {asked.url}")

    def failed(asked: Request) -> None:
        # A page that is left gives up what it was asking, and a download is not shown.
        if asked.failure != "net::ERR_ABORTED":
            faults.append(f"failed: {asked.url} {asked.failure}")

    def response(answer: Response) -> None:
        if answer.status >= 400:
            faults.append(f"{answer.status}: {answer.url}")

    page.on("console", console)
    page.on("pageerror", lambda error: faults.append(f"error: {error}"))
    page.on("request", request)
    page.on("requestfailed", failed)
    page.on("response", response)
    return faults


def axe(page: Page, *, rules: list[str] | None = None) -> None:
    """Fails on whatever axe-core calls serious or critical, by all its rules or these alone.

    A click that leads elsewhere may still be loading the page; axe-core needs all of it.
    """
    page.wait_for_load_state()
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules:
        options["runOnly"] = rules
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    violations = page.evaluate("(options) => axe.run(options)", options)["violations"]
    found = [
        f"{each['id']} ({each['impact']}): {node['html']} {node['failureSummary']}"
        for each in violations
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]
    assert not found, "\n".join([page.url, *found])


def fits(page: Page) -> None:
    """Fails where the page as a whole scrolls sideways, once charts have followed its width."""
    try:
        page.wait_for_function(FITS, timeout=SETTLED_MS)
    except PlaywrightTimeoutError:
        raise AssertionError(f"{page.url} scrolls sideways") from None


def screenshot(page: Page, name: str) -> Path:
    """Where the page's picture is, in the folder of the variable SCREENSHOTS."""
    default = Path(tempfile.gettempdir()) / "embed-screenshots"
    folder = Path(os.environ.get("SCREENSHOTS", default))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.png"
    page.screenshot(path=path)
    return path
