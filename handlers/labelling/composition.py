"""The composition root: each function's objects, put together as its environment says.

Every variable is read before anything is made, and nothing is made when a module is imported.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools import Metrics as EmbeddedMetrics
from botocore.config import Config

from ..environment import EnvironmentVariableError, Variables
from ..results.table import ResultsWriter, Rows, client_config
from . import outbox, rekognition, s3_objects, workflow, workflow_start
from .decoder import Decoder
from .detectors import DetectorSettings
from .failure import FailureRecorder
from .metrics import Metrics
from .outbox import DeferredOutbox, DeliveringOutbox, Outbox
from .pipeline import Batch, Pipeline
from .ports import Rekognition
from .preparation import Preparation
from .previews import PreviewFunction, Previews
from .sqs_batch import MOST_BATCHES, Backlog, QueueFunction
from .sqs_queue import EventsQueue, Retry
from .workflow_start import WorkflowStart

_now = partial(datetime.now, UTC)

MESSAGES_AT_ONCE = 10
"""A batch is at most 10 messages."""
MOST_PICTURES = MESSAGES_AT_ONCE * MOST_BATCHES


def process_image(variables: Variables) -> QueueFunction[Batch]:
    """Return the function behind the queue of uploads. Raises EnvironmentVariableError."""
    settings = DetectorSettings.parse(variables)
    calls_per_second = variables.number("REKOGNITION_CALLS_PER_SECOND", 0.001, 1000)
    timeout_s = variables.number("REKOGNITION_TIMEOUT_S", 0.1, 300)
    queue, labelling, targets = _Queue.parse(variables), _Labelling.parse(variables), _Targets.parse(variables)
    batch_size = variables.integer("BATCH_SIZE", 1, MESSAGES_AT_ONCE)
    services = _Services.of(variables.text("RESULTS_TABLE"), MOST_PICTURES)
    paced = rekognition.PacedCalls(
        services.rekognition(timeout_s, MOST_PICTURES * len(settings.detectors)),
        {detector: rekognition.TokenBucket(calls_per_second) for detector in settings.detectors},
        timeout_s,
    )
    pipeline = labelling.pipeline(services, settings, paced, targets.outbox(services))
    function = queue.function(services, pipeline)
    return replace(function, backlog=Backlog(function.retry.queue, batch_size, paced.pictures_at_once))


def record_failure(variables: Variables) -> QueueFunction[None]:
    """Return the function behind the dead-letter queue. Raises EnvironmentVariableError."""
    bucket, queue = variables.text("UPLOAD_BUCKET"), _Queue.parse(variables, has_dead_letters=False)
    targets = _Targets.parse(variables)
    services = _Services.of(variables.text("RESULTS_TABLE"), MESSAGES_AT_ONCE)
    recorder = FailureRecorder(bucket, services.results, services.metrics, _now, targets.outbox(services))
    return queue.function(services, recorder)


def make_previews(variables: Variables) -> PreviewFunction:
    """Return the function behind the queue of previews. Raises EnvironmentVariableError."""
    bucket, previews_bucket = variables.text("UPLOAD_BUCKET"), variables.text("PREVIEWS_BUCKET")
    decoder, metrics = _decoder(variables), Metrics()
    client = boto3.client("s3", config=client_config(1))
    store = s3_objects.S3Previews(client, previews_bucket)
    previews = Previews(bucket, s3_objects.S3Objects(client, bucket), decoder, store, metrics)
    return PreviewFunction(previews, metrics, Logger(), EmbeddedMetrics())


def start_workflow(variables: Variables) -> QueueFunction[None]:
    """Return the function that runs an execution for each event of the queue. Raises EnvironmentVariableError."""
    arn, queue = variables.text("STATE_MACHINE_ARN"), _Queue.parse(variables)
    services = _Services.of(variables.text("RESULTS_TABLE"), MESSAGES_AT_ONCE)
    client = boto3.client("stepfunctions", config=workflow_start.client_config(MESSAGES_AT_ONCE))
    return queue.function(services, WorkflowStart(client, arn))


def workflow_step(name: str, variables: Variables) -> workflow.StepFunction:
    """Return a step of the workflow: inspect, recognise, store, fail or notify. Raises EnvironmentVariableError."""
    targets, services = _Targets.parse(variables), _Services.of(variables.text("RESULTS_TABLE"), 1)
    if name == "notify":
        delivering = targets.outbox(services)
        if delivering is None:
            raise EnvironmentVariableError("RESULTS_BUCKET and TOPIC_ARN are not set: expected one at least")
        return services.step(partial(workflow.notify, delivering))
    if name == "fail":
        bucket = variables.text("UPLOAD_BUCKET")
        recorder = FailureRecorder(bucket, services.results, services.metrics, _now, targets.deferred())
        return services.step(partial(workflow.fail, recorder))
    settings, timeout_s = DetectorSettings.parse(variables), variables.number("REKOGNITION_TIMEOUT_S", 0.1, 300)
    calls = services.rekognition(timeout_s, 1) if name == "recognise" else None
    pipeline = _Labelling.parse(variables).pipeline(services, settings, calls, targets.deferred())
    steps = workflow.LabellingSteps(pipeline)
    return services.step({"inspect": steps.inspect, "recognise": steps.recognise, "store": steps.store}[name])


@dataclass(frozen=True)
class _Services:
    """The parts of every function."""

    rows: Rows
    connections: int
    metrics: Metrics = field(default_factory=Metrics)
    logger: Logger = field(default_factory=Logger)
    embedded: EmbeddedMetrics = field(default_factory=EmbeddedMetrics)

    @classmethod
    def of(cls, table: str, connections: int) -> _Services:
        return cls(Rows(boto3.client("dynamodb", config=client_config(connections)), table), connections)

    @property
    def results(self) -> ResultsWriter:
        return ResultsWriter(self.rows)

    def rekognition(self, timeout_s: float, connections: int) -> Rekognition:
        client = boto3.client("rekognition", config=rekognition.client_config(timeout_s, connections))
        return rekognition.SingleCalls(client, self.metrics)

    def step(self, step: workflow.Step) -> workflow.StepFunction:
        return workflow.StepFunction(step, self.metrics, self.logger, self.embedded)


@dataclass(frozen=True)
class _Labelling:
    """The parts of a function that looks at pictures."""

    bucket: str
    cache_days: int
    decoder: Decoder

    @classmethod
    def parse(cls, variables: Variables) -> _Labelling:
        return cls(
            variables.text("UPLOAD_BUCKET"),
            variables.integer("CACHE_DAYS", 1, 3650),
            _decoder(variables),
        )

    def pipeline(
        self, services: _Services, settings: DetectorSettings, calls: Rekognition | None, outbox: Outbox | None
    ) -> Pipeline:
        client = boto3.client("s3", config=client_config(services.connections))
        objects = s3_objects.S3Objects(client, self.bucket)
        return Pipeline(
            bucket=self.bucket,
            settings=settings,
            objects=objects,
            preparation=Preparation(objects, self.decoder, services.metrics),
            rekognition=calls,
            results=services.results,
            outbox=outbox,
            cache_days=self.cache_days,
            metrics=services.metrics,
            operations=ThreadPoolExecutor(
                services.connections * len(settings.detectors), thread_name_prefix="operation"
            ),
            now=_now,
            warn=services.logger.warning,
        )


def _decoder(variables: Variables) -> Decoder:
    pixels, memory_mb = ("MAX_CONVERTED_PIXELS", 0, 10**9), ("DECODER_MEMORY_MB", 1, 10_240)
    return Decoder(variables.integer(*pixels), variables.integer(*memory_mb))


@dataclass(frozen=True)
class _Targets:
    """The places that get results, beside the table."""

    results_bucket: str | None
    topic_arn: str | None
    min_confidence: Decimal

    @classmethod
    def parse(cls, variables: Variables) -> _Targets:
        """Read the variables; without RESULTS_BUCKET and TOPIC_ARN nothing is published."""
        topic_arn = variables.optional_text("TOPIC_ARN")
        confidence = Decimal(str(variables.number("NOTIFY_MIN_CONFIDENCE", 0, 100))) if topic_arn else Decimal(0)
        return cls(variables.optional_text("RESULTS_BUCKET"), topic_arn, confidence)

    def deferred(self) -> Outbox | None:
        """Return an outbox that another function empties; None where nothing is published."""
        return DeferredOutbox() if self.results_bucket or self.topic_arn else None

    def outbox(self, services: _Services) -> DeliveringOutbox | None:
        """Return an outbox with clients of its own; None where nothing is published."""
        if not (self.results_bucket or self.topic_arn):
            return None
        config = outbox.client_config(services.connections)
        s3: Any = boto3.client("s3", config=config) if self.results_bucket else None
        sns: Any = boto3.client("sns", config=config) if self.topic_arn else None
        return DeliveringOutbox(
            rows=services.rows,
            documents=outbox.S3Documents(s3, self.results_bucket) if self.results_bucket else None,
            topic=outbox.SnsTopic(sns, self.topic_arn) if self.topic_arn else None,
            min_confidence=self.min_confidence,
            metrics=services.metrics,
            now=_now,
            warn=services.logger.warning,
        )


@dataclass(frozen=True)
class _Queue:
    """The queue that a function takes its messages from."""

    url: str
    retry_base_delay_s: float
    dead_letters_url: str | None = None
    max_attempts: int | None = None

    @classmethod
    def parse(cls, variables: Variables, *, has_dead_letters: bool = True) -> _Queue:
        queue = cls(variables.text("QUEUE_URL"), variables.number("RETRY_BASE_DELAY_S", 0, 900))
        if not has_dead_letters:
            return queue
        dead_letters_url = variables.text("DEAD_LETTER_QUEUE_URL")
        return replace(
            queue, dead_letters_url=dead_letters_url, max_attempts=variables.integer("MAX_ATTEMPTS", 1, 1000)
        )

    def function(self, services: _Services, use_case: Any) -> QueueFunction[Any]:
        sqs = boto3.client("sqs", config=Config(max_pool_connections=services.connections))
        retry = Retry(
            queue=EventsQueue(sqs, self.url, self.dead_letters_url),
            max_attempts=self.max_attempts,
            base_delay_s=self.retry_base_delay_s,
            results=services.results,
            metrics=services.metrics,
            logger=services.logger,
            now=_now,
        )
        return QueueFunction(use_case, retry, services.results, services.metrics, services.logger, services.embedded)
