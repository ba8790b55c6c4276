"""Results as files for other programs: JSON Lines, CSV, Parquet. Each is written as it comes, whatever the number."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Protocol

from handlers.results.document import Result, json_ready, public_document
from labelstack.errors import InputError

FACTS = ("key", "versionId", "status", "code", "message", "processedAt", "uploadedAt", "etag", "format")
CAPTURE = ("takenAt", "camera", "lens")
PLACE = ("latitude", "longitude")
NUMBERS = ("sizeBytes", "width", "height")
FOUND = ("labels", "faces", "moderation", "text")
COLUMNS = (*FACTS, *CAPTURE, *PLACE, *NUMBERS, *FOUND)
GROUP_ROWS = 1000
# Where a spreadsheet may see a formula: at the start of a cell or, whichever separator it splits at, behind one. To it
# the wide and small signs are the same in East Asian locales.
FORMULA = re.compile(
    r"""^(?=[\t\r\n])|(?:^|(?<=[,;|\t\r\n]))(?=["\s]*[-=+@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u2212])"""
)


class Writer(Protocol):
    """Writes results one after the other."""

    def write(self, result: Result) -> None:
        """Write one."""

    def close(self) -> None:
        """Write the remaining rows; the file itself stays open."""


class JsonLines:
    """A whole result document on each line (api/result.schema.json)."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, result: Result) -> None:
        """Write one line."""
        self._file.write(json.dumps(public_document(result), ensure_ascii=False).encode() + b"\n")

    def close(self) -> None:
        """Write nothing: no rows remain."""


class Csv:
    """A row for each picture: `labels` and `moderation` as `Cat=98.75;Pet=97`, `faces` how many, `text` the lines.

    An apostrophe is before each part that a spreadsheet would take for a formula: keys and print in pictures are
    strangers' (owasp.org/www-community/attacks/CSV_Injection).
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._writer = csv.DictWriter(_Encoded(file), COLUMNS)
        self._writer.writeheader()

    def write(self, result: Result) -> None:
        """Write one row."""
        row = _row(result)
        for part in ("labels", "moderation"):
            if row[part] is not None:
                row[part] = ";".join(f"{label['name']}={label['confidence']:g}" for label in row[part])
        if row["text"] is not None:
            row["text"] = "\n".join(row["text"])
        self._writer.writerow({name: _harmless(value) for name, value in row.items()})

    def close(self) -> None:
        """Write nothing: no rows remain."""


class Parquet:
    """The CSV's columns with types: `labels` and `moderation` are lists of name and confidence, `text` of lines."""

    def __init__(self, file: IO[bytes]) -> None:
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError as error:
            raise InputError(
                f"Parquet needs pyarrow, which is not installed: {sys.executable} -m pip install pyarrow; or choose "
                "--format jsonl or csv."
            ) from error
        label_list = pyarrow.list_(pyarrow.struct([("name", pyarrow.string()), ("confidence", pyarrow.float64())]))
        columns = [(name, pyarrow.string()) for name in (*FACTS, *CAPTURE)]
        columns += [(name, pyarrow.float64()) for name in PLACE] + [(name, pyarrow.int64()) for name in NUMBERS]
        columns += [("labels", label_list), ("faces", pyarrow.int64()), ("moderation", label_list)]
        self._schema = pyarrow.schema([*columns, ("text", pyarrow.list_(pyarrow.string()))])
        self._batch: Callable[..., Any] = pyarrow.RecordBatch.from_pylist
        self._writer = pyarrow.parquet.ParquetWriter(file, self._schema, compression="zstd")
        self._rows: list[dict[str, Any]] = []

    def write(self, result: Result) -> None:
        """Keep one row; a group of them is written together."""
        self._rows.append(_row(result))
        if len(self._rows) == GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        """Write the last group and the Parquet file's end."""
        self._flush()
        self._writer.close()

    def _flush(self) -> None:
        if self._rows:
            self._writer.write_batch(self._batch(self._rows, schema=self._schema))
            self._rows = []


FORMATS: Mapping[str, Callable[[IO[bytes]], Writer]] = {"jsonl": JsonLines, "csv": Csv, "parquet": Parquet}


@contextmanager
def whole_file(path: Path) -> Iterator[IO[bytes]]:
    """Yield a file that appears at its path only after all has been written.

    Raises:
        InputError: It cannot be written.
    """
    part = path.with_name(path.name + ".part")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    except OSError as error:
        raise InputError(f"cannot write {str(path)!r}: {error.strerror or error}.") from error
    finally:
        part.unlink(missing_ok=True)


class _Encoded:
    """The text file that `csv` writes to, in front of a file of bytes."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def write(self, text: str) -> int:
        return self._file.write(text.encode())


def _harmless(value: Any) -> Any:
    return FORMULA.sub("'", value) if isinstance(value, str) else value


def _row(result: Result) -> dict[str, Any]:
    """Return the columns of a picture; None where nothing was looked for."""
    document = json_ready(dict(result))
    document |= document.get("capture", {})
    row: dict[str, Any] = {name: document.get(name) for name in COLUMNS}
    for part in ("labels", "moderation"):
        if row[part] is not None:
            row[part] = [{"name": label["name"], "confidence": float(label["confidence"])} for label in row[part]]
    if row["faces"] is not None:
        row["faces"] = len(row["faces"])
    if row["text"] is not None:
        row["text"] = [item["text"] for item in row["text"] if item["type"] == "LINE"]
    return row
