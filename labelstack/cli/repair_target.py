"""What the repair commands work on: a stack's bucket, table and queues, with the caller's own AWS rights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import click

from handlers.results import Match, Page, Result, Status
from labelstack import prices
from labelstack.cli.backend import Backend
from labelstack.cli.screen import Screen, count_text
from labelstack.cli.target import Target, find_outputs
from labelstack.errors import NoOutputsError, RepairError
from labelstack.repair.asking import Asking, Pace
from labelstack.repair.clock import cloud_time

yes_option = click.option("--yes", is_flag=True, help="Do not ask whether the cost is wanted.")
rate_option = click.option(
    "--rate",
    "rate_per_s",
    type=click.FloatRange(min=0, min_open=True),
    metavar="N",
    help="At most N pictures a second.  [default: as fast as they are taken; the processor keeps to its quota]",
)
HEADS_OF_COPY = 2
NEEDED = ("uploadBucket", "resultsTable", "queueUrl", "deadLetterQueueUrl", "detectors")


class RepairTable(Protocol):
    """What repairs read of the results table."""

    def get_many(self, picture_keys: Iterable[str]) -> Mapping[str, Result]:
        """Several results; keys without one are absent."""

    def walk(self, statuses: Sequence[Status], prefix: str = "") -> Iterator[Result]:
        """All results of some statuses."""

    def unannounced(self) -> Iterator[str]:
        """The keys of results whose announcement has failed."""

    def search(self, labels: Sequence[str], *, limit: int, cursor: str | None) -> Page[Match]:
        """Pictures that carry all of the labels."""


@dataclass(frozen=True)
class RepairTarget:
    """One stack.

    Attributes:
        name: What tells it from every other stack, for the records of jobs.
        detectors: That look at each picture.
        image_properties: Whether Rekognition finds colours too, which it charges for.
        now: The cloud's time.
        jobs_folder: Where long jobs note their place.
    """

    name: str
    s3: Any
    sqs: Any
    bucket: str
    prefix: str
    table: RepairTable
    queue_url: str
    dead_letter_queue_url: str
    detectors: Sequence[str]
    image_properties: bool
    now: datetime
    jobs_folder: Path
    asking: Asking
    pace: Pace


def repair_target(
    backend: Backend, target: Target, rate_per_s: float | None, new_pace: Callable[[float | None], Pace] = Pace
) -> RepairTarget:
    """Connect to a stack. Repairs go around its API: they read the table and send to the queue themselves.

    Raises:
        LabelstackError: No cloud, stack or outputs, or those of an older stack.
    """
    cloud = backend.connect(target.cloud, target.cloud_folder, region=target.region, profile=target.profile)
    outputs = find_outputs(backend, target, cloud)
    missing = [name for name in NEEDED if name not in outputs]
    if missing:
        raise NoOutputsError(f"the stack has no output {' and no '.join(missing)}: deploy it with this version first.")
    pace = new_pace(rate_per_s)
    sqs = cloud.client("sqs")
    return RepairTarget(
        # An emulator that was started anew has another instance, a stack that was made anew another bucket.
        name=f"{target.cloud}/{cloud.instance}/{target.stack}/{outputs['uploadBucket']}",
        s3=cloud.client("s3"),
        sqs=sqs,
        bucket=str(outputs["uploadBucket"]),
        prefix=str(outputs.get("uploadPrefix", "")),
        table=backend.whole_table(cloud, str(outputs["resultsTable"])),
        queue_url=str(outputs["queueUrl"]),
        dead_letter_queue_url=str(outputs["deadLetterQueueUrl"]),
        detectors=outputs["detectors"],
        image_properties=bool(outputs.get("imageProperties", False)),
        now=cloud_time(sqs, str(outputs["queueUrl"])),
        jobs_folder=target.state_dir / "jobs",
        asking=Asking(sqs, str(outputs["queueUrl"]), str(outputs["uploadBucket"]), pace),
        pace=pace,
    )


def check_cost(
    screen: Screen, stack: RepairTarget, pictures: int, *, yes: bool, note: str = "", copies: bool = False
) -> None:
    """Say what AWS will charge, and ask whether that is wanted unless the answer was given.

    Args:
        note: What is said of the price of Rekognition.
        copies: Each picture is copied first.

    Raises:
        RepairError: It is not wanted, or there is nobody to answer.
    """
    table = prices.load()
    operations = len(stack.detectors)
    usd = table["rekognition.image"].usd(pictures * operations)
    if stack.image_properties:
        usd += table["rekognition.image_properties"].usd(pictures)
    s3_usd = table["s3.put"].usd(pictures) + table["s3.get"].usd(pictures * HEADS_OF_COPY)
    copying = f" and {_usd_text(s3_usd)} of S3 requests" if copies else ""
    what = f"{count_text(pictures, 'picture')}, {count_text(operations, 'detector')}"
    screen.note(
        f"{what}: {_usd_text(usd)} of Rekognition{f' {note}' if note else ''}{copying} "
        f"(list prices of {table.region}, {table.date}; emulators charge nothing)"
    )
    if yes:
        return
    try:
        wanted = click.confirm("Go on?", default=False, err=True)
    except click.Abort:  # nobody is there to answer
        wanted = False
    if not wanted:
        raise RepairError("not wanted: nothing was asked for (--yes answers beforehand).")


def _usd_text(usd: float) -> str:
    return "less than $0.01" if usd < 0.01 else f"about ${usd:,.2f}"
