"""This project's queue pipeline beside the design of the tutorials, on the same cloud, machine and pictures.

Both look at pictures by a local Rekognition that takes 300 ms for each call and answers by a rule, one after the other
in one run. The quota is 50 calls a second (us-east-1's for DetectLabels): the tutorials' concurrency uses it up.
"""

from __future__ import annotations

import hashlib
import math
import random
import re
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks import quota
from benchmarks.backlog import held_back
from benchmarks.report import Figure, Report
from benchmarks.tutorial import stack as tutorial
from integration_tests.events import s3_event
from integration_tests.pictures import picture
from integration_tests.stack import DeployedStack, LocalRekognition, wait_for
from labelstack.clouds import EmbeddedCloud
from labelstack.engines import InProcessEngine

PROJECT = Path(__file__).parent.parent
TPS, DELAY_MS = 50, 300
SETTINGS = {**quota.SETTINGS, "labelstack:rekognitionTps": str(TPS)}
SINGLES, BULK, FED = 20, 1000, 100
BULK_TIMEOUT_S, FEED_TIMEOUT_S = 600, 60
POLLER_RESTS_S = 0.2
"""After an invocation, the embedded cloud's poller does not look at its queues for up to 50 ms."""
_DURATION = re.compile(r"^REPORT .*\tDuration: ([\d.]+) ms", re.MULTILINE)


class Design(Protocol):
    """The figures of one design."""

    @property
    def bucket(self) -> str:
        """Return where pictures are put."""

    @property
    def queue_url(self) -> str:
        """Return the queue of the bucket's events."""

    @property
    def function(self) -> str:
        """Return the name of the labelling function."""

    def client(self, service: str) -> Any:
        """Return a boto3 client of its cloud."""

    def labels(self) -> Mapping[str, Sequence[str]]:
        """Return the labels that it shows, by key."""

    def has(self, key: str) -> bool:
        """Return whether one picture's labels are in its table."""

    def waiting(self) -> int:
        """Return the number of messages in its queue."""


class Ours:
    """This project's stack."""

    def __init__(self, stack: DeployedStack) -> None:
        self._stack = stack
        self.bucket = str(stack.outputs["uploadBucket"])
        self.queue_url = str(stack.outputs["queueUrl"])
        self.function = str(stack.outputs["processorFunction"])

    def client(self, service: str) -> Any:
        """Return a boto3 client of its cloud."""
        return self._stack.client(service)

    def labels(self) -> dict[str, list[str]]:
        """Return the labels of every labelled picture, by key."""
        items = (item for item in self._stack.everything() if item["sk"] == "META")
        return {
            item["key"]: [label["name"] for label in item["labels"]] for item in items if item["status"] == "LABELED"
        }

    def has(self, key: str) -> bool:
        """Return whether one picture's labels are in the table."""
        return self._stack.result(key) is not None

    def waiting(self) -> int:
        """Return the number of messages in the queue, visible or in flight."""
        attributes = self.client("sqs").get_queue_attributes(
            QueueUrl=self.queue_url,
            AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
        )["Attributes"]
        return sum(int(value) for value in attributes.values())


@dataclass(frozen=True)
class Measured:
    """The outcome of one design."""

    singles_s: list[float]
    lambda_s: float
    bulk_per_s: float
    bulk_lost: int
    fed: Fed


@dataclass(frozen=True)
class Fed:
    """The state after a feed of repeated and shuffled events.

    Attributes:
        lost: Pictures in the bucket without the labels of their newest version.
        stale: Pictures that are shown though they were deleted.
        doubled: Rekognition calls beyond one for each version.
        stuck: Messages that are still in the queue at the end.
    """

    lost: int
    stale: int
    doubled: int
    stuck: int


