"""Documents are found, changed, imported, exported and deleted."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import PHONE, axe, fits, screenshot
from tests.serve.instances import Instance

pytestmark = pytest.mark.serve

LIST = "/admin/embeddings/document/"
LONG = "\n\n".join(f"Paragraph {at}. " + "Some words of it. " * 40 for at in range(4))
TABLE = """key,body,lang,note
mate,How to brew mate,es,=HYPERLINK(1)
evil,<script>document.title = 'owned'</script> {{7*7}},en,x
short
"""


@pytest.fixture(scope="module", autouse=True)
def stored(service: Instance) -> None:
    chunking = {"method": "sentences", "size": 64}
    service.call("POST", "/v1/collection", {"name": "papers", "chunking": chunking})
    documents = [
        {"id": "long", "text": LONG, "metadata": {"year": 2024}},
        {"id": "tea", "text": "How to brew tea", "metadata": {"year": 1999}},
    ]
    status, _, answer = service.call(
        "POST", "/v1/add", {"collection": "papers", "documents": documents}
    )
    assert status < 300, answer


def look_at(page: Page, name: str) -> None:
    assert page.title() != "owned"
    axe(page)
    screenshot(page, f"{name}-light")
    page.evaluate("document.documentElement.classList.add('dark')")
    axe(page, rules=["color-contrast"])
    screenshot(page, f"{name}-dark")
    size = page.viewport_size
    page.set_viewport_size(PHONE)
    fits(page)
    screenshot(page, f"{name}-phone")
    page.evaluate("document.documentElement.classList.remove('dark')")
    if size:
        page.set_viewport_size(size)


def show(page: Page, collection: str = "papers") -> None:
    page.goto(LIST)
    page.get_by_label("Collection").fill(collection)
    page.keyboard.press("Enter")
    page.wait_for_url("**collection=papers**")


def test_one_is_read_and_changed(console: Page) -> None:
    show(console)
    look_at(console, "documents")
    console.get_by_role("link", name="long", exact=True).click()
    numbers = console.locator(".documents-body a")
    expect(numbers).to_have_count(console.locator(".documents-chunks tbody tr").count())
    assert numbers.count() > 1
    numbers.nth(1).focus()
    console.keyboard.press("Enter")
    expect(console.locator("#chunk-1")).to_be_in_viewport()
    console.get_by_role("button", name="Find similar documents").click()
    expect(console.get_by_role("link", name="tea", exact=True)).to_be_visible()
    look_at(console, "document")
    console.get_by_role("textbox", name="Metadata").fill('{"year": 2024,\n "lang"}')
    console.get_by_role("button", name="Save metadata").click()
    expect(console.get_by_role("alert")).to_have_text("Line 2, column 8: expecting ':' delimiter.")
    console.get_by_role("textbox", name="Metadata").fill('{"year": 2025}')
    console.get_by_role("button", name="Save metadata").click()
    expect(console.get_by_text("Saved.")).to_be_visible()
    expect(console.get_by_role("textbox", name="Metadata")).to_have_value('{\n  "year": 2025\n}')


def test_a_file_is_imported_exported_and_deleted(
    console: Page, tmp_path: Path, service: Instance
) -> None:
    file = tmp_path / "table.csv"
    file.write_text(TABLE)
    show(console)
    console.get_by_role("link", name="Import").click()
    console.get_by_label("File").set_input_files(file)
    rows = console.get_by_role("region", name="First rows")
    expect(rows).to_contain_text("Refused: The row has not as many cells as the header.")
    console.get_by_role("checkbox", name="note").click()
    expect(rows).not_to_contain_text("HYPERLINK")
    look_at(console, "import")
    console.get_by_role("button", name="Import").click()
    console.wait_for_url("**/embeddings/job/**")
    assert console.title() != "owned"

    def is_stored() -> bool:
        return service.call("GET", "/v1/collection/papers/documents/evil")[0] == 200

    for _ in range(600):
        if is_stored():
            break
        console.wait_for_timeout(100)
    show(console)
    expect(console.get_by_role("region", name="Documents")).to_contain_text("{{7*7}}")
    assert console.title() != "owned"

    console.get_by_label("Filter as JSON").fill('{"lang": {"$in": ["es", "en"]}}')
    console.get_by_role("button", name="Show").click()
    console.get_by_role("link", name="Export").click()
    look_at(console, "export")
    console.get_by_label("CSV").check()
    with console.expect_download() as download:
        console.get_by_role("button", name="Download").click()
    assert Path(download.value.path()).read_text().splitlines()[0] == "id,text,metadata"
    console.go_back()
    console.get_by_role("button", name="Delete all of the filter").click()
    look_at(console, "delete")
    console.get_by_role("button", name="Delete 2 documents").click()
    expect(console.get_by_text("Deleted 2 documents.")).to_be_visible()
    assert not is_stored()
