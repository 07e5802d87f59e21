"""Coming in by the browser, and going out again."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.pages import PHONE, axe, fits, screenshot

pytestmark = pytest.mark.serve


def test_it_works(console: Page) -> None:
    console.goto("/admin/")

    expect(console.get_by_role("link", name="Collections", exact=True).first).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_login_is_fine_to_look_at(open_page: OpenPage, scheme: str) -> None:
    page = open_page(color_scheme=scheme)
    page.goto("/admin/")
    axe(page)
    screenshot(page, f"login-{scheme}")
    page.set_viewport_size(PHONE)
    fits(page)
