"""Access in the browser: a token is made, shown once, used, revoked, and its story told."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from tests.browser.pages import axe, screenshot

pytestmark = pytest.mark.serve


def answer(page: Page, token: str) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    return page.context.request.get("/v1/me", headers=headers).status


def test_a_token_from_its_making_to_its_end(console: Page) -> None:
    console.goto(reverse("admin:accounts_apitoken_add"))
    console.locator("#select2-id_user-container").click()
    console.keyboard.type("admi")
    console.get_by_role("option", name="admin").click()
    console.get_by_label("Name").fill("<i>box</i>")
    console.get_by_role("button", name="Save").click()
    shown = console.get_by_label("API token", exact=True)
    token = shown.input_value()
    console.get_by_role("button", name="Copy API token").click()
    expect(console.get_by_text("Copied.")).to_be_visible()
    axe(console)
    assert answer(console, token) == 200

    console.get_by_role("link", name="Done").click()
    expect(console.get_by_text("<i>box</i>")).to_be_visible()
    assert token[-48:] not in console.content()
    console.get_by_role("link", name="Revoke").click()
    axe(console)
    screenshot(console, "token-revoke")
    assert answer(console, token) == 200
    console.get_by_role("button", name="Revoke").click()
    expect(console.get_by_text("Revoked 1.")).to_be_visible()
    assert answer(console, token) == 401

    console.get_by_role("link", name="History").click()
    rows = console.get_by_role("region", name="Entries").get_by_role("row")
    expect(rows).to_have_count(3)
    rows.nth(1).get_by_role("link").click()
    expect(console.get_by_text("It is what was written")).to_be_visible()
    expect(console.get_by_role("row", name="revoked_at")).to_be_visible()
    axe(console)
    screenshot(console, "audit-entry")


def test_names_are_suggested_and_a_day_is_checked(console: Page) -> None:
    console.goto(reverse("admin:audit"))
    console.get_by_label("User").press_sequentially("adm")
    expect(console.locator("datalist option[value=admin]")).to_have_count(1)
    console.get_by_label("User").fill("admin")
    console.get_by_role("button", name="Filter").click()
    console.wait_for_url("**user=admin**")
    console.get_by_role("link", name="Days and their chain").click()
    console.get_by_role("button", name="Check").last.click()
    expect(console.get_by_role("status").filter(has_text="whole")).to_be_visible()
    screenshot(console, "audit-days")
