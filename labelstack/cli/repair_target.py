"""The target of a repair: a stack's bucket, table and queues, with the caller's own AWS rights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import click

from labelstack import prices
from labelstack.cli.backend import Backend
from labelstack.cli.options import Number, confirm, yes_option
from labelstack.cli.screen import Screen, count_text
from labelstack.cli.target import Target, reach
from labelstack.errors import NoOutputsError
from labelstack.repair import dead_letters
from labelstack.repair.clock import cloud_time
from labelstack.repair.requests import Pace, RepairRequests
from labelstack.table_results import TableResults

cost_yes_option = yes_option("Accept the cost without a question.")
rate_option = click.option(
    "--rate",
    "rate_per_s",
    type=Number(min=0, min_open=True),
    metavar="N",
    help="At most N pictures a second.  [default: as fast as possible; the processor keeps to its quota]",
)
HEADS_OF_COPY = 2
NEEDED = ("uploadBucket", "resultsTable", "queueUrl", "deadLetterQueueUrl", "detectors")


@dataclass(frozen=True)
class RepairTarget:
    """One stack.

    Attributes:
        name: An id that no other stack has, for the records of jobs.
        detectors: The detectors that analyse each picture.
        image_properties: Whether Rekognition finds colours too, which it charges for.
        now: The cloud's time.
        jobs_folder: The folder of long jobs' progress.
    """

    name: str
    s3: Any
    sqs: Any
    bucket: str
    prefix: str
    table: TableResults
    queue_url: str
    dead_letter_queue_url: str
    detectors: Sequence[str]
    image_properties: bool
    now: datetime
    jobs_folder: Path
    requests: RepairRequests
    pace: Pace
    previews_queue_url: str | None = None
    previews_dead_letter_queue_url: str | None = None

    @property
    def dead_letters(self) -> Mapping[str, str]:
        """Return the queue from which each dead-letter queue's messages came."""
        of_previews = (self.previews_dead_letter_queue_url, self.previews_queue_url)
        pairs = ((self.dead_letter_queue_url, self.queue_url), of_previews)
        return {dead: queue for dead, queue in pairs if dead and queue}

    @property
    def preview_requests(self) -> RepairRequests:
        """Return a sender of requests for previews alone. Raises NoOutputsError."""
        if self.previews_queue_url is None:
            raise NoOutputsError("the stack makes no previews: set labelstack:previews to true, and deploy again.")
        return RepairRequests(self.sqs, self.previews_queue_url, self.bucket, self.pace)


def repair_target(backend: Backend, target: Target, rate_per_s: float | None) -> RepairTarget:
    """Connect to a stack. Repairs go around its API: they read the table and send to the queue themselves.

    Raises:
        LabelstackError: No cloud, stack or outputs, or those of an older stack.
    """
    cloud, outputs = reach(backend, target)
    missing = [name for name in NEEDED if name not in outputs]
    if missing:
        raise NoOutputsError(f"the stack has no output {' and no '.join(missing)}: deploy it with this version first.")
    sqs, queue_url = cloud.client("sqs"), str(outputs["queueUrl"])
    # Uploads keep their pace: a fair queue sees to that, and a short one.
    is_fair = cloud.capabilities.fair_queues
    pace = Pace(rate_per_s, unfinished=None if is_fair else partial(dead_letters.unfinished, sqs, queue_url))
    return RepairTarget(
        # An emulator has another instance after a restart, and a stack another bucket after its destruction.
        name=f"{target.cloud}/{cloud.instance}/{target.stack}/{outputs['uploadBucket']}",
        s3=cloud.client("s3"),
        sqs=sqs,
        bucket=str(outputs["uploadBucket"]),
        prefix=str(outputs.get("uploadPrefix", "")),
        table=backend.results(cloud, str(outputs["resultsTable"])),
        queue_url=queue_url,
        dead_letter_queue_url=str(outputs["deadLetterQueueUrl"]),
        detectors=outputs["detectors"],
        image_properties=bool(outputs.get("imageProperties", False)),
        now=cloud_time(sqs, queue_url),
        jobs_folder=target.state_dir / "jobs",
        requests=RepairRequests(sqs, queue_url, str(outputs["uploadBucket"]), pace),
        pace=pace,
        previews_queue_url=outputs.get("previewsQueueUrl"),
        previews_dead_letter_queue_url=outputs.get("previewsDeadLetterQueueUrl"),
    )


def check_cost(
    screen: Screen, stack: RepairTarget, pictures: int, *, yes: bool, note: str = "", copies: bool = False
) -> None:
    """Show the price, and ask for confirmation unless `--yes` has given it.

    Args:
        note: A remark on Rekognition's price.
        copies: Whether each picture is copied first.

    Raises:
        InputError: The answer is no, or standard input is no terminal.
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
    confirm("Go on?", "no request was sent", yes=yes)


def _usd_text(usd: float) -> str:
    return "less than $0.01" if usd < 0.01 else f"about ${usd:,.2f}"