def measure() -> Report:
    """Measure both designs, each on an embedded cloud of its own."""
    with _ours() as (design, rekognition):
        ours = _measure(design, rekognition)
    with _tutorial() as (design, rekognition):
        theirs = _measure(design, rekognition)
    figures = [
        Figure(
            "Lambda seconds per 1,000 pictures, tutorial ÷ ours", theirs.lambda_s / ours.lambda_s, "times", at_least=10
        ),
        Figure("pictures a second, ours ÷ tutorial", ours.bulk_per_s / theirs.bulk_per_s, "times", at_least=1.2),
    ]
    for name, measured_design in (("ours", ours), ("tutorial", theirs)):
        none = 0.0 if measured_design is ours else None
        figures += [
            Figure(
                f"{name}: Lambda seconds per 1,000 pictures",
                measured_design.lambda_s,
                "s",
                at_most=40 if measured_design is ours else None,
            ),
            Figure(f"{name}: pictures a second", measured_design.bulk_per_s, "/s", note=f"{BULK} that waited"),
            Figure(
                f"{name}: upload to result, p50",
                statistics.median(measured_design.singles_s),
                "s",
                note="one at a time",
            ),
            Figure(f"{name}: upload to result, p95", statistics.quantiles(measured_design.singles_s, n=20)[-1], "s"),
            Figure(f"{name}: lost of the {BULK}", measured_design.bulk_lost, "", exactly=none),
            Figure(
                f"{name}: lost in the feed",
                measured_design.fed.lost,
                "",
                exactly=none,
                note=f"{FED} pictures, events mixed",
            ),
            Figure(f"{name}: deleted pictures still shown", measured_design.fed.stale, "", exactly=none),
            Figure(f"{name}: calls paid twice", measured_design.fed.doubled, "", exactly=none),
            Figure(f"{name}: messages stuck", measured_design.fed.stuck, "", exactly=none),
        ]
    return Report("compare", figures)


@contextmanager
def _cloud() -> Iterator[tuple[EmbeddedCloud, Path]]:
    with (
        tempfile.TemporaryDirectory(prefix="labelstack-bench-") as folder,
        EmbeddedCloud.start(
            Path(folder) / "embedded", rekognition_arguments=["--delay-ms", str(DELAY_MS), "--tps", str(TPS)]
        ) as cloud,
    ):
        yield cloud, Path(folder)


@contextmanager
def _ours() -> Iterator[tuple[Design, LocalRekognition]]:
    with _cloud() as (cloud, folder):
        engine = InProcessEngine(PROJECT, cloud, folder / "stacks")
        try:
            yield (
                Ours(DeployedStack(cloud, engine.up("local", SETTINGS).outputs)),
                LocalRekognition(cloud.rekognition_url, cloud.owner_token),
            )
        finally:
            engine.destroy("local")


@contextmanager
def _tutorial() -> Iterator[tuple[Design, LocalRekognition]]:
    with _cloud() as (cloud, _):
        config = cloud.stack_config()
        built = tutorial.build(
            cloud,
            runtime=config["labelstack:runtime"],
            concurrency=math.ceil(TPS * DELAY_MS / 1000),
            rekognition_endpoint=config["labelstack:rekognitionEndpoint"],
        )
        yield built, LocalRekognition(cloud.rekognition_url, cloud.owner_token)


def _measure(design: Design, rekognition: LocalRekognition) -> Measured:
    rekognition.set_rules([{"labels": ["Bulk", "Box"]}])
    singles_s = _singles(design)
    before_s = _lambda_s(design)
    labeled, bulk_s = _bulk(design)
    lambda_s = (_lambda_s(design) - before_s) * 1000 / BULK
    return Measured(singles_s, lambda_s, BULK / bulk_s, BULK - labeled, _feed(design, rekognition))


def _put(design: Design, key: str, body: bytes) -> str:
    answer = design.client("s3").put_object(Bucket=design.bucket, Key=key, Body=body)
    return str(answer.get("VersionId", ""))


def _singles(design: Design) -> list[float]:
    taken = []
    for n in range(SINGLES + 1):
        body = picture(f"single {n}", width=640, height=480)
        started = time.perf_counter()
        _put(design, f"single/{n}.jpg", body)
        _wait_for_label(design, f"single/{n}.jpg")
        taken.append(time.perf_counter() - started)
        wait_for("an empty queue", design.waiting, lambda left: left == 0, BULK_TIMEOUT_S)
        time.sleep(POLLER_RESTS_S)
    return taken[1:]  # the first one starts a worker


