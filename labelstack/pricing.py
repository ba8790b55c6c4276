"""The cost of a month: requests, capacity and storage of a number of pictures, times AWS's prices. Pure.

The requests of one picture are counted by a test that lets the functions' own code work (`PICTURE`, `KNOWN_PICTURE`).
The estimate lists its assumptions about quantities that cannot be counted here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from labelstack.prices import PriceTable

KB, GB = 1000, 1000**3
WRITE_UNIT_BYTES, READ_UNIT_BYTES = 1024, 4096  # DynamoDB's
MONTH_MINUTES = 30 * 24 * 60


@dataclass(frozen=True)
class Requests:
    """The requests to S3, DynamoDB and SNS for one picture, beside its upload.

    Attributes:
        s3_reads: GetObject of a header; Rekognition's own reading comes on top.
        image_reads: Strongly consistent reads of the picture's item. A batch makes one request of them, and of the
            content's, but DynamoDB charges for items.
        content_reads: The same of known content, for each detector.
        content_writes: Items with Rekognition's answers, for each detector.
        transactions: TransactWriteItems, each with the result, its label entries and one item of counters.
        documents: PutObject into the results bucket.
        messages: Publish to the topic.
        notes: UpdateItem of the result, once it is announced.
    """

    s3_reads: int
    image_reads: int
    content_reads: int
    content_writes: int
    transactions: int
    documents: int = 0
    messages: int = 0
    notes: int = 0


PICTURE = Requests(s3_reads=1, image_reads=1, content_reads=1, content_writes=1, transactions=1)
KNOWN_PICTURE = Requests(s3_reads=0, image_reads=1, content_reads=1, content_writes=0, transactions=1)
# A new picture again, where its result is announced to both targets.
ANNOUNCED_PICTURE = replace(PICTURE, documents=1, messages=1, notes=1)
# In a workflow, the last step repeats the reads of the first, of a new picture and of a known one.
WORKFLOW_PICTURE = Requests(s3_reads=1, image_reads=2, content_reads=2, content_writes=1, transactions=1)
WORKFLOW_DETECTOR_READS = 1  # each detector's branch reads the header itself

# Sizes as the functions' items have them (README's samples: results of 0.8 to 3.2 kB, label entries of 0.3 kB).
RESULT_BYTES, LABEL_BYTES, DETECTOR_BYTES, PROPERTIES_BYTES = 600, 150, 600, 400
ENTRY_BYTES, INDEX_BYTES = 320, 100
# Terms of a picture beside its labels: starts of its name's words, its year; words or a class of each further detector.
TERMS, DETECTOR_TERMS, TERM_BYTES = 5, 4, 250
LABELS_KNOWN, COUNTER_BYTES = 200, 20
LOG_BYTES = 2 * KB  # of one picture: its line, its metrics, Lambda's START, END and REPORT
LAMBDA_MS, KNOWN_MS, API_MS, API_MB = 1_500, 150, 100, 512
# Of a picture's previews; both have about 0.2 MB (benchmarks/previews.py).
PREVIEW_MS, PREVIEWS_BYTES, PREVIEW_PUTS, PREVIEW_GETS = 700, 200 * KB, 2, 4
STEP_MS, STEP_MB, EXECUTION_MB = 150, 256, 64  # a step without a call; Step Functions charges 64 MB at a time
WORKFLOW_LOG_BYTES = 25 * KB  # of an execution, about 30 events, and of its functions: an estimate
IDLE_RECEIVES = 5 * 3 * MONTH_MINUTES  # of a queue: five pollers that wait for 20 s
API_READ_UNITS, API_BYTES, API_LOG_BYTES = 10, 5 * KB, KB
PAGE_REQUESTS, PAGE_BYTES = 15, 60 * KB
OWN_METRICS = 17
QUEUE_FUNCTIONS, API_FUNCTIONS = 2, 3
ALARMS_OF_PREVIEWS = 4
WORKFLOW_STEPS = 4  # and one more that announces
ALARMS_OF_STEP, ALARMS_OF_WORKFLOW = 2, 2
ALARMS_OF_FUNCTION, ALARMS_OF_QUEUES, ALARMS_OF_REKOGNITION, ALARMS_OF_API, METRICS_OF_COST = 3, 3, 2, 2, 2


@dataclass(frozen=True)
class Shape:
    """The settings of a stack that cost money; `max_labels` is 0 without the detector `labels`."""

    detectors: int
    image_properties: bool
    max_labels: int
    memory_mb: int
    architecture: Literal["arm64", "x86_64"]
    api: Literal["none", "rest", "http"]
    cloudfront: bool
    monitoring: bool
    daily_cost_alarm: bool
    workflow: bool = False
    results_bucket: bool = False
    notifications: bool = False
    previews: bool = False
    limits_addresses: bool = False

    @property
    def queues(self) -> int:
        """Return the number of queues at which Lambda waits."""
        return QUEUE_FUNCTIONS + self.previews

    @property
    def announces(self) -> bool:
        """Return whether results are announced."""
        return self.results_bucket or self.notifications

    @property
    def steps(self) -> int:
        """Return the functions of the workflow's steps."""
        return WORKFLOW_STEPS + self.announces if self.workflow else 0


