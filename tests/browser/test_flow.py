"""What an operator does in a day, in one go: each step sees what the ones before it did."""

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.serve.instances import Instance

pytestmark = pytest.mark.serve

NAME = "story"
TEXTS = {"tomatoes": "Tomatoes need six hours of sun.", "ferry": "The ferry leaves at eight."}
WITHIN_S = 60
"""In this time a live setting is in force everywhere, however busy the machine."""


def press(page: Page, button: str) -> None:
    page.get_by_role("button", name=button, exact=True).last.click()


def test_it_works(console: Page, service: Instance) -> None:
    create_a_collection(console)
    add_documents(console)
    search_them(console)
    clear_the_cache(console)
    read_of_it_in_the_audit(console)
    build_the_index_anew(console)
    revoke_a_token(console, service)
    change_a_setting(console, service)


def create_a_collection(page: Page) -> None:
    page.goto("/admin/embeddings/collection/")
    page.get_by_role("link", name="Add collection").first.click()
    page.get_by_label("Name", exact=False).first.fill(NAME)
    press(page, "Save")
    expect(page.get_by_text("was added successfully")).to_be_visible()
    expect(page.locator("#result_list").get_by_role("link", name=NAME)).to_be_visible()


def add_documents(page: Page) -> None:
    for external_id, text in TEXTS.items():
        page.goto("/admin/embeddings/document/add/")
        page.get_by_label("Collection").fill(NAME)
        page.get_by_label("Id", exact=True).fill(external_id)
        page.get_by_label("Text", exact=True).fill(text)
        press(page, "Save")
        expect(page.get_by_text(f"Added {external_id}.")).to_be_visible()


def search_them(page: Page) -> None:
    page.goto("/admin/playground/")
    page.get_by_role("combobox", name="Collection").fill(NAME)
    page.get_by_label("Query").fill("the ferry")
    page.keyboard.press("Control+Enter")
    hits = page.get_by_role("region", name="2 hits")
    expect(hits).to_contain_text("Compared with every document")
    expect(hits.get_by_role("listitem").first).to_contain_text(TEXTS["ferry"])


def clear_the_cache(page: Page) -> None:
    page.goto("/admin/cache/")
    press(page, "Clear…")
    expect(page.get_by_text("Forgets everything.")).to_be_visible()
    press(page, "Clear the cache")
    expect(page.get_by_text("Cleared: ")).to_be_visible()


def read_of_it_in_the_audit(page: Page) -> None:
    page.goto("/admin/audit/")
    page.get_by_label("Event").fill("cache.clear")
    press(page, "Filter")
    row = page.get_by_role("region", name="Entries").get_by_role("row").nth(1)
    expect(row).to_contain_text("admin")
    row.get_by_role("link").first.click()
    expect(page.locator("#content")).to_contain_text("cache.clear")


def build_the_index_anew(page: Page) -> None:
    page.goto("/admin/embeddings/collection/")
    page.locator("#result_list").get_by_role("link", name=NAME, exact=True).click()
    press(page, "Build the index anew")
    expect(page.get_by_text("A job reads all vectors")).to_be_visible()
    press(page, "Build the index anew")
    page.get_by_role("link", name=f"reindex {NAME}").click()
    expect(page.locator("#content")).to_contain_text("succeeded")
    expect(page.locator("#content")).to_contain_text("2 of 2")


def revoke_a_token(page: Page, service: Instance) -> None:
    _, _, made = service.call("POST", "/v1/tokens", {"name": "to be revoked"})
    assert service.get("/v1/collection", made["token"]) == 200
    page.goto("/admin/accounts/apitoken/")
    page.get_by_role("row", name="to be revoked").get_by_role("link").first.click()
    page.get_by_role("link", name="Revoke").click()
    press(page, "Revoke")
    expect(page.locator("#content")).to_contain_text("revoked")
    assert service.get("/v1/collection", made["token"]) == 401


def change_a_setting(page: Page, service: Instance) -> None:
    assert status_of_two_hits(service) == 200
    page.goto("/admin/settings/")
    page.get_by_label("max_top_k").fill("1")
    press(page, "Save requests")
    expect(page.get_by_text("max_top_k: 1,000 → 1")).to_be_visible()
    press(page, "Change settings")
    soon(lambda: status_of_two_hits(service) == 400)
    page.get_by_role("button", name="Reset max_top_k to what is configured").click()
    press(page, "Change settings")
    expect(page.get_by_label("max_top_k")).to_have_value("1000")
    soon(lambda: status_of_two_hits(service) == 200)


def status_of_two_hits(service: Instance) -> int:
    query = {"collection": NAME, "query": "sun", "top_k": 2}
    return service.call("POST", "/v1/search", query)[0]


def soon(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)
