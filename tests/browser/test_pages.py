"""Every page of the menu, and what they lead to: without a complaint of the browser, without a
serious one of axe-core in light and dark, on a phone too, and with harmful texts that do no harm.
"""

import pytest
from django.urls import reverse
from playwright.sync_api import Page

from embeddings.admin.navigation import MENU
from tests.browser.pages import PHONE, axe, fits, screenshot
from tests.browser.stored import COLLECTION, store
from tests.serve.instances import Instance

pytestmark = pytest.mark.serve

IN_MENU = [page for _, entries in MENU for _, _, page, _ in entries]
ROWS = [
    "embeddings_collection_changelist",
    "accounts_user_changelist",
    "accounts_team_changelist",
    "embeddings_grant_changelist",
    "accounts_apitoken_changelist",
    "audit",
    "embeddings_job_changelist",
]
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
    console.locator("#content tbody").get_by_role("rowheader").get_by_role("link").first.click()
    look_at(console, f"{name}-row")


def test_a_document(console: Page) -> None:
    console.goto("/admin/embeddings/document/")
    console.get_by_label("Collection").fill(COLLECTION)
    console.get_by_role("button", name="Show").click()
    console.locator("#content tbody").get_by_role("link").first.click()
    look_at(console, "embeddings_document_row")