@dataclass(frozen=True)
class Volumes:
    """A month's use.

    Attributes:
        pictures: Uploads.
        average_bytes: Of a picture.
        duplicates: Fraction (0-1) of the pictures whose bytes are known.
        api_requests: Of all kinds.
        page_views: Openings of the page.
        picture_views: Views of a picture itself.
        mails: Sent to subscribers.
        labels: Of a picture, on average; None: as many as the settings allow.
    """

    pictures: int
    average_bytes: float = 800 * KB
    duplicates: float = 0.0
    api_requests: int = 0
    page_views: int = 0
    picture_views: int = 0
    mails: int = 0
    labels: int | None = None


@dataclass(frozen=True)
class Line:
    """One item of the bill."""

    service: str
    what: str
    quantity: float
    unit: str
    usd: float


@dataclass(frozen=True)
class Estimate:
    """A month's bill, the savings by known content, and the assumptions."""

    lines: Sequence[Line]
    saved_calls: int
    saved_usd: float
    assumptions: Sequence[str]

    @property
    def total_usd(self) -> float:
        """Return the sum."""
        return sum(line.usd for line in self.lines)


def estimate(shape: Shape, volumes: Volumes, prices: PriceTable) -> Estimate:
    """Estimate the cost of a month of this use with these settings."""
    known = round(volumes.pictures * volumes.duplicates)
    new = volumes.pictures - known
    bill = _Bill(prices)
    _rekognition(bill, shape, new)
    _pictures(bill, shape, volumes, new, known)
    _table(bill, shape, volumes, new, known)
    _announcing(bill, shape, volumes)
    if shape.previews:
        _previews(bill, shape, volumes)
    _looking(bill, shape, volumes)
    _watching(bill, shape, volumes)
    return Estimate(
        bill.lines,
        known * shape.detectors,
        rekognition_usd(prices, shape, volumes.pictures) - rekognition_usd(prices, shape, new),
        [*_assumptions(shape, volumes), _sources(bill.from_memory)],
    )


def rekognition_usd(prices: PriceTable, shape: Shape, pictures: int) -> float:
    """Return Rekognition's charge for so many pictures in a month."""
    usd = prices["rekognition.image"].usd(pictures * shape.detectors)
    return usd + (prices["rekognition.image_properties"].usd(pictures) if shape.image_properties else 0)


def write_units(shape: Shape, labels: int) -> int:
    """Return the write units of one picture's transaction: twice each item, and once each of its index entries."""
    result = _units(_result_bytes(shape, labels), WRITE_UNIT_BYTES)
    counters = _units(LABELS_KNOWN * COUNTER_BYTES, WRITE_UNIT_BYTES)
    # The result and each term are in one index, each label entry in two.
    return 2 * (result + labels + _terms(shape) + counters) + result + 2 * labels + _terms(shape)


def alarm_metrics(shape: Shape) -> int:
    """Return the number of metrics that the stack's alarms evaluate, each of which is charged."""
    if not shape.monitoring:
        return 0
    functions = QUEUE_FUNCTIONS + (API_FUNCTIONS if shape.api != "none" else 0)
    return (
        functions * ALARMS_OF_FUNCTION
        + shape.steps * ALARMS_OF_STEP
        + (ALARMS_OF_WORKFLOW if shape.workflow else 0)
        + ALARMS_OF_QUEUES
        + ALARMS_OF_REKOGNITION
        + (ALARMS_OF_PREVIEWS if shape.previews else 0)
        + (ALARMS_OF_API if shape.api != "none" else 0)
        + (METRICS_OF_COST if shape.daily_cost_alarm else 0)
    )


