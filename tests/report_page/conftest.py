"""A real browser, and pages in it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.report_page.browser import ARGUMENTS, executable, problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

    Open = Callable[..., "Opened"]


@dataclass
class Opened:
    """A page in a browser.

    Attributes:
        page: Playwright's.
        requests: Every address it asked for, its own included.
        complaints: Every error, warning and breach of the policy that the browser wrote down.
    """

    page: Page
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Note what happens from now on."""

        def request(told: Request) -> None:
            self.requests.append(told.url)

        def console(told: ConsoleMessage) -> None:
            self.complaints.append(f"{told.type}: {told.text}")

        self.page.on("request", request)
        self.page.on("console", console)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A Chromium; a test that asks for it is skipped where there is none."""
    missing = problem()
    if missing is not None:
        # CI installs one: there a missing one is a failure.
        (pytest.fail if os.environ.get("ECR_CLEANER_REQUIRE_BROWSER") else pytest.skip)(missing)
    # How soon something shows says more of the machine than of the page.
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=executable(), args=list(ARGUMENTS))
        yield launched
        launched.close()


@pytest.fixture
def opened(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    """Opens a page from disk, as whoever downloaded it does, and waits until it is complete."""
    contexts = []

    def open_page(html: bytes, *, wait: str = "html[data-ready]", **options: Any) -> Opened:
        file = tmp_path / "report.html"
        file.write_bytes(html)
        options.setdefault("viewport", {"width": 1280, "height": 900})
        # Nothing outside of this machine could be reached in any case.
        context = browser.new_context(offline=True, **options)
        contexts.append(context)
        made = Opened(context.new_page())
        made.listen()
        made.page.goto(file.as_uri())
        made.page.wait_for_selector(wait, state="attached", timeout=60_000)
        return made

    yield open_page
    for context in contexts:
        context.close()
