"""`upload` and `delete`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from labelstack.cli.backend import Backend
from labelstack.cli.options import json_option, target_options, timeout_option
from labelstack.cli.screen import Screen, count_text, size_text
from labelstack.cli.tables import Row, results_table, status_text
from labelstack.cli.target import Target, connect
from labelstack.errors import InputError, NotFoundError
from labelstack.service import DEFAULT_WORKERS, Finished, NotUploaded, TimedOut, Uploaded, UploadEvent
from labelstack.uploads import LocalPicture, collect, total_bytes, under


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@click.option("--prefix", help="Put this before every key.  [default: the stack's upload prefix]")
@click.option("--wait", "wait_for_results", is_flag=True, help="Wait for the result of exactly what was uploaded.")
@timeout_option("With --wait: seconds from a picture's upload to its result.")
@click.option(
    "--parallel", type=click.IntRange(1, 64), default=DEFAULT_WORKERS, show_default=True, help="Uploads at once."
)
@json_option
@target_options
@click.pass_context
def upload(
    ctx: click.Context,
    target: Target,
    paths: tuple[Path, ...],
    prefix: str | None,
    wait_for_results: bool,
    timeout_s: float,
    parallel: int,
    as_json: bool,
) -> None:
    """Upload pictures: files, and folders with all that is in them.

    Of a folder, the pictures are taken (by their names' endings); a file that is named itself is uploaded whatever it
    is. A key is the prefix and the file's name, below a folder its path from the folder on.

    Exit status 0: everything was uploaded and, with --wait, every picture has a terminal state and none is FAILED. A
    REJECTED picture is an answer, not an error: its code and what to do are shown. 1: something was not uploaded, has
    no terminal state in time, or FAILED.

    --json prints one line for each picture as it ends: its result and `file`, `seconds`; without a result `status` is
    UPLOADED, NOT_UPLOADED or TIMED_OUT.
    """
    screen = Screen(as_json=as_json)
    backend: Backend = ctx.obj
    files = collect(paths)
    connection = connect(backend, target)
    pictures = under(connection.prefix if prefix is None else prefix, files)
    events = connection.service.upload(pictures, wait_s=timeout_s if wait_for_results else None, workers=parallel)
    outcome = Outcome()
    with upload_progress(screen, pictures, waiting=wait_for_results) as follow:
        for event in follow(events):
            outcome.add(event)
            if as_json and (line := outcome_line(event, waiting=wait_for_results)):
                screen.line(line)
    outcome.show(screen, waiting=wait_for_results)
    if not outcome.is_good:
        ctx.exit(1)


class Outcome:
    """What became of the pictures of one upload."""

    def __init__(self) -> None:
        self.uploaded: list[Uploaded] = []
        self.not_uploaded: list[NotUploaded] = []
        self.finished: list[Finished] = []
        self.timed_out: list[TimedOut] = []

    def add(self, event: UploadEvent) -> None:
        """Take note of an event."""
        match event:
            case Uploaded():
                self.uploaded.append(event)
            case NotUploaded():
                self.not_uploaded.append(event)
            case Finished():
                self.finished.append(event)
            case TimedOut():
                self.timed_out.append(event)

    def count(self, status: str) -> int:
        """How many pictures ended in a status."""
        return sum(finished.result["status"] == status for finished in self.finished)

    @property
    def is_complete(self) -> bool:
        """Every picture has a terminal state."""
        return not self.not_uploaded and not self.timed_out

    @property
    def is_good(self) -> bool:
        """Every picture was uploaded and, when it was waited for, has a terminal state that is not FAILED."""
        return self.is_complete and not self.count("FAILED")

    @property
    def rows(self) -> list[Row]:
        """The pictures with a result, by name."""
        found = [Row(f.uploaded.picture.name, f.result, f.seconds) for f in self.finished]
        return sorted(found, key=lambda row: row.name)

    def show(self, screen: Screen, *, waiting: bool) -> None:
        """Tell a person."""
        if waiting and self.finished:
            screen.show(results_table(self.rows))
        if not waiting:
            for uploaded in sorted(self.uploaded, key=lambda event: event.picture.key):
                screen.show(Text.assemble(("uploaded  ", "green"), uploaded.picture.key))
        for failed in self.not_uploaded:
            screen.note(problem_line("NOT_UPLOADED", failed.picture, failed.reason))
        for late in self.timed_out:
            screen.note(problem_line("TIMED_OUT", late.uploaded.picture, timed_out_reason(late)))


def outcome_line(event: UploadEvent, *, waiting: bool) -> dict[str, Any] | None:
    """A picture's end as JSON; None for an event that is not its end."""
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
    """What there is instead of the result, and what to do."""
    if late.seen is None:
        return f"no result after {late.seconds:.0f} s: see `labelstack logs`, or wait longer with --timeout"
    version = late.seen.get("versionId", "another version")
    return (
        f"no result of this version after {late.seconds:.0f} s; the key holds {late.seen['status']} of {version}: it "
        "was uploaded or deleted again meanwhile, or see `labelstack logs`"
    )


def problem_line(status: str, picture: LocalPicture, reason: str) -> Text:
    """A picture without a result."""
    return Text.assemble(status_text(status), "  ", picture.name, "  ", reason)


@contextmanager
def upload_progress(screen: Screen, pictures: list[LocalPicture], *, waiting: bool) -> Iterator[Any]:
    """Bars of what is uploaded and what has a result; plain lines where nothing can be drawn over.

    Gives a function that passes events on and counts them.
    """
    what = f"{count_text(len(pictures), 'picture')} ({size_text(total_bytes(pictures))})"
    if not screen.live:
        screen.note(f"uploading {what} ...")
        yield _passed_on
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=screen.err, transient=True) as progress:
        sent = progress.add_task(f"uploading {what}", total=len(pictures))
        labelled = progress.add_task("results", total=len(pictures)) if waiting else None

        def counted(events: Iterable[UploadEvent]) -> Iterator[UploadEvent]:
            for event in events:
                for task in _tasks_of(event, sent, labelled):
                    progress.advance(task)
                yield event

        yield counted