class _Bill:
    def __init__(self, prices: PriceTable) -> None:
        self._prices = prices
        self.lines: list[Line] = []
        self.from_memory: dict[str, None] = {}  # in the order of the lines

    def add(self, key: str, what: str, quantity: float) -> None:
        price = self._prices[key]
        if quantity and not price.is_compared(quantity):
            self.from_memory[f"{price.service}, {what}"] = None
        self.lines.append(Line(price.service, what, quantity, price.unit, price.usd(quantity)))


def _rekognition(bill: _Bill, shape: Shape, new: int) -> None:
    bill.add("rekognition.image", f"{shape.detectors} of 4 detectors", new * shape.detectors)
    if shape.image_properties:
        bill.add("rekognition.image_properties", "colours and quality", new)


def _pictures(bill: _Bill, shape: Shape, volumes: Volumes, new: int, known: int) -> None:
    if shape.workflow:
        _workflow(bill, shape, volumes, new, known)
    else:
        seconds = (new * LAMBDA_MS + known * KNOWN_MS) / 1000
        bill.add("lambda.request", "process_image", volumes.pictures)
        _compute(bill, shape, "process_image", shape.memory_mb, seconds)
    bill.add("s3.put", "uploads", volumes.pictures)
    requests = _requests(shape)
    looks = new * requests.s3_reads + known * KNOWN_PICTURE.s3_reads
    by_detectors = 1 + (WORKFLOW_DETECTOR_READS if shape.workflow else 0)
    bill.add("s3.get", "headers, and Rekognition's reading", looks + new * shape.detectors * by_detectors)
    bill.add("s3.storage", "this month's uploads", volumes.pictures * volumes.average_bytes / GB)
    bill.add("sqs.request", "events: send, receive, delete", 3 * volumes.pictures)
    bill.add("sqs.request", f"Lambda's waiting at {shape.queues} queues", shape.queues * IDLE_RECEIVES)


def _workflow(bill: _Bill, shape: Shape, volumes: Volumes, new: int, known: int) -> None:
    """Charge the workflow: a function that waits, Express executions, and their steps."""
    notifies = 1 if shape.announces else 0
    small_steps = new * (2 + notifies) + known * (1 + notifies)
    waited_s = (small_steps * STEP_MS + new * LAMBDA_MS) / 1000
    bill.add("eventbridge.event", "uploads", volumes.pictures)
    bill.add("stepfunctions.request", "workflow", volumes.pictures)
    bill.add("stepfunctions.gb_second", f"workflow, {EXECUTION_MB} MB", waited_s * EXECUTION_MB / 1024)
    bill.add("lambda.request", "start and steps", volumes.pictures + small_steps + new * shape.detectors)
    _compute(bill, shape, "start, which waits", STEP_MB, waited_s)
    _compute(bill, shape, "small steps", STEP_MB, small_steps * STEP_MS / 1000)
    _compute(bill, shape, "recognise", shape.memory_mb, new * shape.detectors * LAMBDA_MS / 1000)


def _compute(bill: _Bill, shape: Shape, what: str, memory_mb: int, seconds: float) -> None:
    bill.add(f"lambda.gb_second.{shape.architecture}", f"{what}, {memory_mb} MB", seconds * memory_mb / 1024)


def _requests(shape: Shape) -> Requests:
    """Return the requests for a picture that Rekognition analyses."""
    return WORKFLOW_PICTURE if shape.workflow else PICTURE


