"""The front: warm API calls, search in a small and in a large table, the page's weight and speed, picture to labels."""

from __future__ import annotations

import base64
import contextlib
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from benchmarks.report import Figure, Report
from integration_tests.api import ApiClient, Reply
from integration_tests.browser import DROP, Visitor, browsing, chromium
from integration_tests.pictures import picture
from integration_tests.stack import DeployedStack
from labelstack.clouds import EmbeddedCloud
from labelstack.engines import InProcessEngine

PROJECT = Path(__file__).parent.parent
CALLS = 40
DROPS = 10
TABLE_SIZES = (1_000, 10_000)
# `Heron` is on the first 100 pictures, `Common` on all.
FOUND = 100
SEARCHES: dict[str, dict[str, str | list[str]]] = {
    "search by a label on 100": {"label": "Heron"},
    "search by a label on 100, surest first": {"label": "Heron", "order": "confidence"},
    "search by two labels": {"label": ["Common", "Heron"]},
    "search by a label on all": {"label": "Common"},
    "search by a label on all, surest first": {"label": "Common", "order": "confidence"},
    "gallery": {},
}
SEARCH_MS, GROWTH = 150, 1.5


def measure() -> Report:
    """Start an embedded cloud, deploy the project's program, and use its API and its page."""
    with (
        tempfile.TemporaryDirectory(prefix="labelstack-bench-") as folder,
        EmbeddedCloud.start(Path(folder) / "embedded") as cloud,
    ):
        engine = InProcessEngine(PROJECT, cloud, Path(folder) / "stacks")
        stack = DeployedStack(cloud, engine.up("local").outputs)
        figures = [*_page(stack), *_calls(stack), *_searches(stack)]
        engine.destroy("local")
    return Report("api", [*figures, Figure("load of the machine in the last minute", os.getloadavg()[0], "")])


# --- the API


def _median_ms(ask: Callable[[], Reply], times: int = CALLS) -> float:
    """Return the median of several answers, in milliseconds, after one that warms everything up."""
    taken = []
    for number in range(times + 1):
        started = time.perf_counter()
        reply = ask()
        taken.append((time.perf_counter() - started) * 1000)
        assert reply.status == 200, reply
        if number == 0:
            taken.clear()
    return statistics.median(taken)


def _calls(stack: DeployedStack) -> Iterator[Figure]:
    api = ApiClient(stack.outputs["apiUrl"])
    key = api.upload(picture("bench api"))
    api.wait_for_result(key)
    calls: dict[str, Callable[[], Reply]] = {
        "generate-upload-url": lambda: api.post(
            "/generate-upload-url", {"fileName": "a.jpg", "contentType": "image/jpeg", "sizeBytes": 100}
        ),
        "result": lambda: api.get("/result", {"key": key}),
        "image-url": lambda: api.get("/image-url", {"key": key}),
        "labels": lambda: api.get("/labels"),
    }
    for name, ask in calls.items():
        yield Figure(f"{name}, p50", _median_ms(ask), "ms", at_most=60, note=f"{CALLS} calls, one after the other")


# --- search


def _searches(stack: DeployedStack) -> Iterator[Figure]:
    """Yield the time of each search in tables of several sizes; it must not grow with the size."""
    api = ApiClient(stack.outputs["apiUrl"])
    medians: dict[str, list[float]] = {name: [] for name in SEARCHES}
    filled = 0
    for size in TABLE_SIZES:
        _fill(stack, filled, size)
        filled = size
        for name, query in SEARCHES.items():
            medians[name].append(_median_ms(partial(api.get, "/images", query), times=20))
    for name, (small, large) in medians.items():
        yield Figure(f"{name}, among {TABLE_SIZES[0]:,}, p50", small, "ms", at_most=SEARCH_MS)
        yield Figure(f"{name}, among {TABLE_SIZES[1]:,}, p50", large, "ms", at_most=SEARCH_MS)
        yield Figure(f"{name}, growth", large / small, "x", at_most=GROWTH, note="ten times as many pictures")


def _fill(stack: DeployedStack, first: int, end: int) -> None:
    """Put results into the table as the pipeline writes them: an image item and an entry for each label."""
    client, table = stack.client("dynamodb"), str(stack.outputs["resultsTable"])
    batch: list[dict[str, Any]] = []
    for number in range(first, end):
        batch += [{"PutRequest": {"Item": item}} for item in _items(number)]
        if len(batch) > 20 or number == end - 1:
            _write(client, table, batch)
            batch = []
    # The counters, by which a search by several labels takes the rarest one first.
    counters = {"pk": "LABELCOUNTS", "sk": "uploads/#00", "n:Common": end, "n:Heron": min(end, FOUND), "s:LABELED": end}
    wire = {name: {"S": value} if isinstance(value, str) else {"N": str(value)} for name, value in counters.items()}
    client.put_item(TableName=table, Item=wire)