def _passed_on(events: Iterable[UploadEvent]) -> Iterable[UploadEvent]:
    return events


def _tasks_of(event: UploadEvent, sent: TaskID, labelled: TaskID | None) -> list[TaskID]:
    ended = [labelled] if labelled is not None else []
    match event:
        case Uploaded():
            return [sent]
        case NotUploaded():
            return [sent, *ended]
        case Finished() | TimedOut():
            return ended


@click.command()
@click.argument("keys", nargs=-1, required=True, metavar="KEY...")
@click.option("--wait/--no-wait", default=True, help="Wait until the results are gone too.  [default: wait]")
@timeout_option("Seconds to wait.")
@json_option
@target_options
@click.pass_context
def delete(
    ctx: click.Context, target: Target, keys: tuple[str, ...], wait: bool, timeout_s: float, as_json: bool
) -> None:
    """Delete pictures and, with them, their results.

    Goes to S3 directly, with your own AWS rights, not through the stack's API: any key can be deleted, not only those
    below the upload prefix. In a bucket with versions, older ones stay as long as its lifecycle rules say.

    KEY is a picture's key as `upload` and `search` show it; the upload prefix may be left out. Nothing is deleted when
    one of the keys is unknown.
    """
    screen = Screen(as_json=as_json)
    connection = connect(ctx.obj, target)
    found = {key: connection.service.find(key, connection.prefix) for key in keys}
    unknown = [key for key, there in found.items() if there is None]
    if unknown:
        raise NotFoundError(
            f"no picture {' and no '.join(repr(key) for key in unknown)}, so nothing was deleted: `labelstack search` "
            "and `labelstack watch` show the keys there are."
        )
    there = [key for key in dict.fromkeys(found.values()) if key is not None]
    connection.service.delete(there)
    left = connection.service.wait_until_gone(there, timeout_s) if wait else []
    for key in there:
        if as_json:
            screen.line({"key": key, "deleted": True, "resultGone": key not in left if wait else None})
        elif key not in left:
            screen.show(Text.assemble(("deleted  ", "green"), key))
    if left:
        raise InputError(
            f"deleted, but after {timeout_s:.0f} s a result is still there of {', '.join(left)}: see `labelstack logs`."
        )
