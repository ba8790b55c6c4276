"""`upload` and `delete`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from handlers.results.erasure import Erasure
from handlers.results.order import TOMBSTONE_DAYS
from labelstack.cli.options import WholeNumber, command, confirm, timeout_option, verbose_option, yes_option
from labelstack.cli.screen import Screen, count_text, size_text, visible
from labelstack.cli.tables import Row, results_table, status_text
from labelstack.cli.target import Connection, Target, prefix_of
from labelstack.errors import InputError, NotFoundError
from labelstack.service import DEFAULT_WORKERS, Finished, NotUploaded, TimedOut, Uploaded, UploadEvent, until
from labelstack.uploads import LeftOut, LocalPicture, collect, total_bytes, under

E = TypeVar("E", bound=UploadEvent)

SHOWN_PICTURES = 40  # of more, only numbers
BACKUP_DAYS = 35  # the reach of the table's point-in-time recovery, which nobody can shorten for one item


@command(examples=["labelstack upload cat.jpg holiday/ --wait"])
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--prefix", help="The prefix of every key.  [default: the stack's upload prefix]")
@click.option("--wait", "wait_for_results", is_flag=True, help="Wait for the results of these uploads.")
@timeout_option(help="With --wait: give up after so many seconds without a result.")
@click.option(
    "--parallel", type=WholeNumber(1, 64), default=DEFAULT_WORKERS, show_default=True, help="Uploads at once."
)
@verbose_option(help="Name every picture, and each file left out of folders.")
def upload(
    screen: Screen,
    target: Target,
    paths: tuple[Path, ...],
    prefix: str | None,
    wait_for_results: bool,
    timeout_s: float,
    parallel: int,
    verbose: bool,
) -> None:
    """Upload files, and folders with all their pictures.

    It uploads a folder's pictures (by their names' endings), and counts the other files. A file that you name is
    uploaded whatever it is. A key is the prefix and the file's name, or its path from the folder on.

    Exit status 0: everything was uploaded and, with --wait, every picture has a terminal state and none is FAILED. A
    REJECTED picture is an answer, not an error: the command shows its code and what to do. 1: a picture was not
    uploaded, has no terminal state in time, or FAILED.

    --json prints one line for each picture as it ends: its result and `file`, `seconds`; without a result `status` is
    UPLOADED, NOT_UPLOADED or TIMED_OUT.
    """
    selection = collect(paths)
    connection = target.connect()
    pictures = under(prefix_of(connection.outputs) if prefix is None else prefix, selection.pictures)
    outcome = Outcome(selection.left_out)
    for entry in selection.unreadable:
        screen.line({"file": str(entry.path), "status": "NOT_UPLOADED", "message": entry.reason})
    events = connection.service.upload(pictures, wait_s=timeout_s if wait_for_results else None, workers=parallel)
    try:
        with upload_progress(screen, pictures, waiting=wait_for_results) as count:
            for event in events:
                count(event)
                outcome.add(event)
                if line := outcome_line(event, waiting=wait_for_results):
                    screen.line(line)
    except KeyboardInterrupt as error:
        sent = f"{len(outcome.all_of(Uploaded)):,} of {count_text(len(pictures), 'picture')} had been uploaded"
        error.add_note(f"{sent}. Their labelling goes on: `labelstack watch` shows the results.")
        raise
    outcome.show(screen, waiting=wait_for_results, verbose=verbose)
    # The output does not name all.
    is_short = outcome.left_out or max(len(pictures), len(outcome.unreadable)) > SHOWN_PICTURES
    hint = " (--verbose names all)" if is_short and not verbose else ""
    screen.show(outcome.summary(waiting=wait_for_results) + hint)
    if not outcome.is_complete or outcome.count("FAILED"):
        sys.exit(1)


class Outcome:
    """The outcomes of the pictures of one upload.

    Args:
        left_out: Files of the folders that are not uploaded.
    """

    def __init__(self, left_out: Sequence[LeftOut] = ()) -> None:
        self.left_out = [entry for entry in left_out if not entry.is_unreadable]
        self.unreadable = [entry for entry in left_out if entry.is_unreadable]
        self._events: list[UploadEvent] = []
        self._began_s = self._ended_s = time.monotonic()

    def add(self, event: UploadEvent) -> None:
        """Add an event to the outcome."""
        self._ended_s = time.monotonic()
        self._events.append(event)

    def all_of(self, kind: type[E]) -> list[E]:
        """Return the events of a kind, in their order."""
        return [event for event in self._events if isinstance(event, kind)]

    def count(self, status: str) -> int:
        """Return how many pictures ended in a status."""
        return sum(finished.result["status"] == status for finished in self.all_of(Finished))

    @property
    def is_complete(self) -> bool:
        """Return whether every picture has a terminal state."""
        return not self.all_of(NotUploaded) and not self.all_of(TimedOut) and not self.unreadable

    def summary(self, *, waiting: bool) -> str:
        """Return one line about the whole upload."""
        counts = {
            "labeled": self.count("LABELED"),
            "rejected": self.count("REJECTED"),
            "failed": self.count("FAILED"),
            "without result": len(self.all_of(TimedOut)),
        }
        parts = [f"{count_text(len(self.all_of(Uploaded)), 'picture')} uploaded"]
        parts += [f"{count:,} {name}" for name, count in counts.items() if waiting and (count or name == "labeled")]
        if problems := len(self.all_of(NotUploaded)) + len(self.unreadable):
            parts.append(f"{problems:,} not uploaded")
        if self.left_out:
            parts.append(f"{len(self.left_out):,} left out of folders")
        return ", ".join([*parts, f"{self._ended_s - self._began_s:.1f} s"])

    def show(self, screen: Screen, *, waiting: bool, verbose: bool) -> None:
        """Print each picture while they are few, otherwise those that are not LABELED."""
        most = None if verbose else SHOWN_PICTURES
        if waiting:
            rows = [Row(end.uploaded.picture.name, end.result, end.seconds) for end in self.all_of(Finished)]
            rows.sort(key=lambda row: row.name)
            if most is not None and len(rows) > most:
                rows = [row for row in rows if row.result["status"] != "LABELED"][:most]
            if rows:
                screen.show(results_table(rows))
        elif most is None or len(self.all_of(Uploaded)) <= most:
            for uploaded in sorted(self.all_of(Uploaded), key=lambda event: event.picture.key):
                screen.show(Text.assemble(("uploaded  ", "green"), visible(uploaded.picture.key)))
        problems = [("NOT_UPLOADED", str(entry.path), entry.reason) for entry in self.unreadable]
        problems += [("NOT_UPLOADED", end.picture.name, end.reason) for end in self.all_of(NotUploaded)]
        problems += [("TIMED_OUT", end.uploaded.picture.name, timed_out_reason(end)) for end in self.all_of(TimedOut)]
        left_out = [("LEFT_OUT", str(entry.path), entry.reason) for entry in self.left_out if verbose]
        for status, name, reason in problems[:most] + left_out:
            screen.note(Text.assemble(status_text(status), "  ", visible(name), "  ", visible(reason)))


def outcome_line(event: UploadEvent, *, waiting: bool) -> dict[str, Any] | None:
    """Return a picture's end as JSON; None for an event that is not its end."""
    match event:
        case Finished(uploaded, result, seconds):
            return {**result, "file": str(uploaded.picture.path), "seconds": round(seconds, 3)}
        case TimedOut(uploaded, _, seconds):
            end = {"status": "TIMED_OUT", "message": timed_out_reason(event), "seconds": round(seconds, 3)}
            return _uploaded_line(uploaded) | end
        case NotUploaded(picture, reason):
            return {"file": str(picture.path), "key": picture.key, "status": "NOT_UPLOADED", "message": reason}
        case Uploaded():
            return None if waiting else _uploaded_line(event) | {"status": "UPLOADED"}