def _write(client: Any, table: str, batch: list[dict[str, Any]]) -> None:
    left = client.batch_write_item(RequestItems={table: batch})["UnprocessedItems"]
    assert not left, "an emulator takes all there is"


def _items(number: int) -> Iterator[dict[str, Any]]:
    """Yield the items of picture `number`, with labels of its own beside those of the searches."""
    key = f"uploads/{number:032x}/bench.jpg"
    at = f"2026-01-{1 + number // 86_400:02}T{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}.000Z"
    names = ["Common", *(["Heron"] if number < FOUND else []), f"Label {number % 100}"]
    labels = {name: f"{70 + (number * 31 + place * 7) % 3000 / 100:.4f}" for place, name in enumerate(names)}
    yield {
        "pk": {"S": f"IMAGE#{key}"},
        "sk": {"S": "META"},
        "gsi2pk": {"S": "STATUS#LABELED"},
        "gsi2sk": {"S": f"{at}#{key}"},
        "key": {"S": key},
        "bucket": {"S": "bench"},
        "status": {"S": "LABELED"},
        "processedAt": {"S": at},
        "sequencer": {"S": f"{number:064X}"},
        "eventTime": {"S": at},
        "labels": {"L": [{"M": {"name": {"S": name}, "confidence": {"N": sure}}} for name, sure in labels.items()]},
    }
    for name, sure in labels.items():
        partition = {"S": f"LABEL#{name.lower()}"}
        yield {
            "pk": {"S": f"IMAGE#{key}"},
            "sk": partition,
            "gsi1pk": partition,
            "gsi1sk": {"S": f"{sure:0>8}#{key}"},
            "gsi2pk": partition,
            "gsi2sk": {"S": f"{at}#{key}"},
            "key": {"S": key},
            "label": {"S": name},
            "confidence": {"N": sure},
            "processedAt": {"S": at},
        }


# --- the page


def _page(stack: DeployedStack) -> list[Figure]:
    path = chromium()
    if path is None:
        return [Figure("the page", math.nan, "", note="not measured: no Chromium on this machine")]
    url = str(stack.outputs["websiteUrl"])
    with browsing(path) as browser:
        interactive = []
        for _ in range(5):
            visitor = Visitor(browser)
            visitor.page.goto(url)
            interactive.append(_interactive_s(visitor.page))
            weight = _weight_kb(visitor.page)
            visitor.context.close()
        visitor = Visitor(browser)
        visitor.page.goto(url)
        _interactive_s(visitor.page)
        seconds = [_drop_to_labels_s(visitor.page, number) for number in range(DROPS + 1)][1:]
        assert visitor.errors == [], visitor.errors
        visitor.context.close()
    return [
        Figure("page, without pictures", weight, "kB", at_most=90, note="all that the first visit loads, uncompressed"),
        Figure("page interactive, p50", statistics.median(interactive), "s", at_most=0.5, note="empty browser cache"),
        Figure(
            "dropped to labels on screen, p50", statistics.median(seconds), "s", at_most=2, note="640 x 480, one each"
        ),
        Figure("dropped to labels on screen, slowest", max(seconds), "s"),
    ]


def _interactive_s(page: Page) -> float:
    """Return the seconds from the request of the page until it takes files (it writes the limits when it is ready)."""
    expect(page.locator("#limits")).not_to_be_empty()  # the page's policy forbids what `wait_for_function` does
    now: float = page.evaluate("performance.now()")
    return now / 1000


def _weight_kb(page: Page) -> float:
    page.wait_for_load_state("networkidle")
    weight: float = page.evaluate(
        """() => ["navigation", "resource"].flatMap((type) => performance.getEntriesByType(type))
            .filter((entry) => new URL(entry.name).origin === location.origin)
            .reduce((sum, entry) => sum + entry.decodedBodySize, 0)"""
    )
    return weight / 1000


def _drop_to_labels_s(page: Page, number: int) -> float:
    name = f"drop-{number}.jpg"
    content = base64.b64encode(picture(f"bench drop {number}", width=640, height=480)).decode()
    row = page.locator("#upload-list > li").filter(has_text=name)
    started = time.perf_counter()
    page.evaluate(DROP, [{"name": name, "type": "image/jpeg", "base64": content}])
    with contextlib.suppress(AssertionError):  # the state says more than a time-out
        expect(row).to_have_attribute("data-state", "done")
    taken = time.perf_counter() - started
    assert row.get_attribute("data-state") == "done", row.text_content()
    return taken