def _wait_for_label(design: Design, key: str) -> None:
    """Wait for a picture's labels, to the hundredth of a second."""
    deadline = time.monotonic() + BULK_TIMEOUT_S
    while not design.has(key):
        if time.monotonic() > deadline:
            raise AssertionError(f"{key} has no labels after {BULK_TIMEOUT_S} s")
        time.sleep(0.01)  # between two looks of a wait with a deadline


def _bulk(design: Design) -> tuple[int, float]:
    """Let a backlog drain; return how many pictures have their labels then, and the seconds it took."""
    bodies = [picture(f"bulk {n}") for n in range(BULK)]
    with held_back(design.client("lambda"), design.function), ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda n: _put(design, f"bulk/{n}.jpg", bodies[n]), range(BULK)))
    started = time.perf_counter()

    # To look into the table meanwhile would keep the cloud busy, the more the more a design stores.
    wait_for("an empty queue", design.waiting, lambda left: left == 0, BULK_TIMEOUT_S)
    taken_s = time.perf_counter() - started
    return sum(key.startswith("bulk/") for key in design.labels()), taken_s


def _lambda_s(design: Design) -> float:
    """Return the seconds for which Lambda would charge: the sum of all durations in the function's log."""
    pages = design.client("logs").get_paginator("filter_log_events")
    log_pages = pages.paginate(logGroupName=f"/aws/lambda/{design.function}", filterPattern="REPORT")
    messages = (event["message"] for page in log_pages for event in page["events"])
    return sum(float(ms) for message in messages for ms in _DURATION.findall(message)) / 1000


def _feed(design: Design, rekognition: LocalRekognition) -> Fed:
    """Send each event of two versions of each picture twice, in random order, with a fifth deleted again.

    The tutorials do not subscribe to deletions, so they get none.
    """
    design.client("s3").put_bucket_notification_configuration(Bucket=design.bucket, NotificationConfiguration={})
    keys = [f"fed/{n}.jpg" for n in range(FED)]
    deleted = set(keys[:: FED // 20])
    events: list[str] = []
    rules: list[dict[str, Any]] = []
    for key in keys:
        for number, label in enumerate(("Old", "New"), 1):
            body = picture(f"{key} {label}")
            rules.append({"match": {"sha256": hashlib.sha256(body).hexdigest()}, "labels": [label]})
            version_id = _put(design, key, body)
            events.append(s3_event(design.bucket, key, f"{number:016X}", version_id=version_id, content=body))
        if key in deleted:
            answer = design.client("s3").delete_object(Bucket=design.bucket, Key=key)
            if isinstance(design, Ours):
                name = "ObjectRemoved:DeleteMarkerCreated"
                marker = answer.get("VersionId", "")
                events.append(s3_event(design.bucket, key, f"{3:016X}", name=name, version_id=marker))
    rekognition.set_rules(rules)
    before = _charged(rekognition)
    feed = events * 2
    random.Random(1).shuffle(feed)
    for message in feed:
        design.client("sqs").send_message(QueueUrl=design.queue_url, MessageBody=message)
    stuck = _settle(design.waiting)
    shown = design.labels()
    left = [key for key in keys if key not in deleted]
    return Fed(
        lost=sum("New" not in shown.get(key, ()) for key in left),
        stale=sum(key in shown for key in deleted),
        doubled=max(0, _charged(rekognition) - before - 2 * FED),
        stuck=stuck,
    )


def _charged(rekognition: LocalRekognition) -> int:
    return int(sum(rekognition.calls()["answered"].values()))


def _settle(waiting: Callable[[], int]) -> int:
    """Wait until the queue is empty, or until the time for it is over; how many messages are left."""
    deadline = time.monotonic() + FEED_TIMEOUT_S
    while (left := waiting()) and time.monotonic() < deadline:
        time.sleep(0.2)  # between two looks of a wait with a deadline
    return left