def _table(bill: _Bill, shape: Shape, volumes: Volumes, new: int, known: int) -> None:
    labels = _labels(shape, volumes)
    result = _result_bytes(shape, labels)
    requests, known_of = _requests(shape), KNOWN_PICTURE
    # Known content has an item for each detector: together as large as the result.
    remembered = shape.detectors * _units(result / max(1, shape.detectors), WRITE_UNIT_BYTES)
    recalled = shape.detectors * _units(result / max(1, shape.detectors), READ_UNIT_BYTES)
    writes = volumes.pictures * write_units(shape, labels) + new * requests.content_writes * remembered
    # Reading a missing item takes one unit, reading known content as many as its size.
    reads = new * (requests.image_reads + requests.content_reads * shape.detectors)
    reads += known * (known_of.image_reads + known_of.content_reads * recalled)
    bill.add("dynamodb.write", "results, labels, terms, counters, known content", writes)
    bill.add("dynamodb.read", "what is stored, what is known", reads)
    terms = _terms(shape)
    table_bytes = volumes.pictures * (result + labels * ENTRY_BYTES + terms * TERM_BYTES) + new * result
    indexed = 2 * labels * (ENTRY_BYTES + INDEX_BYTES) + terms * (TERM_BYTES + INDEX_BYTES)
    index_bytes = volumes.pictures * (result + INDEX_BYTES + indexed)
    bill.add("dynamodb.storage", "this month's results", (table_bytes + index_bytes) / GB)
    bill.add("dynamodb.recovery", "point-in-time recovery", table_bytes / GB)


def _announcing(bill: _Bill, shape: Shape, volumes: Volumes) -> None:
    result, requests = _result_bytes(shape, _labels(shape, volumes)), ANNOUNCED_PICTURE
    if shape.results_bucket:
        bill.add("s3.put", "documents", volumes.pictures * requests.documents)
        bill.add("s3.storage", "this month's documents", volumes.pictures * result / GB)
    if shape.notifications:
        bill.add("sns.publish", "messages", volumes.pictures * requests.messages)
    if shape.results_bucket or shape.notifications:
        # The result is written again, in the table and in the index that it is in.
        units = 2 * requests.notes * _units(result, WRITE_UNIT_BYTES)
        bill.add("dynamodb.write", "notes of what is announced", volumes.pictures * units)


def _previews(bill: _Bill, shape: Shape, volumes: Volumes) -> None:
    bill.add("lambda.request", "previews", volumes.pictures)
    _compute(bill, shape, "previews", shape.memory_mb, volumes.pictures * PREVIEW_MS / 1000)
    bill.add("s3.put", "previews", volumes.pictures * PREVIEW_PUTS)
    bill.add("s3.get", "previews: reading pictures", volumes.pictures * PREVIEW_GETS)
    bill.add("s3.storage", "this month's previews", volumes.pictures * PREVIEWS_BYTES / GB)
    bill.add("sqs.request", "previews: send, receive, delete", 3 * volumes.pictures)
    if not shape.workflow:  # which has them come by EventBridge already
        bill.add("eventbridge.event", "uploads", volumes.pictures)


def _looking(bill: _Bill, shape: Shape, volumes: Volumes) -> None:
    transfer_bytes = volumes.picture_views * volumes.average_bytes
    if shape.api != "none":
        bill.add(f"apigateway.{shape.api}", "API", volumes.api_requests)
        bill.add("lambda.request", "the API's functions", volumes.api_requests)
        seconds = volumes.api_requests * API_MS / 1000
        bill.add(f"lambda.gb_second.{shape.architecture}", f"the API's functions, {API_MB} MB", seconds * API_MB / 1024)
        bill.add("dynamodb.read", "the API's queries", volumes.api_requests * API_READ_UNITS)
        transfer_bytes += volumes.api_requests * API_BYTES
    if shape.limits_addresses:
        bill.add("waf.web_acl", "limit of an address", 1)
        bill.add("waf.rule", "requests of an address", 1)
        bill.add("waf.request", "API, refused requests too", volumes.api_requests)
    if shape.cloudfront:
        bill.add("cloudfront.request", "page", volumes.page_views * PAGE_REQUESTS)
        bill.add("cloudfront.transfer", "page", volumes.page_views * PAGE_BYTES / GB)
    else:
        bill.add("s3.get", "page", volumes.page_views * PAGE_REQUESTS)
        transfer_bytes += volumes.page_views * PAGE_BYTES
    bill.add("s3.get", "pictures looked at", volumes.picture_views)
    bill.add("internet.transfer", "answers and pictures", transfer_bytes / GB)


