"""A browser, the double and a page; the page fails the test when it logs an error or throws."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page
from starlette.types import ASGIApp, Receive, Scope, Send

from integration_tests.browser import Visit, Visitor, browsing, required_chromium, visiting
from tests.serving import served

from .double import Double, application

SAMPLES = Path(__file__).parents[2] / "samples"
PATIENCE_MS = 20_000  # for busy machines; it costs no time when all is there


# One browser for this folder only: while Playwright runs, no other test may start an event loop of its own.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Yield a headless browser."""
    with browsing(required_chromium(), PATIENCE_MS) as running:
        yield running


@pytest.fixture
def double() -> Double:
    """Return the state of the service."""
    return Double()


class Server:
    """One address for all tests' applications, so that the browser keeps the page's files."""

    def __init__(self) -> None:
        self.url = ""
        self.application: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the test's application answer."""
        await self.application(scope, receive, send)


@pytest.fixture(scope="package")
def server() -> Iterator[Server]:
    """Yield the server."""
    running = Server()
    with served(running) as running.url:
        yield running


@pytest.fixture
def site(server: Server, double: Double) -> str:
    """Return the page's address."""
    server.application = application(double)
    return server.url


@pytest.fixture
def visit(browser: Browser, site: str) -> Iterator[Visit]:
    """Open the page: visit(path="", script="", **options of the browser context); `script` runs before the page's."""
    with visiting(browser, patience_ms=PATIENCE_MS) as visit_url:
        yield lambda path="", script="", **options: visit_url(f"{site}/{path}", script, **options)


@pytest.fixture
def visitor(visit: Visit) -> Visitor:
    """Return the page, opened."""
    return visit()


@pytest.fixture
def page(visitor: Visitor) -> Page:
    """Return the opened page's handle."""
    return visitor.page


def sample(name: str) -> bytes:
    """Return one of the real pictures in samples/."""
    return (SAMPLES / name).read_bytes()


def plain_picture(width: int = 120, height: int = 90, kind: str = "PNG") -> bytes:
    """Return a small picture of one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (180, 90, 40)).save(buffer, kind)
    return buffer.getvalue()


def upload_of(name: str, content: bytes | None = None, mime: str = "image/png") -> Any:
    """Return a file for `set_input_files`."""
    return {"name": name, "mimeType": mime, "buffer": plain_picture() if content is None else content}


PHONE: Any = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


class Touch:
    """A finger, or several, on a page's screen."""

    def __init__(self, page: Page) -> None:
        self._session = page.context.new_cdp_session(page)

    def _send(self, kind: str, *points: tuple[float, float]) -> None:
        self._session.send(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]}
        )

    def down(self, *points: tuple[float, float]) -> None:
        """Touch the screen here."""
        self._send("touchStart", *points)

    def move(self, *points: tuple[float, float]) -> None:
        """Move the fingers, all of them, to here."""
        self._send("touchMove", *points)

    def up(self) -> None:
        """Take all fingers away."""
        self._send("touchEnd")


def middle(locator: Locator) -> tuple[float, float]:
    """Return the middle of an element on the screen."""
    box = locator.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
