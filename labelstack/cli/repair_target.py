"""The target of a repair: a stack's bucket, table and queues, with the caller's own AWS rights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from labelstack import prices
from labelstack.cli.options import confirm, positive_option, yes_option
from labelstack.cli.screen import Screen, count_text
from labelstack.cli.target import Target, prefix_of
from labelstack.errors import NoOutputsError
from labelstack.repair import dead_letters
from labelstack.repair.clock import cloud_time
from labelstack.repair.requests import Pace, RepairRequests

cost_yes_option = yes_option(help="Accept the cost without a question.")
rate_option = positive_option(
    "--rate",
    "rate_per_s",
    metavar="N",
    help="At most N pictures a second.  [default: as fast as possible; the processor keeps to its quota]",
)
HEADS_OF_COPY = 2
NEEDED = ("uploadBucket", "resultsTable", "queueUrl", "deadLetterQueueUrl", "detectors")


class RepairTarget:
    """One stack. Repairs go around its API: they read the table and send to the queue themselves.

    Attributes:
        name: An id that no other stack has, for the records of jobs.
        detectors: The detectors that analyse each picture.
        image_properties: Whether Rekognition finds colours too, which it charges for.
        now: The cloud's time.
        jobs_folder: The folder of long jobs' progress.

    Raises:
        LabelstackError: No cloud, stack or outputs, or those of an older stack.
    """

    def __init__(self, target: Target, rate_per_s: float | None) -> None:
        cloud, self._outputs = target.reach()
        missing = [name for name in NEEDED if name not in self._outputs]
        if missing:
            raise NoOutputsError(
                f"the stack has no output {' and no '.join(missing)}: deploy it with this version first."
            )
        self.s3, self.sqs = cloud.client("s3"), cloud.client("sqs")
        self.bucket, self.queue_url = str(self._outputs["uploadBucket"]), str(self._outputs["queueUrl"])
        # An emulator has another instance after a restart, and a stack another bucket after its destruction.
        self.name = f"{target.cloud}/{cloud.instance}/{target.stack}/{self.bucket}"
        self.prefix = prefix_of(self._outputs)
        self.table = target.backend.results(cloud, str(self._outputs["resultsTable"]))
        self.detectors: Sequence[str] = self._outputs["detectors"]
        self.image_properties = bool(self._outputs.get("imageProperties", False))
        self.now = cloud_time(self.sqs, self.queue_url)
        self.jobs_folder = target.state_dir / "jobs"
        # Uploads keep their pace: a fair queue sees to that, and a short one.
        is_fair = cloud.capabilities.fair_queues
        unfinished = None if is_fair else partial(dead_letters.unfinished, self.sqs, self.queue_url)
        self.pace = Pace(rate_per_s, unfinished=unfinished)
        self.requests = RepairRequests(self.sqs, self.queue_url, self.bucket, self.pace)

    @property
    def dead_letters(self) -> Mapping[str, str]:
        """Return the queue from which each dead-letter queue's messages came."""
        names = (("deadLetterQueueUrl", "queueUrl"), ("previewsDeadLetterQueueUrl", "previewsQueueUrl"))
        pairs = ((self._outputs.get(dead), self._outputs.get(queue)) for dead, queue in names)
        return {dead: queue for dead, queue in pairs if dead and queue}

    @property
    def preview_requests(self) -> RepairRequests:
        """Return a sender of requests for previews alone. Raises NoOutputsError."""
        queue_url = self._outputs.get("previewsQueueUrl")
        if queue_url is None:
            raise NoOutputsError("the stack makes no previews: set labelstack:previews to true, and deploy again.")
        return RepairRequests(self.sqs, queue_url, self.bucket, self.pace)


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
