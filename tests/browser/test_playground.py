"""A search is tried out, compared with another, and handed on."""

import json

import pytest
from playwright.sync_api import Page, StorageState, expect

from tests.browser.conftest import OpenPage
from tests.browser.pages import PHONE, axe, fits, screenshot
from tests.serve.instances import Instance

pytestmark = pytest.mark.serve

PAGE = "/admin/playground/"
TEXTS = {
    "bread": ("Yeast feeds on sugar, and its gas makes the dough rise.", {"kind": "food"}),
    "moon": ("The Moon pulls at the sea, which makes the tides rise.", {"kind": "sky"}),
    "evil": ("<script>document.title = 'owned'</script> {{7*7}} rise", {"kind": "=1+1"}),
}


@pytest.fixture(scope="module", autouse=True)
def stored(service: Instance) -> None:
    service.call("POST", "/v1/collection", {"name": "playground"})
    documents = [{"id": pk, "text": text, "metadata": more} for pk, (text, more) in TEXTS.items()]
    status, _, answer = service.call(
        "POST", "/v1/add", {"collection": "playground", "documents": documents}
    )
    assert status < 300, answer


def ids(page: Page, column: int = 0) -> list[str]:
    return page.locator(".playground-result").nth(column).locator("h2 ~ ol a").all_text_contents()


def test_it_works_by_keyboard(console: Page) -> None:
    console.goto(PAGE)
    console.get_by_label("Collection").first.press_sequentially("playgr")
    expect(console.locator("datalist option[value=playground]")).to_have_count(1)
    console.get_by_label("Collection").first.fill("playground")
    console.get_by_role("button", name="Add a condition").first.press("Enter")
    console.keyboard.type("kind")
    console.get_by_label("Operator").select_option("is one of")
    console.get_by_label("Value").fill("food, sky")
    assert json.loads(console.get_by_label("Filter as JSON").first.input_value()) == {
        "kind": {"$in": ["food", "sky"]}
    }
    console.get_by_role("button", name="Copy a link to this").focus()
    console.keyboard.press("/")
    console.keyboard.type("Why does dough rise?")
    console.keyboard.press("Control+Enter")

    expect(console.get_by_role("heading", name="2 hits")).to_be_visible()
    assert ids(console) == ["bread", "moon"]
    expect(console.get_by_role("status").first).to_contain_text("2 hits by configuration A")
    expect(console.locator("#id_query")).to_be_focused()
    expect(console.get_by_label("Value")).to_have_value('["food","sky"]')


def test_two_are_compared_and_handed_on(console: Page, open_page: OpenPage) -> None:
    console.goto(f"{PAGE}?collection=playground")
    console.locator("#id_query").fill("tides")
    console.get_by_label("Compare two configurations").check()
    console.locator("#id_b-mode").select_option("keyword")
    console.get_by_role("button", name="Search", exact=True).click()

    compared = console.locator(".playground-compared")
    expect(compared).to_have_text("1 in both, 1 of them at the same rank")
    assert ids(console, 1) == ["moon"]
    expect(console.locator(".playground-highlights mark")).to_have_text("tides")
    expect(console.get_by_text("only here")).to_have_count(2)
    assert console.title() != "owned"

    console.get_by_role("button", name="Copy a link to this").click()
    expect(console.locator("#playground-status, #playground-failure")).to_contain_text(["link", ""])
    link = console.url
    assert "query=tides" in link.partition("#")[2]
    asked: list[str] = []
    console.on("request", lambda request: asked.append(request.url + str(request.post_data)))
    console.goto("/admin/models/")
    console.goto(link)
    expect(console.locator("#id_query")).to_have_value("tides")
    expect(console.locator("#id_b-mode")).to_have_value("keyword")
    assert not any("tides" in each for each in asked)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_fine_to_look_at(open_page: OpenPage, session: StorageState, scheme: str) -> None:
    page = open_page(storage_state=session, color_scheme=scheme)
    page.goto(f"{PAGE}?collection=playground")
    page.locator("#id_query").fill("What makes the tides rise?")
    page.get_by_label("Compare two configurations").check()
    page.get_by_role("button", name="Search", exact=True).click()
    expect(page.locator(".playground-compared")).to_be_visible()
    for summary in page.locator("summary:visible").all():
        summary.click()
    axe(page)
    screenshot(page, f"playground-{scheme}")
    page.set_viewport_size(PHONE)
    fits(page)
    screenshot(page, f"playground-phone-{scheme}")
