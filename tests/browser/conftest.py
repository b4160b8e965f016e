"""Chromium, driven through Playwright; where there is none, these tests are skipped and say why."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from promptlathe.evaluation.html import render_html
from tests.conftest import Run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for the whole session: while Playwright is open, nothing else can run an event loop."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


OpenReport = Callable[..., Page]


@pytest.fixture
def open_report(browser: Browser, tmp_path: Path) -> Iterator[OpenReport]:
    """open_report(run, "filter=flips", width=390) -> its page; nothing may go wrong in it or leave it."""
    context = browser.new_context(locale="en-GB")
    troubles: list[str] = []

    def open_page(run: Run, state: str = "", *, width: int = 1280, script: str = "") -> Page:
        page = context.new_page()
        page.set_viewport_size({"width": width, "height": 900})
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: troubles.append(dialog.message))
        page.on(
            "request", lambda request: troubles.append(request.url) if ".html" not in request.url else None
        )
        if script:
            page.add_init_script(script)
        path = tmp_path / "report.html"
        path.write_text(render_html(run.summary, run.cases, run.prompts, run.rows), "utf-8", "replace")
        page.goto(f"{path.as_uri()}#{state}")
        page.wait_for_selector("#problem:not([hidden])" if script else "#filters:not([hidden])")
        return page

    yield open_page
    context.close()
    assert troubles == []
