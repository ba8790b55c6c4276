"""Takes the pictures of the documents from today's page: `make pictures`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from integration_tests.browser import FLAGS, PATIENCE_MS, chromium

PROJECT = Path(__file__).parents[1]
DOCS = PROJECT / "docs"
SAMPLES = PROJECT / "samples"
SIZE = {"width": 1200, "height": 860}
JPEG_QUALITY = 82
# The picture that the viewer shows: a face, an object with a frame, and several labels.
IN_THE_VIEWER = "astronaut.jpg"


def labelstack(folder: Path, *arguments: str | Path) -> str:
    """Run the command on an embedded cloud in a folder of its own; return its output."""
    command = [sys.executable, "-m", "labelstack", *map(str, arguments), "--state-dir", str(folder)]
    return subprocess.run(command, cwd=PROJECT, check=True, stdout=subprocess.PIPE, text=True).stdout


def take(page: Page, name: str) -> None:
    """Write a screenshot of the page as docs/<name>."""
    with tempfile.TemporaryDirectory() as folder:
        png = Path(folder) / "page.png"
        page.screenshot(path=png, animations="disabled")  # which shows their ends
        Image.open(png).convert("RGB").save(DOCS / name, quality=JPEG_QUALITY, progressive=True)
    print(f"docs/{name}")  # noqa: T201  # what the make target has written


def take_all(browser: Browser, url: str) -> None:
    """Take the gallery with all samples, then one picture in the viewer."""
    page = browser.new_page(viewport=SIZE)  # type: ignore[arg-type]  # Playwright's own type of a viewport
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    page.goto(url)
    expect(page.locator("#grid li.card")).to_have_count(sum(p.suffix in (".jpg", ".png") for p in SAMPLES.iterdir()))
    page.wait_for_load_state("networkidle")
    take(page, "page.jpg")
    page.locator("#grid li.card", has_text=IN_THE_VIEWER).locator("button.open").click()
    expect(page.locator("#viewer img").first).to_be_visible()
    page.mouse.move(0, 0)  # away from what it would highlight
    page.wait_for_load_state("networkidle")
    take(page, "picture.jpg")


def main() -> None:
    """Deploy the stack, label the samples, take the pictures, and take everything down."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        labelstack(folder, "up")
        try:
            labelstack(folder, "upload", SAMPLES, "--wait")
            url = json.loads(labelstack(folder, "outputs", "--json"))["websiteUrl"]
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
                take_all(browser, url)
                browser.close()
        finally:
            labelstack(folder, "down")


if __name__ == "__main__":
    main()
