"""`export`."""

from __future__ import annotations

import csv
import io
import json
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from handlers.results.codes import Status
from labelstack import exports
from tests.handlers.schemas import faults
from tests.labelstack.cli.conftest import Run
from tests.labelstack.cli.fakes import FakeBackend, make_result

WORDS: list[dict[str, Any]] = [
    {"text": "STOP, or", "type": "LINE", "confidence": Decimal(99)},
    {"text": "STOP,", "type": "WORD", "confidence": Decimal(99)},
    {"text": 'say "go"', "type": "LINE", "confidence": Decimal(99)},
]


@pytest.fixture
def filled(backend: FakeBackend) -> FakeBackend:
    smoking = {"name": "Smoking", "parent": "", "confidence": Decimal("91.5")}
    backend.table.put(make_result("uploads/ü b.jpg", moderation=[smoking], width=640, height=480, versionId="v1"))
    backend.table.put(make_result("uploads/=text.jpg", "REJECTED"))
    backend.table.put(make_result("other/sign.jpg", text=WORDS))
    return backend


def test_lines_are_documents_of_the_schema(run: Run, filled: FakeBackend) -> None:
    done = run("export")

    assert done.exit_code == 0
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert [document["key"] for document in documents] == ["uploads/ü b.jpg", "uploads/=text.jpg", "other/sign.jpg"]
    assert [faults(document, "result") for document in documents[:2]] == [[], []]
    assert documents[0]["labels"][0]["confidence"] == 98.75
    assert "3 pictures" in done.stderr


def test_rows_of_csv_have_what_was_found(run: Run, filled: FakeBackend, tmp_path: Path) -> None:
    file = tmp_path / "results.csv"

    assert run("export", "--output", file).exit_code == 0

    first, second, third = csv.DictReader(io.StringIO(file.read_bytes().decode(), newline=""))
    assert (first["key"], first["labels"], first["moderation"]) == ("uploads/ü b.jpg", "Cat=98.75", "Smoking=91.5")
    assert (first["faces"], first["width"], first["text"], first["versionId"]) == ("0", "640", "", "v1")
    assert (second["status"], second["code"], second["labels"]) == ("REJECTED", "NOT_AN_IMAGE", "")
    assert third["text"] == 'STOP, or\nsay "go"'


SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212"


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize(
    "before", ["", "a;", "a,", "a|", "a\t", "a\n", "a\r\n", ";", 'a;"', "a; ", 'a;\xa0"', "\n\n", '"']
)
@pytest.mark.abuse
def test_no_cell_of_csv_is_a_formula_whatever_separates_cells(
    run: Run, backend: FakeBackend, before: str, sign: str
) -> None:
    evil = f"{before}{sign}HYPERLINK(1)"
    print_read = [{"text": evil, "type": "LINE", "confidence": Decimal(99)}]
    labels = [{"name": evil, "confidence": Decimal(99)}]
    backend.table.put(make_result(evil, text=print_read, labels=labels))

    text = run("export", "--format", "csv").stdout_bytes.decode()

    for delimiter in ",;|\t":
        for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):
            rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting)
            cells = [cell.lstrip('"\xa0 \r\n\t') for row in rows for cell in row]
            assert [cell for cell in cells if cell.startswith(tuple(SIGNS))] == []


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\uff1d"])
@pytest.mark.abuse
def test_a_formula_begins_with_an_apostrophe(run: Run, backend: FakeBackend, start: str) -> None:
    evil = f"{start}HYPERLINK(1)"
    print_read = [{"text": evil, "type": "LINE", "confidence": Decimal(99)}]
    labels = [{"name": evil, "confidence": Decimal(99)}]
    backend.table.put(make_result(evil, text=print_read, labels=labels))

    [row] = csv.DictReader(io.StringIO(run("export", "--format", "csv").stdout_bytes.decode(), newline=""))

    assert (row["key"], row["text"], row["labels"]) == (f"'{evil}", f"'{evil}", f"'{evil}=99")


@pytest.mark.parametrize("name", ["results.xlsx", "results.json", "results.csv.gz"])
def test_an_ending_that_is_no_format_is_refused(run: Run, tmp_path: Path, name: str) -> None:
    done = run("export", "--output", tmp_path / name)

    assert done.exit_code == 2
    assert ".jsonl, .csv, .parquet" in done.stderr
    assert list(tmp_path.glob("results*")) == []


def test_parquet_has_types_and_groups(
    run: Run, filled: FakeBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
    monkeypatch.setattr(exports, "GROUP_ROWS", 2)
    file = tmp_path / "results.parquet"

    assert run("export", "--output", file).exit_code == 0

    assert parquet.ParquetFile(file).num_row_groups == 2
    first, second, third = parquet.read_table(file).to_pylist()
    assert first["labels"] == [{"name": "Cat", "confidence": 98.75}]
    assert (first["width"], first["faces"], first["text"]) == (640, 0, None)
    assert (second["labels"], second["code"]) == (None, "NOT_AN_IMAGE")
    assert third["text"] == ["STOP, or", 'say "go"']


def test_parquet_without_pyarrow_says_how_to_get_it(
    run: Run, filled: FakeBackend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    done = run("export", "--format", "parquet", "--output", tmp_path / "results.bin")

    assert done.exit_code == 1
    assert f"{sys.executable} -m pip install pyarrow" in done.stderr
    assert list(tmp_path.glob("results*")) == []


def test_parquet_does_not_go_to_a_terminal(run: Run, filled: FakeBackend) -> None:
    done = run("export", "--format", "parquet")

    assert done.exit_code == 2
    assert "name a file with --output" in done.stderr


def test_prefix_and_status_choose(run: Run, filled: FakeBackend) -> None:
    done = run("export", "--prefix", "uploads/", "--status", "REJECTED")

    assert [json.loads(line)["key"] for line in done.stdout.splitlines()] == ["uploads/=text.jpg"]
    assert filled.table.walked == [((Status.REJECTED,), "uploads/")]


def test_export_that_fails_leaves_no_half_file(run: Run, filled: FakeBackend, tmp_path: Path) -> None:
    file = tmp_path / "results.jsonl"
    file.write_text("from before")
    filled.table.breaks_at = "other/sign.jpg"

    done = run("export", "--output", file)

    assert done.exit_code == 1
    assert file.read_text() == "from before"
    assert [path.name for path in tmp_path.glob("results*")] == ["results.jsonl"]


def test_file_that_cannot_be_written_is_an_error(run: Run, filled: FakeBackend, tmp_path: Path) -> None:
    done = run("export", "--output", tmp_path / "nowhere" / "results.csv")

    assert done.exit_code == 1
    assert "cannot write" in done.stderr
    assert "No such file" in done.stderr
