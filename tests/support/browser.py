"""A real Chromium, which reaches this machine and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, sync_playwright

FLAGS = (
    "--no-sandbox",  # which does not work for root
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * 127.0.0.1",
)


@contextmanager
def running() -> Iterator[Browser]:
    """Start one, which takes longer than most tests."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "Chromium is not installed; 'make test' says how to get it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def page_of(browser: Browser, **options: object) -> Iterator[Page]:
    """Open a page in a fresh profile; `options` are those of a playwright context."""
    with browser.new_context(**options) as profile:  # type: ignore[arg-type]
        opened = profile.new_page()
        opened.set_default_timeout(10_000)
        yield opened


@contextmanager
def page(**options: object) -> Iterator[Page]:
    """Open a page of a browser of its own."""
    with running() as browser, page_of(browser, **options) as opened:
        yield opened
