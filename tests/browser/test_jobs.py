"""A job in the console: its bar goes on by itself, and it is cancelled after one question."""

import json
import re
from collections.abc import Iterator

import pytest
from django.urls import reverse
from playwright.sync_api import Locator, Page, expect

from tests.browser.pages import PHONE, axe, fits, screenshot
from tests.serve.instances import Instance

pytestmark = pytest.mark.serve

COLLECTION = "under-way"
LINES = 200_000
"""Minutes of work, on a fast machine too: it is cancelled long before."""


@pytest.fixture
def job(service: Instance) -> Iterator[str]:
    service.call("POST", "/v1/collection", {"name": COLLECTION})
    line = '{{"id": "{0}", "text": "tea number {0} of many"}}'
    lines = "\n".join(line.format(number) for number in range(LINES))
    id_ = service.import_lines(COLLECTION, lines)
    yield id_
    service.call("POST", f"/v1/jobs/{id_}/cancel")
    service.call("DELETE", f"/v1/collection/{COLLECTION}")


def done(progress: Locator) -> int:
    found = re.search(r"([\d,]+) of", progress.inner_text())
    assert found
    return int(found[1].replace(",", ""))


def goes_on(page: Page, progress: Locator) -> None:
    """Without the page being loaded again."""
    page.evaluate("window.isSame = true")
    expect(progress).to_contain_text(re.compile(r"\d of"))
    before = done(progress)
    expect(progress).not_to_contain_text(f"{before:,} of")
    assert done(progress) > before
    assert page.evaluate("window.isSame")


def test_it_works(console: Page, service: Instance, job: str) -> None:
    console.goto(reverse("admin:embeddings_job_changelist"))
    goes_on(console, console.locator(f"#job-progress-{job}"))
    console.get_by_role("link", name=f"import {job[:8]}").click()
    progress = console.locator(f"#job-progress-{job}")
    goes_on(console, progress)
    axe(console)
    screenshot(console, "job-running-light")

    console.get_by_role("button", name="Pause").click()
    expect(console.get_by_role("button", name="Go on")).to_have_attribute("aria-pressed", "true")
    console.get_by_role("link", name="Cancel the job").press("Enter")
    expect(console.locator("form", has_text="Ends at once")).to_contain_text(
        f"import of {COLLECTION}"
    )
    axe(console)
    screenshot(console, "job-cancel-light")
    console.get_by_role("button", name="Cancel this job").press("Enter")
    console.wait_for_url(f"**{reverse('admin:embeddings_job_change', args=[job])}")
    expect(console.locator(f"#job-state-{job}")).to_contain_text("cancelled")
    expect(console.get_by_text("Cancelled on request after")).to_be_visible()

    console.set_viewport_size(PHONE)
    fits(console)
    screenshot(console, "job-cancelled-phone")
    status, _, answer = service.call("GET", f"/v1/jobs/{job}")
    assert (status, answer["state"]) == (200, "cancelled"), json.dumps(answer)