def _watching(bill: _Bill, shape: Shape, volumes: Volumes) -> None:
    log_bytes = volumes.pictures * (WORKFLOW_LOG_BYTES if shape.workflow else LOG_BYTES)
    if shape.api != "none":
        log_bytes += volumes.api_requests * API_LOG_BYTES
    bill.add("cloudwatch.log_ingestion", "logs", log_bytes / GB)
    bill.add("cloudwatch.metric", "metrics of the functions", OWN_METRICS if volumes.pictures else 0)
    if shape.monitoring:
        bill.add("cloudwatch.alarm", "alarms", alarm_metrics(shape))
        bill.add("cloudwatch.dashboard", "dashboard", 1)
    if volumes.mails:
        bill.add("sns.publish", "mails", volumes.mails)
        bill.add("sns.email", "mails", volumes.mails)


def _sources(from_memory: Iterable[str]) -> str:
    """Say how reliable the prices are: labelstack/prices.yaml names the source of each."""
    said = "Prices were compared with copies and quotations of AWS's pages, not with the pages themselves"
    unknown = "; ".join(from_memory)
    return f"{said}, and these with nothing: {unknown}." if unknown else f"{said}."


def _labels(shape: Shape, volumes: Volumes) -> int:
    return shape.max_labels if volumes.labels is None else volumes.labels


def _terms(shape: Shape) -> int:
    return TERMS + DETECTOR_TERMS * (shape.detectors - (1 if shape.max_labels else 0))


def _result_bytes(shape: Shape, labels: int) -> int:
    others = shape.detectors - (1 if shape.max_labels else 0)
    return (
        RESULT_BYTES
        + labels * LABEL_BYTES
        + others * DETECTOR_BYTES
        + (PROPERTIES_BYTES if shape.image_properties else 0)
    )


def _units(size_bytes: float, unit_bytes: int) -> int:
    return math.ceil(size_bytes / unit_bytes)


def _assumptions(shape: Shape, volumes: Volumes) -> list[str]:
    labels = _labels(shape, volumes)
    said = [
        "No free tier, discount, tax or support plan; a month has 30 days.",
        f"Storage is that of one month's uploads, kept for a whole month: {volumes.average_bytes / KB:g} kB a picture. "
        "Storage is charged again each month.",
        f"A picture has {labels} labels, {_terms(shape)} other search terms and a result of "
        f"{_result_bytes(shape, labels) / KB:.1f} kB: "
        f"{write_units(shape, labels)} write units in a transaction, which counts twice, indexes included. "
        f"A folder's counters hold {LABELS_KNOWN} labels.",
        "No picture is retried or rejected.",
        "Lambda waits at each of its queues with five pollers, each asking every 20 s.",
    ]
    if shape.notifications:
        said.append("Every result is a message of up to 64 kB. Queues that subscribe are charged to their owners.")
    if shape.previews:
        said.append(f"A picture's previews take {PREVIEW_MS} ms and {PREVIEWS_BYTES / KB:g} kB.")
    if shape.workflow:
        said += [
            f"Each picture comes alone, the costliest case: an execution of {EXECUTION_MB} MB, in which each detector "
            f"takes {LAMBDA_MS} ms at the same time and each other step {STEP_MS} ms; a function waits for its end. It "
            f"writes {WORKFLOW_LOG_BYTES / KB:g} kB of logs. X-Ray's traces are not counted.",
            f"S3 takes 1 PUT and {WORKFLOW_PICTURE.s3_reads} GET a new picture, and "
            "two GET for each of Rekognition's operations.",
        ]
    else:
        said += [
            f"Each picture comes alone, the costliest case: one invocation of {LAMBDA_MS} ms, or {KNOWN_MS} ms when "
            f"its bytes are known, and {LOG_BYTES / KB:g} kB of logs.",
            f"S3 takes 1 PUT and {PICTURE.s3_reads} GET a new picture, and one GET for each "
            "of Rekognition's operations.",
        ]
    if shape.api != "none":
        said.append(
            f"An API request takes {API_MS} ms, {API_READ_UNITS} read units, {API_BYTES / KB:g} kB of answer and "
            f"{API_LOG_BYTES / KB:g} kB of logs. Uploads go straight to S3; through the page each is two requests more."
        )
    return said