def _uploaded_line(uploaded: Uploaded) -> dict[str, Any]:
    line = {"file": str(uploaded.picture.path), "key": uploaded.picture.key, "etag": uploaded.etag}
    return line | ({"versionId": uploaded.version_id} if uploaded.version_id else {})


def timed_out_reason(late: TimedOut) -> str:
    """Return the reason why there is no result, and what to do."""
    if late.latest is None:
        return (
            f"no result after {late.seconds:.0f} s: see `labelstack logs` and `labelstack doctor`, "
            "or wait longer with --timeout"
        )
    version = late.latest.get("versionId", "another version")
    return (
        f"no result of this version after {late.seconds:.0f} s; the key has {late.latest['status']} of {version}: "
        "unless you uploaded or deleted it again meanwhile, see `labelstack logs`"
    )


@contextmanager
def upload_progress(
    screen: Screen, pictures: list[LocalPicture], *, waiting: bool
) -> Iterator[Callable[[UploadEvent], None]]:
    """Show bars of uploads and results, or a plain line where bars cannot be drawn; yield a counter of events."""
    what = f"{count_text(len(pictures), 'picture')} ({size_text(total_bytes(pictures))})"
    if not screen.live:
        screen.note(f"uploading {what} ...")
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        RateColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=screen.err, transient=True, expand=True, disable=not screen.live) as progress:
        sent = progress.add_task(f"uploading {what}", total=len(pictures))
        ended = progress.add_task("results", total=len(pictures)) if waiting else None

        def count(event: UploadEvent) -> None:
            if isinstance(event, (Uploaded, NotUploaded)):
                progress.advance(sent)
            if ended is not None and not isinstance(event, Uploaded):
                progress.advance(ended)

        yield count


