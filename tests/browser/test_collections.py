"""A collection's life in the console: made, looked after, changed and deleted."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import PHONE, axe, fits, screenshot

pytestmark = pytest.mark.serve

NAME = "letters"


def tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name).click()


def test_it_works(console: Page) -> None:
    console.goto("/admin/embeddings/collection/add/")
    console.get_by_label("Name", exact=False).first.fill(NAME)
    console.get_by_label("Name of the field").fill("year")
    console.get_by_label("Type of the new field").select_option("number")
    console.get_by_role("button", name="Add a field").press("Enter")
    console.keyboard.type("lang")  # the new row has the focus
    console.get_by_role("button", name="Save", exact=True).click()
    console.locator("#result_list").get_by_role("link", name=NAME).click()

    expect(console.get_by_role("tab", name="Overview")).to_have_attribute("aria-selected", "true")
    expect(console.get_by_role("row", name=re.compile("year number"))).to_be_visible()
    expect(console.get_by_role("row", name=re.compile("lang string"))).to_be_visible()
    axe(console)

    console.get_by_role("button", name="Vacuum and analyze").click()
    expect(console.get_by_text("reads and writes go on")).to_be_visible()
    console.get_by_role("button", name="Vacuum and analyze").click()
    console.get_by_role("link", name=f"vacuum {NAME}").click()
    expect(console).to_have_url(re.compile("/embeddings/job/"))

    console.goto("/admin/embeddings/collection/?q=letters")
    console.locator("#result_list").get_by_role("link", name=NAME).click()
    console.get_by_role("tab", name="Overview").focus()
    console.keyboard.press("ArrowRight")
    expect(console.get_by_role("tab", name="Settings")).to_be_focused()
    console.get_by_label("Description").fill("From my aunt.")
    tab(console, "Metadata schema")
    console.get_by_label("Remove lang").check()
    console.get_by_role("button", name="Save and continue editing").click()
    expect(console.get_by_text("From my aunt.").first).to_be_visible()
    expect(console.get_by_role("row", name=re.compile("lang string"))).to_have_count(0)

    console.get_by_role("tab", name="Settings").click()
    console.get_by_label("ef_construction").fill("1")
    console.get_by_role("button", name="Save and continue editing").click()
    expect(console.get_by_role("tab", name="Settings")).to_have_attribute("aria-selected", "true")
    expect(console.get_by_text("greater than or equal to 4")).to_be_visible()

    tab(console, "Danger zone")
    screenshot(console, "collection-danger")
    console.get_by_role("link", name="Delete the collection").click()
    console.set_viewport_size(PHONE)
    fits(console)
    console.get_by_label(re.compile("Type its name")).fill(NAME)
    console.get_by_role("button", name=f"Delete {NAME}").click()
    expect(console.get_by_text("was deleted successfully")).to_be_visible()
