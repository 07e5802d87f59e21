"""Changing a setting and clearing the cache in a browser, and what comes of it."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import axe, fits, screenshot
from tests.serve.instances import Instance

pytestmark = pytest.mark.serve


def test_it_works(console: Page, service: Instance) -> None:
    def status() -> int:
        return service.embed("one", "two", "three")[0]

    assert status() == 200
    console.goto("/admin/settings/")
    console.get_by_label("max_batch").fill("2")
    console.get_by_label("max_batch").press("Enter")
    expect(console.get_by_text("max_batch: 1,000 → 2")).to_be_visible()
    axe(console)
    fits(console)
    screenshot(console, "settings-asked")
    console.get_by_role("button", name="Change settings").click()
    expect(console.get_by_text("Changed: max_batch.")).to_be_visible()
    service.wait(lambda: status() == 400)

    screenshot(console, "settings-changed")
    console.get_by_role("button", name="Reset max_batch").click()
    console.get_by_role("button", name="Change settings").click()
    expect(console.get_by_text("Changed: max_batch.")).to_be_visible()
    service.wait(lambda: status() == 200)


def test_a_cleared_cache_is_empty_and_says_so_in_the_audit(
    console: Page, service: Instance
) -> None:
    def cached() -> list[bool]:
        return [row["cached"] for row in service.embed("a cup of green tea")[2]["data"]]

    cached()
    assert cached() == [True]
    console.goto("/admin/cache/")
    expect(console.locator("#top tbody tr").first).to_be_visible()
    console.get_by_role("button", name="Clear…").click()
    expect(console.get_by_text("Forgets everything.")).to_be_visible()
    axe(console)
    screenshot(console, "cache-asked")
    console.get_by_role("button", name="Clear the cache").click()
    expect(console.get_by_text(re.compile(r"Cleared: [1-9]\d* values"))).to_be_visible()
    assert cached() == [False]

    console.goto("/admin/audit/?event=cache.clear")
    expect(console.locator("tbody").get_by_text("cache.clear").first).to_be_visible()