class RateColumn(ProgressColumn):
    """Pictures a second."""

    def render(self, task: Task) -> Text:
        """Render nothing before the first result."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:.1f}/s", style="dim")


@command(
    examples=[
        "labelstack delete holiday/cat.jpg",
        "labelstack delete holiday/ --yes",
        "labelstack delete holiday/cat.jpg --purge",
    ]
)
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@click.option("--purge", is_flag=True, help="Erase every version, document, known content and note for good.")
@click.option("--wait/--no-wait", default=True, help="Wait until the results are gone too.  [default: wait]")
@timeout_option(help="Seconds to wait.")
@yes_option(help="Delete folders, and purge, without a question.")
def delete(
    screen: Screen, target: Target, keys: tuple[str, ...], purge: bool, wait: bool, timeout_s: float, yes: bool
) -> None:
    """Delete pictures and their results.

    It uses S3 and the table with your own AWS rights, not the stack's API, so you can delete any key. Older versions
    stay as long as the bucket's lifecycle rules say. Documents in the results bucket stay too.

    KEY is a picture's key as `upload` and `search` show it, with or without the upload prefix. A key that ends with a
    slash (holiday/) is a folder: the command asks, then deletes all its pictures. If a key is unknown, it deletes
    nothing.

    --purge erases a picture for good, even after a delete: all versions, documents and notes, and Rekognition's answers
    for its bytes. The command asks first, and at the end names the data that it cannot erase.
    """
    if purge and not wait:
        raise InputError("--purge and --no-wait exclude each other: documents are erased once the result is gone.")
    connection = target.connect()
    erasure = _erasure(connection) if purge else None
    pictures_by_key = {
        key: _left_of(connection, erasure, key) if erasure else _pictures_of(connection, key) for key in keys
    }
    unknown = [key for key, there in pictures_by_key.items() if not there]
    if unknown:
        raise NotFoundError(
            f"no picture {' and no '.join(repr(key) for key in unknown)}, so nothing was deleted: `labelstack list` "
            "and `labelstack search` show existing keys."
        )
    there = list(dict.fromkeys(key for of_key in pictures_by_key.values() for key in of_key))
    if erasure:
        what = f"erase {count_text(len(there), 'picture')} for good ({', '.join(map(visible, keys))})?"
        confirm(what, "nothing was deleted", yes=yes)
        _erase(screen, erasure, there, timeout_s, connection.outputs.get("logRetentionDays"))
        return
    if folders := [key for key in keys if key.endswith("/")]:
        what = f"delete {count_text(len(there), 'picture')}, with all of {' and '.join(map(visible, folders))}?"
        confirm(what, "nothing was deleted", yes=yes)
    connection.service.delete(there)
    left = connection.service.wait_until_gone(there, timeout_s) if wait else []
    for key in there:
        screen.line({"key": key, "deleted": True, "resultGone": key not in left if wait else None})
        if key not in left and len(there) <= SHOWN_PICTURES:
            screen.show(Text.assemble(("deleted  ", "green"), visible(key)))
    if len(there) > SHOWN_PICTURES:
        screen.show(f"{count_text(len(there) - len(left), 'picture')} deleted")
    if left:
        raise InputError(
            f"deleted, but after {timeout_s:.0f} s these still have a result: {', '.join(map(visible, left))}. See "
            "`labelstack logs`."
        )


def _erasure(connection: Connection) -> Erasure:
    """Return an eraser of the stack's pictures, with the caller's rights."""
    s3, dynamodb = connection.cloud.client("s3"), connection.cloud.client("dynamodb")
    uploads, table = connection.outputs["uploadBucket"], connection.outputs["resultsTable"]
    documents, previews = connection.outputs.get("resultsBucket"), connection.outputs.get("previewsBucket")
    return Erasure(s3, dynamodb, uploads, table, documents, previews)


def _erase(screen: Screen, erasure: Erasure, pictures: list[str], timeout_s: float, log_days: int | None) -> None:
    """Erase pictures, show each one that is done, and say what remains."""

    def erase(key: str) -> bool:
        contents: set[tuple[str, int]] = set()
        return until(lambda: erasure.erase(key, contents), timeout_s)

    with ThreadPoolExecutor(DEFAULT_WORKERS, thread_name_prefix="erase") as pool:
        done = dict(zip(pictures, pool.map(erase, pictures), strict=True))
    for key, is_erased in done.items():
        screen.line({"key": key, "purged": is_erased})
        if is_erased:
            screen.show(Text.assemble(("purged  ", "green"), visible(key)))
    screen.note(remains(log_days))
    if left := [key for key, is_erased in done.items() if not is_erased]:
        raise InputError(
            f"all versions are erased, but after {timeout_s:.0f} s these still have a result: "
            f"{', '.join(map(visible, left))}. See `labelstack logs`; if the event of the deletion was lost, run "
            "`labelstack reconcile --fix --grace 0`. Then purge again."
        )


def remains(log_days: int | None) -> str:
    """Say which data a purge cannot erase, and how long AWS keeps it."""
    logs = "as long as the log groups keep them" if log_days is None else f"for {count_text(log_days, 'day')}"
    return (
        f"Not erased: names and labels in the functions' logs, {logs}; the table's backups, for {BACKUP_DAYS} days; "
        f"the deleted picture's name, in the table for {TOMBSTONE_DAYS} days and in queues for up to 14; messages that "
        "were sent; your copies and exports."
    )


def _left_of(connection: Connection, erasure: Erasure, key: str) -> list[str]:
    """Return the keys of which something is left: the picture's, or those that were ever in the folder of this name."""
    for candidate in dict.fromkeys([key, prefix_of(connection.outputs) + key]):
        below = dict.fromkeys(erasure.keys_below(candidate))
        if there := list(below) if key.endswith("/") else [candidate] * (candidate in below):
            return there
    return [] if key.endswith("/") else _pictures_of(connection, key)


def _pictures_of(connection: Connection, key: str) -> list[str]:
    """Return the keys of the picture, or of the pictures in the folder, that a person means."""
    if key.endswith("/"):
        folders = dict.fromkeys([key, prefix_of(connection.outputs) + key])
        return next((below for folder in folders if (below := connection.service.keys_below(folder))), [])
    picture = connection.service.find(key, prefix_of(connection.outputs))
    return [] if picture is None else [picture]
