"""The console without a mouse."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.pages import PHONE
from tests.serve.instances import Instance

pytestmark = pytest.mark.serve

MAX_TABS = 60
UNREACHED = """() => [...document.querySelectorAll('[x-on\\\\:click]')]
    .filter((each) => each.checkVisibility() && each.childNodes.length && each.tabIndex < 0)
    .map((each) => each.outerHTML.slice(0, 200))"""


def tab_to(page: Page, name: str) -> None:
    """Tabs on until the control of this name has the focus."""
    wanted = page.get_by_role("button", name=name).or_(page.get_by_role("link", name=name))
    for _ in range(MAX_TABS):
        page.keyboard.press("Tab")
        if wanted.and_(page.locator(":focus")).count():
            return
    raise AssertionError(f"{name} is not reached")


def test_it_works(open_page: OpenPage, password: str) -> None:
    page = open_page()
    page.goto("/admin/")
    page.keyboard.type("admin")
    page.keyboard.press("Tab")
    page.keyboard.type(password)
    page.keyboard.press("Enter")
    page.wait_for_url("**/admin/")

    tab_to(page, "admin")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Dark")).to_be_visible()
    tab_to(page, "Dark")
    page.keyboard.press(" ")
    expect(page.locator("html")).to_have_class("dark")

    page.get_by_role("button", name="Log out").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="You are logged out")).to_be_visible()
    expect(page.locator("html")).to_have_class("dark")


def test_the_menu_is_skipped(console: Page) -> None:
    console.goto("/admin/accounts/user/")
    console.keyboard.press("Tab")
    expect(console.get_by_role("link", name="Skip to the content")).to_be_focused()
    console.keyboard.press("Enter")
    expect(console.locator("#content")).to_be_focused()


def test_the_palette_leads_anywhere(console: Page, service: Instance) -> None:
    service.call("POST", "/v1/collection", {"name": "by-keyboard"})
    console.goto("/admin/accounts/user/")
    console.keyboard.press("Control+k")
    sought = console.locator("#search-input-command")
    expect(sought).to_be_focused()
    console.keyboard.type("zzzz")
    expect(console.get_by_text("Nothing is called so.")).to_be_visible()
    console.keyboard.press("Enter")
    console.keyboard.press("Control+a")
    console.keyboard.type("by-key")
    expect(console.get_by_role("link", name="by-keyboard")).to_be_visible()
    console.keyboard.press("Enter")
    console.wait_for_url(re.compile("/admin/embeddings/collection/.+/change/"))


def test_filters_open_where_the_keyboard_is(console: Page) -> None:
    console.goto("/admin/accounts/user/")
    tab_to(console, "Filters")
    console.keyboard.press("Enter")
    expect(console.locator("#changelist-filter :focus")).to_be_visible()
    console.keyboard.press("Escape")
    expect(console.locator("#changelist-filter")).to_be_hidden()


@pytest.mark.parametrize("path", ["/admin/accounts/user/", "/admin/accounts/user/add/"])
def test_whatever_takes_a_click_is_reached(console: Page, path: str) -> None:
    console.goto(path)
    assert console.evaluate(UNREACHED) == []
    console.set_viewport_size(PHONE)
    console.get_by_role("button", name="Menu").press("Enter")
    expect(console.locator("#nav-sidebar")).to_be_visible()
    assert console.evaluate(UNREACHED) == []
