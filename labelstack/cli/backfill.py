"""`backfill`: pictures that were there before, labelled; can be interrupted."""

from __future__ import annotations

import sys
from functools import partial

import click

from handlers.results.keys import iso_ms
from labelstack.cli.options import command, restart_option
from labelstack.cli.repair_target import RepairTarget, check_cost, cost_yes_option, rate_option
from labelstack.cli.screen import Screen, count_text, size_text, visible
from labelstack.cli.target import Target
from labelstack.errors import InputError
from labelstack.repair import backfill as work
from labelstack.repair.copying import Place, destination
from labelstack.repair.jobs import Job, Progress
from labelstack.repair.requests import BATCH

NOTED_EACH = 1000  # pictures, where no bar can be drawn


@command(
    short_help="Label pictures that are older than the stack.", examples=["labelstack backfill --from s3://OLD/photos/"]
)
@click.option("--prefix", default="", help="Only pictures whose keys start with this (in the upload bucket).")
@click.option(
    "--from",
    "source_url",
    metavar="S3_URL",
    help="Copy the pictures of another bucket first: s3://BUCKET or s3://BUCKET/PREFIX.",
)
@click.option("--to", "to_prefix", metavar="PREFIX", help="With --from: the prefix of every key.  [default: uploads/]")
@click.option("--previews", is_flag=True, help="Only make previews that are missing, without Rekognition.")
@restart_option
@cost_yes_option
@rate_option
def backfill(
    screen: Screen,
    target: Target,
    prefix: str,
    source_url: str | None,
    to_prefix: str | None,
    previews: bool,
    restart: bool,
    yes: bool,
    rate_per_s: float | None,
) -> None:
    """Label the pictures in the upload bucket, or with --from in another one.

    It analyses no picture whose result is up to date. With --from, S3 copies each picture below the upload prefix,
    unless it is there. The command first shows the number of pictures and AWS's highest charge. Run it again after an
    interruption: it continues.

    Exit status 1: you answered no, or S3 does not copy some pictures.
    """
    if to_prefix is not None and source_url is None:
        raise click.UsageError("--to needs --from.")
    if previews and source_url is not None:
        raise click.UsageError("--previews is for the upload bucket: it does not go with --from.")
    if prefix and source_url is not None:
        raise click.UsageError(
            "--prefix is for the upload bucket: put the other bucket's prefix into --from, as s3://BUCKET/photos/."
        )
    stack = RepairTarget(target, rate_per_s)
    source = Place.parse(source_url) if source_url else None
    if source and source.bucket == stack.bucket:
        raise InputError(f"{source_url} is in the stack's own upload bucket: use --prefix instead of --from.")
    place = source or Place(stack.bucket, prefix)
    to = stack.prefix if to_prefix is None else to_prefix
    kind = {"previews": True} if previews else {}
    job = Job(stack.jobs_folder, "backfill", {"stack": stack.name, "from": str(place), "to": to, **kind})
    requests = stack.preview_requests if previews else stack.requests
    if restart:
        job.finish()
    progress = job.resume(iso_ms(stack.now))
    if progress.done:
        screen.note(f"continuing after {count_text(progress.done, 'picture')}; the last was {progress.after!r}")
    pictures, size_bytes = work.extent(stack.s3, place, progress.after, folders=source is None)
    if not pictures:
        job.finish()
        screen.document(_report(place, progress))
        screen.note("no pictures there." if not progress.done else "all pictures are done.")
        return
    screen.note(f"{count_text(pictures, 'picture')} ({size_text(size_bytes)})")
    if not previews:
        check_cost(screen, stack, pictures, yes=yes, note="at most", copies=source is not None)
    before = progress.done
    left_out: list[str] = []
    if source is None:
        what, steps = "asking", work.ask_for_all(stack.s3, place, requests, job, progress)
    else:
        to_key = partial(destination, source, prefix=to)
        what = "copying"
        steps = work.copy_all(
            stack.s3, source, stack.bucket, to_key, job, progress, stack.pace, on_left_out=left_out.append
        )
    with screen.progress(what, pictures) as advance:
        for step in steps:
            advance(step.done - progress.done)
            progress = step
            done = progress.done - before
            if not screen.live and done % NOTED_EACH < BATCH and done < pictures:
                screen.note(f"{what}: {done:,} of {count_text(pictures, 'picture')}")
    screen.document(_report(place, progress))
    for reason in left_out:
        screen.note(visible(f"left out: {reason}"))
    if source is None:
        did = f"requested {count_text(progress.done, 'picture')}"
    else:
        did = f"copied {progress.copied:,} of {count_text(progress.done, 'picture')}"
        did += "; the others were there" if progress.copied + len(left_out) < progress.done else ""
    screen.note(did if previews else f"{did}: `labelstack watch` shows the results as they arrive")
    if left_out:
        sys.exit(1)


def _report(place: Place, progress: Progress) -> dict[str, object]:
    return {"pictures": progress.done, "from": f"s3://{place.bucket}/{place.prefix}"}
