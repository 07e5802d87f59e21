"""The dashboard refreshes by itself: not while paused, and what was opened stays open."""

import pytest
from playwright.sync_api import Page, StorageState, expect

from tests.browser.conftest import OpenPage
from tests.browser.pages import PHONE, axe, fits, screenshot
from tests.serve.instances import Instance

pytestmark = pytest.mark.serve

EVERY_MS = 15_000
ASKED = "**/admin/?view=*"


@pytest.fixture(scope="module", autouse=True)
def used(service: Instance) -> None:
    """Something for the ledger, and a refusal for the audit."""
    service.embed("tea", "coffee")
    service.call("POST", "/v1/search", {"collection": "nothing", "query": "tea"})


@pytest.fixture
def dashboard(open_page: OpenPage, session: StorageState) -> Page:
    """With a clock that the test moves, and storage of its own."""
    page = open_page(storage_state=session)
    page.clock.install()
    return page


def drawn(page: Page) -> int:
    """How many charts there are, each of which has been drawn."""
    canvases = page.locator("canvas[data-chart]")
    assert canvases.evaluate_all("all => all.every((each) => Chart.getChart(each))")
    return canvases.count()


def test_it_works(dashboard: Page) -> None:
    dashboard.goto("/admin/?view=executive&range=1h")
    assert drawn(dashboard)
    table = dashboard.locator("#tokens-table")
    table.locator("summary").click()
    expect(table.get_by_role("row")).to_have_count(2)

    with dashboard.expect_response(ASKED) as asked:
        dashboard.clock.run_for(EVERY_MS)

    assert "<html" not in asked.value.text()
    expect(table).to_have_attribute("open", "")
    expect(table.locator("summary")).to_be_focused()
    assert drawn(dashboard)
    assert dashboard.evaluate("Object.keys(Chart.instances).length") == drawn(dashboard)


def test_it_pauses_by_keyboard_and_remembers(dashboard: Page) -> None:
    asked = []
    dashboard.on("request", lambda request: asked.append(request.url))
    dashboard.goto("/admin/?view=capacity")
    button = dashboard.get_by_role("button", name="Pause")
    button.focus()
    dashboard.keyboard.press("Enter")
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(dashboard.get_by_role("status").first).to_contain_text("Paused.")
    dashboard.reload()
    expect(button).to_have_attribute("aria-pressed", "true")
    asked.clear()
    dashboard.clock.run_for(3 * EVERY_MS)
    assert not asked

    with dashboard.expect_response(ASKED):
        button.click()


def test_an_ended_session_leads_to_the_login(dashboard: Page) -> None:
    dashboard.goto("/admin/?view=debugging")
    dashboard.context.clear_cookies()

    dashboard.clock.run_for(EVERY_MS)

    dashboard.wait_for_url("**/admin/login/**")


@pytest.mark.parametrize("view", ["operations", "debugging", "capacity"])
def test_every_view_in_light_and_dark_and_on_a_phone(console: Page, view: str) -> None:
    console.goto(f"/admin/?view={view}&range=7d")
    axe(console)
    screenshot(console, f"dashboard-{view}-light")
    console.evaluate("document.documentElement.classList.add('dark')")
    axe(console, rules=["color-contrast"])
    screenshot(console, f"dashboard-{view}-dark")
    console.set_viewport_size(PHONE)
    fits(console)
    screenshot(console, f"dashboard-{view}-phone")
