"""Walks over the pages as a new user would, wide and narrow, light and dark, with and without scripts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from trialpanorama.designs import template

pytestmark = pytest.mark.slow

SCREENS = {
    "wide and light": {"viewport": {"width": 1280, "height": 900}, "color_scheme": "light"},
    "narrow and dark": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
}
PATIENCE = 90_000
"""Milliseconds that a page may take: the machine may be busy with other tests."""


class Visit:
    """A browser's page, and what it complained of or asked for elsewhere."""

    def __init__(self, page: Any, address: str) -> None:
        self.page, self.address = page, address
        self.complaints: list[str] = []
        page.on("console", lambda said: self.complaints.append(said.text) if said.type in ("error", "warning") else 0)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._look)

    def _look(self, request: Any) -> None:
        if urlsplit(request.url).netloc != urlsplit(self.address).netloc:
            self.complaints.append(f"asks elsewhere: {request.url}")

    def go(self, path: str) -> None:
        self.page.goto(self.address + path)

    def check(self) -> None:
        """Nothing to complain of, and nothing that reaches over the side."""
        self.page.wait_for_load_state()  # the style sheet has come, too
        here = self.page.url
        assert self.complaints == [], here
        width = self.page.viewport_size["width"]
        assert self.page.evaluate("document.documentElement.scrollWidth") <= width, here


@pytest.fixture(params=list(SCREENS))
def visit(request: pytest.FixtureRequest, browser: Any, address: str) -> Iterator[Visit]:
    context = browser.new_context(**SCREENS[request.param])
    context.set_default_timeout(PATIENCE)
    yield Visit(context.new_page(), address)
    context.close()


def _walk(visit: Visit) -> Iterator[str]:
    """From the first page through all of them by what a person clicks and types; the name of each page on arrival."""
    page = visit.page
    visit.go("/")
    yield "atlas"
    page.get_by_label("Search trials and papers").fill("FICTIONAL[ti] AND random*")
    page.get_by_role("button", name="Search").click()
    page.get_by_text("found", exact=False).first.wait_for()
    yield "search"
    page.get_by_role("link", name="trial", exact=True).click()
    page.get_by_role("link", name="Remove the limit kind trial").wait_for()
    yield "search with a limit"
    page.locator(".hits a").first.click()
    page.get_by_role("heading", name="What registers say").wait_for()
    yield "trial"
    page.get_by_role("navigation", name="On this page").get_by_role("link", name="Graph").click()
    page.get_by_text("edges").wait_for()
    yield "neighbours"
    page.get_by_role("link", name="Sample size").click()
    yield "sizing"
    page.get_by_role("link", name="Two means, parallel arms (t test)").click()
    page.get_by_label("Difference", exact=True).fill("5")
    page.get_by_label("Sd needed").fill("12")
    page.get_by_label("Power").fill("0.9")
    page.get_by_role("button", name="Compute").click()
    page.get_by_text("123 + 123").wait_for()
    assert page.locator("svg.plot").bounding_box()["width"] > 200
    yield "sizing result"
    for name, heading in (
        ("Runs", "Runs"),
        ("Overdue results", "Overdue results"),
        ("Problems", "Problems"),
        ("Dictionary", "Dictionary"),
    ):
        page.get_by_role("navigation", name="Pages").get_by_role("link", name=name).click()
        page.get_by_role("heading", name=heading, level=1).wait_for()
        yield name
    page.get_by_role("link", name="studies", exact=True).first.click()
    page.get_by_role("heading", name="studies", exact=True).wait_for()
    yield "one table"
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="SQL").click()
    page.get_by_label("Query").fill("SELECT study_id, title FROM studies ORDER BY 1 LIMIT 7")
    page.get_by_role("button", name="Show").click()
    page.get_by_text("7 rows").wait_for()
    yield "sql"


def test_a_new_user_gets_everywhere(visit: Visit) -> None:
    reached = []
    for name in _walk(visit):
        visit.check()
        reached.append(name)
    assert len(reached) == 13


