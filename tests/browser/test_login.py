"""Coming in by the browser, and going out again."""

from urllib.parse import urlencode

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
    screenshot(page, f"login-{scheme}-phone")


def test_an_application_asks_to_be_allowed(console: Page, open_page: OpenPage) -> None:
    console.goto("/admin/oauth2_provider/application/add/")
    console.get_by_label("Name").fill("Reader")
    console.get_by_label("Client type").select_option("public")
    console.get_by_label("Redirect URIs").fill("https://app.example/back")
    console.get_by_role("button", name="Save", exact=True).click()
    console.goto("/admin/oauth2_provider/application/")
    client = console.get_by_role("row", name="Reader").get_by_role("cell").nth(1).inner_text()
    query = {
        "response_type": "code",
        "client_id": client,
        "redirect_uri": "https://app.example/back",
        "scope": "me read",
        "code_challenge": "x" * 43,
        "code_challenge_method": "S256",
    }
    asked = f"/oauth/authorize?{urlencode(query)}"
    console.goto(asked)
    expect(console.get_by_role("button", name="Allow")).to_be_visible()
    expect(console.get_by_text("Reader asks to act for admin:")).to_be_visible()
    axe(console)
    screenshot(console, "oauth-authorize")
    stranger = open_page(viewport=PHONE)
    stranger.goto(asked)
    expect(stranger.get_by_role("heading", name="Log in")).to_be_visible()
    axe(stranger)
    fits(stranger)
