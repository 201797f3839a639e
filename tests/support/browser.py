"""A real browser: headless Chromium, in which nothing fails and which asks for nothing elsewhere."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.pages import DOCS

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_CHROMIUM = shutil.which("chromium")
_QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
#: Milliseconds: how long it looks for what must appear.
_PATIENCE = 30_000

needs_chromium = pytest.mark.skipif(_CHROMIUM is None, reason="chromium is not here (Debian: apt-get install chromium)")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for the tests of a file."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - heavy, and not needed where there is no browser

    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=_CHROMIUM, args=_QUIET)
        yield found
        found.close()


@contextmanager
def opened(browser: Browser, address: str, *, scheme: str = "light", width: int = 1280) -> Iterator[Page]:
    """A page in a profile of its own."""
    context = browser.new_context(color_scheme=scheme, viewport={"width": width, "height": 900})  # type: ignore[arg-type] # a word of theirs
    page = context.new_page()
    page.set_default_timeout(_PATIENCE)
    asked, failed = list[str](), list[str]()
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda found: asked.append(found.url.replace("ws:", "http:")))
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.goto(address)
    yield page
    base = "/".join(address.split("/")[:3])
    assert asked
    assert not [url for url in asked if not url.startswith((base, "data:", "blob:"))]
    assert not failed
    context.close()


def picture(page: Page, name: str, directory: Path) -> None:
    """Of the whole page; one of the docs, if RTPIPE_PICTURES is set."""
    folder = DOCS if os.environ.get("RTPIPE_PICTURES") else directory
    page.screenshot(path=folder / f"page-{name}.png", full_page=True)
