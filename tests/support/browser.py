"""A real Chromium, which reaches this machine and nothing else."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Page, sync_playwright

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
def page(**options: object) -> Iterator[Page]:
    """Open a page in a fresh profile; `options` are those of a playwright context."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "Chromium is not installed; 'make test' says how to get it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=list(FLAGS))
        try:
            opened = browser.new_page(**options)  # type: ignore[arg-type]
            opened.set_default_timeout(10_000)
            yield opened
        finally:
            browser.close()
