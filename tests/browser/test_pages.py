"""Every page of the menu, and what they lead to: without a complaint of the browser, without a
serious one of axe-core in light and dark, on a phone too, and with harmful texts that do no harm.
"""

import pytest
from django.urls import reverse
from playwright.sync_api import Page

from embeddings.admin.navigation import MENU
from tests.browser.pages import PHONE, axe, fits, screenshot
from tests.browser.stored import store
from tests.serve.instances import Instance

pytestmark = pytest.mark.serve

IN_MENU = [page for _, entries in MENU for _, _, page, _ in entries]
ROWS = [page for page in IN_MENU if page.endswith("_changelist")]
FORMS = ["accounts_user_add", "accounts_team_add", "accounts_apitoken_add", "password_change"]


@pytest.fixture(scope="module", autouse=True)
def stored(service: Instance) -> None:
    store(service)


def look_at(page: Page, name: str) -> None:
    assert page.title() != "owned"
    axe(page)
    screenshot(page, f"{name}-light")
    page.evaluate("document.documentElement.classList.add('dark')")
    axe(page, rules=["color-contrast"])
    screenshot(page, f"{name}-dark")
    page.set_viewport_size(PHONE)
    fits(page)
    screenshot(page, f"{name}-phone")


@pytest.mark.parametrize("name", [*IN_MENU, *FORMS])
def test_it_works(console: Page, name: str) -> None:
    console.goto(reverse(f"admin:{name}"))
    look_at(console, name)


@pytest.mark.parametrize("name", ROWS)
def test_what_a_list_leads_to(console: Page, name: str) -> None:
    console.goto(reverse(f"admin:{name}"))
    first = console.locator("#result_list tbody th a").first
    if not first.count():
        pytest.skip("it has no rows to open here")
    console.goto(first.get_attribute("href") or "")
    look_at(console, f"{name}-row")
