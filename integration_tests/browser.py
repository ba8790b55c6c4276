"""The system's Chromium, and visitors that record a page's errors."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Error, Page, Request, expect, sync_playwright

from integration_tests.stack import wait_for
from labelstack.diagnosis.machine import BROWSERS

FLAGS = [
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Chromium's own sandbox does not start for root, which is what containers and many CI machines run as.
    "--no-sandbox",
    # Chromium's own checks of who may ask this machine are not in every browser that people use.
    "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests",
    # LocalStack's names for web sites are all this machine, but not every resolver knows. Names below `test` are
    # strangers', who let them lead to this machine.
    "--host-resolver-rules=MAP *.localhost.localstack.cloud 127.0.0.1, MAP *.test 127.0.0.1",
]
# Chromium drops what it is loading when Docker gives a new container a network interface. The page does not cause that.
NOT_THE_PAGE = "net::ERR_NETWORK_CHANGED"
# The page cannot run without these, so it cannot request them again.
PARTS_OF_THE_PAGE = frozenset({"document", "script", "stylesheet"})
PATIENCE_MS = 60_000  # for busy machines; it costs no time when all is there
DROP = """(files) => {
    const data = new DataTransfer();
    for (const { name, type, base64 } of files) {
        const bytes = Uint8Array.from(atob(base64), (sign) => sign.charCodeAt(0));
        data.items.add(new File([bytes], name, { type }));
    }
    const options = { dataTransfer: data, bubbles: true, cancelable: true };
    for (const kind of ["dragover", "drop"]) document.body.dispatchEvent(new DragEvent(kind, options));
}"""


def chromium() -> str | None:
    """Return the path of the system's Chromium or Chrome."""
    return os.environ.get("LABELSTACK_CHROMIUM") or next(filter(None, map(shutil.which, BROWSERS)), None)


def required_chromium() -> str:
    """Return the path of the system's Chromium.

    Without it the test is skipped, or fails in CI, which can install it.
    """
    path = chromium()
    if path:
        return path
    missing = "no Chromium on this machine: run `make browser` as root, or name one in LABELSTACK_CHROMIUM"
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)


@contextmanager
def browsing(path: str, patience_ms: int = PATIENCE_MS) -> Iterator[Browser]:
    """Yield a headless browser. Deploy before: while it runs, nobody else in this thread may start an event loop."""
    expect.set_options(timeout=patience_ms)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        try:
            yield running
        finally:
            running.close()


Visit = Callable[..., "Visitor"]


class Visitor:
    """One browser window, with its own storage unless it is in a shared context, and its errors."""

    def __init__(
        self,
        browser: Browser,
        *,
        patience_ms: int = PATIENCE_MS,
        shared: BrowserContext | None = None,
        **options: Any,
    ) -> None:
        self.context = shared or browser.new_context(reduced_motion="reduce", **options)
        self.page: Page = self.context.new_page()
        self.errors: list[str] = []
        self._patience_s = patience_ms / 1000
        self._cut_off = False
        self.page.on("requestfailed", self._on_failed)
        self.page.set_default_timeout(patience_ms)
        self.page.on("console", self._on_console)
        self.page.on("pageerror", self._on_error)
        self.page.on("dialog", lambda dialog: self.errors.append(f"a dialog: {dialog.message}"))

    def open(self, url: str) -> None:
        """Open the page, and wait until it takes files and questions, or says why it cannot."""
        ready = self.page.locator("#limits:not(:empty), #empty:not([hidden])")
        self._load(url)

        def is_ready() -> bool:
            if self._cut_off:
                self._load(url)
            return ready.count() > 0

        wait_for(f"the page at {url}", is_ready, bool, self._patience_s)

    def _load(self, url: str) -> None:
        self._cut_off = False
        try:
            self.page.goto(url)
        except Error as error:
            if NOT_THE_PAGE not in error.message:
                raise
            self._cut_off = True

    def _on_failed(self, request: Request) -> None:
        self._cut_off |= request.failure == NOT_THE_PAGE and request.resource_type in PARTS_OF_THE_PAGE

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and NOT_THE_PAGE not in message.text:
            self.errors.append(message.text)

    def _on_error(self, error: Error) -> None:
        self.errors.append(str(error))

    def forgive(self, part: str) -> None:
        """Forget errors that the test has provoked; there must have been some."""
        left = [error for error in self.errors if part not in error]
        assert len(left) < len(self.errors), f"no error with {part!r} among {self.errors}"
        self.errors = left


@contextmanager
def visiting(browser: Browser, *, patience_ms: int = PATIENCE_MS) -> Iterator[Visit]:
    """Yield a function that opens a page: visit(url, script="", **options of the browser context).

    `script` runs before the page's. Visits without options share a context, so that the browser keeps the page's files;
    afterwards it is empty but for these. An error of a page that its test has not forgiven fails the test.
    """
    shared = browser.contexts[0] if browser.contexts else browser.new_context(reduced_motion="reduce")
    visitors: list[Visitor] = []

    def visit(url: str, script: str = "", **options: Any) -> Visitor:
        visitor = Visitor(browser, patience_ms=patience_ms, shared=None if options else shared, **options)
        visitors.append(visitor)
        visitor.page.add_init_script(script)
        visitor.open(url)
        return visitor

    yield visit
    for visitor in visitors:
        if visitor.context is not shared:
            visitor.context.close()
    _empty(shared)
    assert [visitor.errors for visitor in visitors if visitor.errors] == []


def _empty(context: BrowserContext) -> None:
    for page in context.pages:
        everywhere = {"origin": "*", "storageTypes": "local_storage"}
        context.new_cdp_session(page).send("Storage.clearDataForOrigin", everywhere)
        page.close()
    context.set_offline(False)
    context.clear_permissions()