def test_pages_need_no_script(browser: Any, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    context.set_default_timeout(PATIENCE)
    reached = list(_walk(Visit(context.new_page(), address)))
    context.close()
    assert len(reached) == 13


def test_nothing_serious_stands_in_the_way_of_anyone(visit: Visit) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    checker = axe.Axe()
    found = {}
    for name in _walk(visit):
        visit.page.wait_for_load_state()  # colours come with the style sheet
        violations = checker.run(visit.page).response["violations"]
        serious = [one for one in violations if one["impact"] in ("serious", "critical")]
        found |= {f"{name}: {one['id']}": [node["html"][:200] for node in one["nodes"][:3]] for one in serious}
    assert found == {}


def _walk_forecasts(visit: Visit) -> Iterator[str]:
    """From a draft that is uploaded to its forecast, a comparison, a batch, and nothing left."""
    page = visit.page
    draft = {"name": "asthma.yaml", "mimeType": "application/yaml", "buffer": template().encode()}
    visit.go("/")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="Outcome").click()
    page.get_by_role("heading", name="Outcome of a planned trial").wait_for()
    yield "outcome"
    page.get_by_label("Trials: choose files, or drag them here").set_input_files([draft])
    page.get_by_role("button", name="Forecast").click()
    page.get_by_role("heading", name="What moved it").wait_for(timeout=60_000)
    yield "forecast"
    box = page.get_by_label("Change the draft, and see what that changes")
    box.fill(box.input_value().replace("masking: DOUBLE", "masking: NONE"))
    page.get_by_role("button", name="Compare").click()
    page.get_by_text("second less first").first.wait_for(timeout=60_000)
    yield "comparison"
    page.get_by_role("link", name="Outcome").first.click()
    page.get_by_label("Trials: choose files, or drag them here").set_input_files(
        [draft, draft, {"name": "notes.txt", "mimeType": "text/plain", "buffer": b"No trial."}]
    )
    page.get_by_role("button", name="Forecast").click()
    page.get_by_text("2 forecast, 1 could not be read").wait_for(timeout=60_000)
    yield "batch"
    page.get_by_role("link", name="Outcome").first.click()
    yield "uploads"
    page.get_by_role("button", name="Delete all uploads").click()
    page.get_by_role("heading", name="Outcome of a planned trial").wait_for()
    assert page.get_by_role("heading", name="Uploads").count() == 0


def test_a_draft_is_forecast_compared_and_deleted(visit: Visit) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    checker = axe.Axe()
    found, reached = {}, []
    for name in _walk_forecasts(visit):
        visit.check()
        reached.append(name)
        visit.page.wait_for_load_state()  # colours come with the style sheet
        violations = checker.run(visit.page).response["violations"]
        serious = [one for one in violations if one["impact"] in ("serious", "critical")]
        found |= {f"{name}: {one['id']}": [node["html"][:200] for node in one["nodes"][:3]] for one in serious}
    assert found == {}
    assert len(reached) == 5


def test_a_forecast_needs_no_script(browser: Any, address: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    context.set_default_timeout(PATIENCE)
    reached = list(_walk_forecasts(Visit(context.new_page(), address)))
    context.close()
    assert len(reached) == 5


def test_a_download_is_a_file_and_the_keyboard_reaches_the_content(visit: Visit) -> None:
    visit.go("/sql")
    visit.page.get_by_label("Query").fill("SELECT 1 AS one")
    with visit.page.expect_download() as download:
        visit.page.get_by_role("button", name="CSV").click()
    assert download.value.suggested_filename == "sql.csv"
    assert download.value.path().read_bytes() == b"one\r\n1\r\n"
    visit.go("/dictionary")
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.activeElement.className") == "skip"
    visit.page.keyboard.press("Enter")
    assert visit.page.evaluate("document.activeElement.id") == "content"
    visit.check()


def test_a_page_prints_without_its_menus(visit: Visit) -> None:
    visit.go("/")
    visit.page.emulate_media(media="print")
    assert not visit.page.get_by_role("navigation", name="Pages").is_visible()
    assert visit.page.get_by_role("heading", name="Sources").is_visible()
    assert visit.page.get_by_text("FICTIONAL").first.is_visible()
