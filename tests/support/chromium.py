"""Chromium for the tests, driven by Playwright, kept from the network."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, WebError

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
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=_PATIENCE_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=list(_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def open_window(browser: "Browser") -> Iterator["BrowserContext"]:
    """Open a window that stays: a new one for each test takes longer than most tests take on their page."""
    window = browser.new_context()
    window.set_default_timeout(_PATIENCE_MS)
    window.new_page()  # with its last page it would close
    try:
        yield window
    finally:
        window.close()


@contextmanager
def fresh_page(window: "BrowserContext") -> Iterator["Page"]:
    """Open a page with no cookies; what its scripts and its security policy complain of fails the test."""
    complaints: list[str] = []

    def hear_error(error: "WebError") -> None:
        complaints.append(str(error.error))

    def hear_message(message: "ConsoleMessage") -> None:
        complaints.extend(_complaint(message))

    window.on("weberror", hear_error)
    window.on("console", hear_message)
    first, *_ = window.pages
    try:
        yield window.new_page()
    finally:
        for page in window.pages:
            if page != first:
                page.close()
        window.remove_listener("weberror", hear_error)
        window.remove_listener("console", hear_message)
        _forget(first)

    assert not complaints, f"The browser complained: {complaints}"


def _forget(page: "Page") -> None:
    """Remove whatever pages have left behind in their window: cookies, what they stored, what is cached."""
    page.context.clear_cookies()
    page.context.clear_permissions()
    session = page.context.new_cdp_session(page)
    session.send("Storage.clearDataForOrigin", {"origin": "*", "storageTypes": "all"})
    session.detach()


def _complaint(message: "ConsoleMessage") -> list[str]:
    """Return an error on the console, but for a page or a file that the server refused: a test may want that."""
    refused = "the server responded with a status of"
    return [message.text] if message.type == "error" and refused not in message.text else []
