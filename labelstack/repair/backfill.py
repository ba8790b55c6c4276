"""Labels pictures that are older than the stack, or whose events were lost, in the order of their keys.

It records its place after every batch, and an interrupted run continues there. A picture that was requested twice is
analysed once (`labelstack.repair.requests`), and a copied picture is not copied again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from labelstack.repair.copying import Listed, NotCopyableError, Place, copy, listed
from labelstack.repair.jobs import Job, Progress
from labelstack.repair.requests import Pace, RepairRequests, batches


def extent(s3: Any, place: Place, after: str = "", *, folders: bool = True) -> tuple[int, int]:
    """Return how many pictures a backfill has before it, and the bytes of all of them."""
    pictures = size_bytes = 0
    for entry in listed(s3, place, after, folders=folders):
        pictures += 1
        size_bytes += entry.size_bytes
    return pictures, size_bytes


def ask_for_all(s3: Any, place: Place, requests: RepairRequests, job: Job, progress: Progress) -> Iterator[Progress]:
    """Request every picture of a place in the upload bucket; yield the recorded progress after each batch."""
    for keys in requests.send(entry.key for entry in listed(s3, place, progress.after)):
        progress = replace(progress, after=keys[-1], done=progress.done + len(keys))
        job.save(progress)
        yield progress
    job.finish()


def copy_all(
    s3: Any,
    source: Place,
    bucket: str,
    to_key: Callable[[str], str],
    job: Job,
    progress: Progress,
    pace: Pace,
    on_left_out: Callable[[str], None],
) -> Iterator[Progress]:
    """Copy every picture of a place into the upload bucket, some at once; yield the recorded progress after each batch.

    Args:
        to_key: The key of a copy.
        pace: The pace of the copies; existing ones cost no time.
        on_left_out: Gets the reason why a picture can never be copied.
    """

    def copied(entry: Listed) -> bool:
        try:
            return copy(s3, source, entry, bucket, to_key(entry.key))
        except NotCopyableError as error:
            on_left_out(str(error))
            return False

    with ThreadPoolExecutor(pace.at_once, thread_name_prefix="copy") as pool:
        for batch in batches(listed(s3, source, progress.after, folders=False), pace.at_once):
            pace.keep(0)
            copies = sum(pool.map(copied, batch))
            pace.keep(copies)
            progress = Progress(
                progress.started_at, batch[-1].key, progress.done + len(batch), progress.copied + copies
            )
            job.save(progress)
            yield progress
    job.finish()
