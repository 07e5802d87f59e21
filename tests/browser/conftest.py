"""A live service, Chromium, and the console in it, logged in as its first user.

What these tests need is stored through the service: while Playwright runs, Django refuses this
process its database.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    StorageState,
    expect,
    sync_playwright,
)

from tests.browser.pages import watch
from tests.serve.instances import Instance, running

OpenPage = Callable[..., Page]
CHROMIUM = shutil.which("chromium")
TIMEOUT_MS = 120_000
expect.set_options(timeout=TIMEOUT_MS)


@pytest.fixture(scope="package")
def service() -> Iterator[Instance]:
    with running(EMBED_OAUTH="true", EMBED_ADMIN_OTP="optional") as instance:
        yield instance


@pytest.fixture(scope="package")
def origin(service: Instance) -> str:
    return f"http://127.0.0.1:{service.port}"


@pytest.fixture(scope="package")
def password(service: Instance) -> str:
    """The first user's, `admin`."""
    found = re.search(r"password (\S+)", service.log.read_text())
    assert found
    return found[1]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("chromium is not installed")
    with sync_playwright() as playwright:
        # As root, which containers are, it has no sandbox of its own.
        options = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=options, timeout=TIMEOUT_MS)


@pytest.fixture(scope="package")
def session(browser: Browser, origin: str, password: str) -> StorageState:
    """The cookies of one login, for all pages."""
    context = browser.new_context(base_url=origin)
    context.set_default_timeout(TIMEOUT_MS)
    page = context.new_page()
    page.goto("/admin/")
    page.get_by_label("Username").fill("admin")
    page.get_by_label("Password").fill(password)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{origin}/admin/")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture(scope="package")
def logged_in(browser: Browser, origin: str, session: StorageState) -> BrowserContext:
    """What keeps the console's files between pages, and what is chosen in them."""
    options = {"base_url": origin, "reduced_motion": "reduce", "storage_state": session}
    context = browser.new_context(**options)  # type: ignore[arg-type]
    context.set_default_timeout(TIMEOUT_MS)
    return context


@pytest.fixture
def open_page(browser: Browser, origin: str) -> Iterator[OpenPage]:
    """Opens a page of nobody's with options of a context. In the end the test fails if something
    went wrong in one.
    """
    opened: list[tuple[Page, list[str]]] = []

    def open_one(**options: Any) -> Page:
        context = browser.new_context(**{"base_url": origin, "reduced_motion": "reduce", **options})
        context.set_default_timeout(TIMEOUT_MS)
        page = context.new_page()
        opened.append((page, watch(page, origin=origin)))
        return page

    yield open_one
    faults = [fault for _, found in opened for fault in found]
    for page, _ in opened:
        page.context.close()
    assert not faults, "\n".join(faults)


@pytest.fixture
def console(logged_in: BrowserContext, origin: str) -> Iterator[Page]:
    """A page that is logged in; the console's front page is still to be opened. In the end the
    test fails if something went wrong in it.
    """
    page = logged_in.new_page()
    faults = watch(page, origin=origin)
    yield page
    page.close()
    assert not faults, "\n".join(faults)
