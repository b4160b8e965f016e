"""The certificate's page in a real browser: both languages, small screens, and nothing that acts in it."""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from promptlathe.evaluation.numerals import percent
from promptlathe.evaluation.plan import StoredPrompt
from promptlathe.optimization.certificate import Certificate
from promptlathe.optimization.certificate_page import certificate_html
from tests.optimization.simulated_search import search

VERDICT = {"en": "Proven: it is better.", "zh": "已证明：更好。"}
ATTACK = "<script>document.title='owned'</script><img src=x onerror=alert(1)>"
OpenPage = Callable[..., Page]


@pytest.fixture(scope="module")
def certificate() -> Certificate:
    """Made in a thread of its own: Playwright keeps this one's event loop."""
    work = search(3, lambda text: 0.9 if "Rule number 2" in text else 0.5)
    with ThreadPoolExecutor() as pool:
        return pool.submit(asyncio.run, work).result().certificate


@pytest.fixture
def open_certificate(browser: Browser, tmp_path: Path) -> Iterator[OpenPage]:
    context = browser.new_context(locale="en-GB")
    troubles: list[str] = []

    def open_page(certificate: Certificate, *, width: int = 1280) -> Page:
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": 900})
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: troubles.append(dialog.message))
        path = tmp_path / "certificate.html"
        path.write_text(certificate_html(certificate, VERDICT), "utf-8")
        page.goto(path.as_uri())
        return page

    yield open_page
    context.close()
    assert troubles == []


def test_it_shows_the_numbers_and_switches_language_and_theme(
    open_certificate: OpenPage, certificate: Certificate
) -> None:
    page = open_certificate(certificate)
    assert page.locator("h1").inner_text() == VERDICT["en"]
    for share in certificate.claims["accuracy"].values():
        assert percent(share["accuracy"]) in page.locator("main").inner_text()
    page.click("#language")
    assert page.locator("h1").inner_text() == VERDICT["zh"]
    assert "可以去掉" in page.locator("main").inner_text()
    page.click("#theme")
    page.reload()
    assert page.locator("h1").inner_text() == VERDICT["zh"]
    assert page.locator("html").get_attribute("data-theme") in ("light", "dark")


@pytest.mark.parametrize("width", [390, 1280])
def test_no_sideways_scrolling_and_no_known_barrier(
    open_certificate: OpenPage, certificate: Certificate, width: int
) -> None:
    page = open_certificate(certificate, width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_a_prompt_cannot_act(open_certificate: OpenPage, certificate: Certificate) -> None:
    prompts = tuple(StoredPrompt(name=one.name, text=ATTACK) for one in certificate.prompts)
    page = open_certificate(certificate.model_copy(update={"prompts": prompts}))
    assert "owned" not in page.title()
    assert ATTACK in page.locator("details[open] pre").first.inner_text()
