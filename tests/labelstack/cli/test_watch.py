"""`watch`: results as they arrive."""

from __future__ import annotations

import json
from itertools import islice

import pytest

from labelstack.cli import results as watching
from labelstack.cli.results import arrivals
from tests.labelstack.cli.conftest import Run
from tests.labelstack.cli.fakes import FakeBackend, FakeResults, make_result


def at(second: int, key: str) -> str:
    return f"2026-11-21T10:00:{second:02}.000Z"


def put(table: FakeResults, second: int, key: str) -> None:
    table.put(make_result(key, processedAt=at(second, key)))


def no_sleep(_: float) -> None:
    """Let time pass by itself."""


@pytest.fixture
def table() -> FakeResults:
    return FakeResults()


def keys(table: FakeResults, count: int, recent: int = 10) -> list[str]:
    return [result["key"] for result in islice(arrivals(table, recent, no_sleep), count)]


def test_begins_with_the_recent_ones_oldest_first(table: FakeResults) -> None:
    for second, key in enumerate("abc"):
        put(table, second, key)
    assert keys(table, 2, recent=2) == ["b", "c"]


def test_goes_on_with_what_arrives(table: FakeResults) -> None:
    put(table, 0, "a")
    table.arriving = [make_result(key, processedAt=at(5, key)) for key in "bcd"]
    assert keys(table, 3, recent=0) == ["b", "c", "d"]


def test_a_burst_larger_than_a_page_is_shown_whole(table: FakeResults) -> None:
    put(table, 0, "first")
    results = arrivals(table, 1, no_sleep)
    assert next(results)["key"] == "first"
    for number in range(3 * watching.WATCHED_PAGE):
        put(table, 1, f"burst-{number}")
    assert [result["key"] for result in islice(results, 150)] == [f"burst-{number}" for number in range(150)]


def test_a_new_version_of_a_known_key_is_shown_again(table: FakeResults) -> None:
    put(table, 0, "a")
    table.arriving = [make_result("a", "REJECTED", processedAt=at(3, "a"))]
    statuses = [result["status"] for result in islice(arrivals(table, 10, no_sleep), 2)]
    assert statuses == ["LABELED", "REJECTED"]


def test_old_results_do_not_arrive_when_newer_ones_are_deleted(table: FakeResults) -> None:
    for number in range(watching.WATCHED_PAGE + 5):
        put(table, number // 2, f"old-{number}")
    results = arrivals(table, 0, no_sleep)
    table.arriving = [make_result("new", processedAt=at(59, "new"))]
    assert next(results)["key"] == "new"
    table.stored = dict(list(table.stored.items())[:5])
    table.arriving = [make_result("newer", processedAt=at(59, "newer"))]
    assert next(results)["key"] == "newer"


def test_memory_is_bounded(table: FakeResults, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "REMEMBERED", watching.WATCHED_PAGE)
    table.arriving = [make_result(f"n{number}", processedAt=at(1, "")) for number in range(100)]
    assert len(set(keys(table, 100, recent=0))) == 100


def test_prints_a_line_for_each(run: Run, backend: FakeBackend) -> None:
    put(backend.table, 1, "uploads/a.jpg")
    backend.table.put(make_result("uploads/b.jpg", "REJECTED", processedAt=at(2, "b")))
    done = run("watch", "--count", "2")
    assert done.exit_code == 0
    first, second = done.stdout.replace("\N{NO-BREAK SPACE}", " ").splitlines()
    assert first == "LABELED  uploads/a.jpg  Cat 98.8%"
    assert second.startswith("REJECTED  uploads/b.jpg  NOT_AN_IMAGE")


def test_prints_json_lines(run: Run, backend: FakeBackend) -> None:
    put(backend.table, 1, "uploads/a.jpg")
    assert json.loads(run("watch", "--count", "1", "--json").stdout)["key"] == "uploads/a.jpg"


def test_ctrl_c_ends_it(run: Run, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(backend.table, "list_images", interrupt)
    assert run("watch").exit_code == 130


def test_help_says_what_is_not_seen(run: Run) -> None:
    text = " ".join(run("watch", "--help").stdout.split())
    assert "If the stack has an API, it shows the pictures below the upload prefix" in text
