"""Chromium for the tests, driven by Playwright, kept from the network."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A page that reaches for another host finds none, here as on a machine without a network.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
_PATIENCE_MS = 15_000


def find_chromium() -> str | None:
    """Return the path of the browser that the machine has, if it has one."""
    return next((found for name in _NAMES if (found := shutil.which(name))), None)


@contextmanager
def running_browser(executable: str) -> Iterator["Browser"]:
    """Run a headless browser."""
    # Playwright takes a fifth of a second to import, which only the tests with a browser should pay.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def fresh_page(browser: "Browser") -> Iterator["Page"]:
    """Open a page with no cookies; what its scripts and its security policy complain of fails the test."""
    complaints: list[str] = []
    context = browser.new_context()
    context.set_default_timeout(_PATIENCE_MS)
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on("console", lambda message: complaints.extend(_complaint(message)))
    try:
        yield context.new_page()
    finally:
        context.close()

    assert not complaints, f"The browser complained: {complaints}"


def _complaint(message: "ConsoleMessage") -> list[str]:
    """Return an error on the console, but for a page or a file that the server refused: a test may want that."""
    refused = "the server responded with a status of"
    return [message.text] if message.type == "error" and refused not in message.text else []
