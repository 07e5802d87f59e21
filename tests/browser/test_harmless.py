"""Texts that callers stored are shown as they are, and neither run nor evaluated anywhere."""

import csv
import http.client
import io
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from tests.browser.stored import COLLECTION, FORMULA, HARMFUL, SCRIPT, TEMPLATE, store
from tests.serve.instances import Instance

pytestmark = pytest.mark.serve


@pytest.fixture(scope="module", autouse=True)
def stored(service: Instance) -> None:
    store(service)


def assert_shown(page: Page, *texts: str) -> None:
    for text in texts:
        expect(page.locator("#content")).to_contain_text(text)
    assert page.title() != "owned"
    assert page.locator("#content img[src=x]").count() == 0


def test_it_works(console: Page) -> None:
    console.goto("/admin/embeddings/collection/")
    console.locator("#result_list").get_by_role("link", name=COLLECTION, exact=True).click()
    assert_shown(console, SCRIPT)
    expect(console.locator("[name=description]")).to_have_value(SCRIPT)


def test_documents(console: Page) -> None:
    console.goto(f"/admin/embeddings/document/?{urlencode({'q': COLLECTION})}")
    console.get_by_label("Collection").fill(COLLECTION)
    console.get_by_role("button", name="Show").click()
    assert_shown(console, *HARMFUL)
    for text in HARMFUL:
        console.locator("#content").get_by_role("link").filter(has_text=text).first.click()
        assert_shown(console, text)
        console.get_by_role("button", name="Find similar documents").click()
        assert_shown(console, *HARMFUL)
        console.go_back()


def test_searches(console: Page) -> None:
    console.goto("/admin/playground/")
    console.get_by_role("combobox", name="Collection").fill(COLLECTION)
    console.get_by_label("Query").fill(TEMPLATE)
    console.keyboard.press("Control+Enter")
    expect(console.get_by_role("region", name=f"{len(HARMFUL)} hits")).to_be_visible()
    assert_shown(console, *HARMFUL)


def test_a_spreadsheet_computes_nothing(service: Instance) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=20)
    headers = {"Authorization": f"Bearer {service.token}", "Accept": "text/csv"}
    connection.request("GET", f"/v1/collection/{COLLECTION}/export", headers=headers)
    rows = list(csv.DictReader(io.StringIO(connection.getresponse().read().decode())))
    connection.close()
    assert len(rows) == len(HARMFUL)
    cells = [cell for row in rows for cell in row.values()]
    assert any(FORMULA in cell for cell in cells)
    assert not [cell for cell in cells if cell.startswith("=")]
