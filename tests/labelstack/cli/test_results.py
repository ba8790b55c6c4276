"""`result`, `labels` and `search`."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console

from handlers.results.errors import InvalidCursorError, TableUnavailableError
from handlers.results.search import Page
from labelstack.cli.tables import Row, counts_table, matches_table, result_page, results_table
from tests.labelstack.cli.conftest import Run
from tests.labelstack.cli.fakes import FakeBackend, make_result

FACE: dict[str, Any] = {
    "confidence": Decimal("99.5"),
    "boundingBox": {"left": Decimal(0), "top": Decimal(0), "width": Decimal(1), "height": Decimal(1)},
    "ageRange": {"low": Decimal(25), "high": Decimal(35)},
    "emotions": [
        {"type": "CALM", "confidence": Decimal(10)},
        {"type": "HAPPY", "confidence": Decimal(90)},
        {"type": "UNKNOWN", "confidence": Decimal(95)},
    ],
    "smile": {"value": True, "confidence": Decimal(90)},
}


match = make_result


def test_shows_what_was_found(run: Run, backend: FakeBackend) -> None:
    nudity = {"name": "Explicit", "parent": "", "confidence": Decimal("75.04")}
    backend.table.put(make_result("uploads/a.jpg", faces=[FACE], moderation=[nudity], width=640, height=480))
    done = run("result", "uploads/a.jpg")
    assert done.exit_code == 0
    shown = done.stdout.replace("\N{NO-BREAK SPACE}", " ")
    for part in ("Cat", "98.8%", "Animal", "640 x 480", "99.5%, 25-35 years, happy, smiling", "Explicit 75.0%"):
        assert part in shown


def test_an_age_that_says_nothing_is_left_out(run: Run, backend: FakeBackend) -> None:
    ageless = {**FACE, "ageRange": {"low": Decimal(0), "high": Decimal(100)}}
    backend.table.put(make_result("uploads/a.jpg", faces=[ageless]))
    assert "years" not in run("result", "a.jpg").stdout


def test_the_prefix_may_be_left_out(run: Run, backend: FakeBackend) -> None:
    backend.table.put(make_result("uploads/a.jpg"))
    assert "uploads/a.jpg" in run("result", "a.jpg").stdout


def test_a_result_as_json_is_the_document(run: Run, backend: FakeBackend) -> None:
    backend.table.put(make_result("uploads/ü b.jpg"))
    done = run("result", "ü b.jpg", "--json")
    assert json.loads(done.stdout)["labels"][0]["confidence"] == 98.75
    assert "ü b.jpg" in done.stdout


def test_a_rejected_picture_shows_its_reason(run: Run, backend: FakeBackend) -> None:
    backend.table.put(make_result("uploads/a.jpg", "REJECTED"))
    done = run("result", "a.jpg")
    assert done.exit_code == 0
    assert "NOT_AN_IMAGE: The file is not a picture" in done.stdout


@pytest.mark.abuse
def test_markup_in_a_key_is_text(run: Run, backend: FakeBackend) -> None:
    backend.table.put(make_result("uploads/[red]a[/blue].jpg"))
    assert "[red]a[/blue].jpg" in run("result", "[red]a[/blue].jpg").stdout


def test_an_unknown_key_is_told_in_a_sentence(run: Run) -> None:
    done = run("result", "nothing.jpg", "--json")
    assert done.exit_code == 1
    assert done.stdout == ""
    assert done.stderr.startswith("error: no result for 'nothing.jpg'")


def test_a_deleted_picture_is_told(run: Run, backend: FakeBackend) -> None:
    backend.table.put(make_result("uploads/a.jpg", "DELETED"))
    done = run("result", "a.jpg")
    assert done.exit_code == 1
    assert "was deleted" in done.stderr


def test_lists_labels_by_their_count(run: Run, backend: FakeBackend) -> None:
    dog = {"name": "Dog", "confidence": Decimal(90), "parents": [], "aliases": [], "categories": [], "instances": []}
    backend.table.put(make_result("a"))
    backend.table.put(make_result("b", labels=[dog]))
    backend.table.put(make_result("c", labels=[dog]))
    lines = run("labels").stdout.splitlines()
    assert [line.split()[:2] for line in lines[2:]] == [["Dog", "2"], ["Cat", "1"]]
    assert json.loads(run("labels", "--json").stdout) == {"Dog": 2, "Cat": 1}


def test_no_labels_yet(run: Run) -> None:
    done = run("labels")
    assert done.exit_code == 0
    assert "no labels yet" in done.stderr


def test_searches_with_what_was_asked(run: Run, backend: FakeBackend) -> None:
    backend.table.pages = [Page([match("uploads/a.jpg")], None)]
    done = run("search", "cat", "pet", "--min-confidence", "75.5", "--order", "confidence", "--limit", "7")
    assert done.exit_code == 0
    assert "uploads/a.jpg" in done.stdout
    assert backend.table.searches == [
        {"query": '"cat" "pet"', "min": Decimal("75.5"), "order": "confidence", "limit": 7, "cursor": None}
    ]


@pytest.mark.parametrize(
    ("words", "query"),
    [
        (["traffic light"], '"traffic light"'),
        (["cat", "-dog", "--limit", "5"], '"cat" -"dog"'),
        (["cat -dog text:'no'"], '"cat" -"dog" text:"no"'),
        (
            ["-hat", 'text:"no way"', "from:2026-01-01", "to:2026-02-28"],
            '-"hat" text:"no way" from:2026-01-01 to:2026-02-28',
        ),
    ],
)
def test_words_of_a_shell_become_a_query(run: Run, backend: FakeBackend, words: list[str], query: str) -> None:
    run("search", *words)

    assert [search["query"] for search in backend.table.searches] == [query]


def test_a_query_that_cannot_be_read_is_an_error_in_a_sentence(run: Run, backend: FakeBackend) -> None:
    done = run("search", "faces:two")

    assert (done.exit_code, backend.table.searches) == (1, [])
    assert done.stderr == "error: faces:two is unknown: faces is none or one or group\n"


def test_goes_on_over_pages_up_to_the_limit(run: Run, backend: FakeBackend) -> None:
    backend.table.pages = [Page([match("a")], "one", 9), Page([], "two"), Page([match("b"), match("c")], "three")]
    done = run("search", "cat", "--limit", "3", "--json")
    assert [item["key"] for item in json.loads(done.stdout)["items"]] == ["a", "b", "c"]
    assert (json.loads(done.stdout)["cursor"], json.loads(done.stdout)["total"]) == ("three", 9)
    assert [(search["cursor"], search["limit"]) for search in backend.table.searches] == [
        (None, 3),
        ("one", 2),
        ("two", 2),
    ]


def test_asks_for_no_more_than_a_page_can_hold(run: Run, backend: FakeBackend) -> None:
    run("search", "cat", "--limit", "1000")
    assert backend.table.searches[0]["limit"] == 100


def test_finding_nothing_is_no_error(run: Run) -> None:
    done = run("search", "unicorn")
    assert done.exit_code == 0
    assert 'no picture matches "unicorn"' in done.stderr
    assert json.loads(run("search", "unicorn", "--json").stdout) == {"items": [], "total": 0}


def test_a_search_says_when_the_confidence_is_what_finds_nothing(run: Run, backend: FakeBackend) -> None:
    backend.table.pages = [Page([], None), Page([match("uploads/a.jpg")], None)]
    done = run("search", "cat", "--min-confidence", "99.5")
    assert 'no picture matches "cat" with at least 99.5%, but some match with less' in done.stderr
    assert [search["min"] for search in backend.table.searches] == [Decimal("99.5"), 0]


def test_lists_pictures_newest_first_in_pages(run: Run, backend: FakeBackend) -> None:
    for number in range(130):
        backend.table.put(make_result(f"uploads/{number}.jpg", "REJECTED" if number == 129 else "LABELED"))
    done = run("list", "--limit", "120")
    lines = done.stdout.replace("\N{NO-BREAK SPACE}", " ").splitlines()
    assert len(lines) == 120
    assert lines[0].startswith("REJECTED  uploads/129.jpg  NOT_AN_IMAGE")
    assert lines[1] == "LABELED  uploads/128.jpg  Cat 98.8%"
    assert "120 of 130 pictures: raise --limit for more" in done.stderr
    listed = json.loads(run("list", "--limit", "2", "--json").stdout)
    assert [item["key"] for item in listed["items"]] == ["uploads/129.jpg", "uploads/128.jpg"]
    again = json.loads(run("list", "--limit", "1", "--json", "--cursor", listed["cursor"]).stdout)
    assert [item["key"] for item in again["items"]] == ["uploads/127.jpg"]


def test_an_empty_list_says_what_to_do(run: Run) -> None:
    assert "no FAILED yet: upload one" in run("list", "--status", "FAILED").stderr
    assert json.loads(run("list", "--json").stdout) == {"items": [], "total": 0}


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_tables_fit_the_terminal(backend: FakeBackend, columns: int) -> None:
    key = f"uploads/{'0123456789abcdef' * 2}/a picture with a long name.jpg"
    row_result = make_result(key, faces=[FACE] * 9)
    label: Any = {"name": "Construction Worker", "confidence": Decimal(99)}
    several = make_result(key, labels=[label] * 3)
    console = Console(width=columns, file=io.StringIO())
    for table in (
        results_table([Row(key, row_result, 1.5), Row(key, make_result(key, "REJECTED"), 2.5)]),
        matches_table([several], ["construction worker"]),
        counts_table({"Construction Worker": 1234567, "Cat": 1}),
        result_page(row_result),
    ):
        console.print(table)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert max(map(len, shown.splitlines())) <= columns
    for word in ("LABELED", "REJECTED", "Cat", "1,234,567", "name.jpg", "98.8%"):
        assert word in shown


@pytest.mark.parametrize("value", ["٩٠", "९", "\uff19", "1_0", "nan", "inf", "", " "])
@pytest.mark.abuse
def test_only_ascii_digits_are_numbers(run: Run, value: str) -> None:
    for arguments in (["--min-confidence", value], ["--limit", value], ["--cloud", "embedded", "--limit", value]):
        assert run("search", "cat", *arguments).exit_code == 2
    assert run("logs", "--since", f"{value}h").exit_code == 2
    assert run("upload", "cat.jpg", "--timeout", value).exit_code == 2
    assert run("cost", "--duplicates", f"{value}%").exit_code == 2


@pytest.mark.parametrize("error", [InvalidCursorError("the cursor is wrong"), TableUnavailableError("throttled")])
def test_errors_of_the_table_are_told_in_a_sentence(
    run: Run, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(backend.table, "search", fail)
    done = run("search", "cat")
    assert done.exit_code == 1
    assert done.stderr == f"error: {error}\n"


@pytest.mark.parametrize("value", ["170", "-1", "sure"])
def test_an_impossible_confidence_is_wrong_usage(run: Run, value: str) -> None:
    assert run("search", "cat", "--min-confidence", value).exit_code == 2
