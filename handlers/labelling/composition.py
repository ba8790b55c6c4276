"""The composition root: each function's objects, put together as its environment says, when it is called first."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache, cached_property, partial
from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from ..environment import EnvironmentVariableError, Variables
from ..results.table import ResultsWriter, Rows, client_config
from . import outbox, rekognition, workflow
from .decoder import Decoder, Preparation
from .detectors import DetectorSettings
from .metrics import Metrics
from .outbox import DeliveringOutbox, Outbox
from .pipeline import Pipeline, Recorder
from .previews import Previews
from .rekognition import Detect
from .s3_objects import S3Objects, S3Previews
from .sqs_queue import MOST_BATCHES, EventsQueue, QueueFunction

Handler = Callable[[dict[str, Any], LambdaContext], dict[str, Any]]

MESSAGES_AT_ONCE = 10
"""A batch is at most 10 messages."""
MOST_PICTURES = MESSAGES_AT_ONCE * MOST_BATCHES

_now = partial(datetime.now, UTC)


@cache
def process_image() -> Handler:
    """Return the function behind the queue of uploads. Raises EnvironmentVariableError; so do all of these."""
    parts = _Parts(MOST_PICTURES)
    calls_per_second = parts.variables.number("REKOGNITION_CALLS_PER_SECOND", 0.001, 1000)
    buckets = {detector: rekognition.TokenBucket(calls_per_second) for detector in parts.settings.detectors}
    paced = rekognition.PacedCalls(parts.detect(MOST_PICTURES * len(buckets)), buckets, parts.timeout_s)
    pipeline = parts.pipeline(paced.detect, parts.outbox())
    batch_size = parts.variables.integer("BATCH_SIZE", 1, MESSAGES_AT_ONCE)
    function = QueueFunction(parts.queue(), pipeline.process, pipeline.open, batch_size, paced.pictures_at_once)
    return parts.logger.inject_lambda_context(function.handle)


@cache
def record_failure() -> Handler:
    """Return the function behind the dead-letter queue."""
    parts = _Parts(MESSAGES_AT_ONCE)
    recorder = parts.recorder(parts.outbox())
    function = QueueFunction(parts.queue(has_dead_letters=False), lambda event, _: recorder.record_failure(event))
    return parts.logger.inject_lambda_context(function.handle)


@cache
def make_previews() -> Callable[[dict[str, Any], LambdaContext], None]:
    """Return the function behind the queue of previews."""
    parts = _Parts(1)
    store = S3Previews(parts.client("s3"), parts.variables.text("PREVIEWS_BUCKET"))
    previews = Previews(parts.objects.bucket, parts.objects, parts.decoder(), store, parts.metrics, parts.logger)
    return parts.logger.inject_lambda_context(previews.handle)


@cache
def start_workflow() -> Handler:
    """Return the function that runs an execution for each event of the queue."""
    parts = _Parts(MESSAGES_AT_ONCE)
    client = parts.client("stepfunctions", workflow.client_config)
    run = partial(workflow.run, client, parts.variables.text("STATE_MACHINE_ARN"))
    return parts.logger.inject_lambda_context(QueueFunction(parts.queue(), lambda event, _: run(event)).handle)


@cache
def workflow_step(name: str) -> Handler:
    """Return a step of the workflow: inspect, recognise, store, fail or notify."""
    parts = _Parts(1)
    function = workflow.StepFunction(_step(name, parts), parts.metrics, parts.logger)
    return parts.logger.inject_lambda_context(function.handle)


def _step(name: str, parts: _Parts) -> workflow.Step:
    if name == "notify":
        delivering = parts.outbox()
        if delivering is None:
            raise EnvironmentVariableError("RESULTS_BUCKET and TOPIC_ARN are not set: expected one at least")
        return partial(workflow.notify, delivering)
    deferred = Outbox() if parts.results_bucket or parts.topic_arn else None
    if name == "fail":
        return partial(workflow.fail, parts.recorder(deferred))
    detect = parts.detect(1) if name == "recognise" else None
    step = {"inspect": workflow.inspect, "recognise": workflow.recognise, "store": workflow.store}[name]
    return partial(step, parts.pipeline(detect, deferred))


class _Parts:
    """The parts of a function, with clients for so many requests at once."""

    def __init__(self, connections: int) -> None:
        self.variables = Variables(os.environ)
        self.connections = connections
        self.metrics, self.logger = Metrics(), Logger()
        self.results_bucket = self.variables.optional_text("RESULTS_BUCKET")
        self.topic_arn = self.variables.optional_text("TOPIC_ARN")

    def client(self, service: str, config: Callable[[int], Config] = client_config) -> Any:
        return boto3.client(service, config=config(self.connections))  # type: ignore[call-overload]  # any of them

    @cached_property
    def results(self) -> ResultsWriter:
        return ResultsWriter(Rows(self.client("dynamodb"), self.variables.text("RESULTS_TABLE")))

    @cached_property
    def timeout_s(self) -> float:
        return self.variables.number("REKOGNITION_TIMEOUT_S", 0.1, 300)

    @cached_property
    def settings(self) -> DetectorSettings:
        return DetectorSettings.parse(self.variables)

    @cached_property
    def objects(self) -> S3Objects:
        return S3Objects(self.client("s3"), self.variables.text("UPLOAD_BUCKET"))

    def decoder(self) -> Decoder:
        pixels = self.variables.integer("MAX_CONVERTED_PIXELS", 0, 10**9)
        return Decoder(pixels, self.variables.integer("DECODER_MEMORY_MB", 1, 10_240))

    def detect(self, connections: int) -> Detect:
        """Return calls without a pace."""
        config = rekognition.client_config(self.timeout_s, connections)
        return rekognition.SingleCalls(boto3.client("rekognition", config=config), self.metrics).detect

    def outbox(self) -> DeliveringOutbox | None:
        """Return an outbox with clients of its own; None where nothing is published."""
        if not (self.results_bucket or self.topic_arn):
            return None
        least = self.variables.number("NOTIFY_MIN_CONFIDENCE", 0, 100) if self.topic_arn else 0
        return DeliveringOutbox(
            rows=self.results.rows,
            documents=(self.client("s3", outbox.client_config), self.results_bucket) if self.results_bucket else None,
            topic=(self.client("sns", outbox.client_config), self.topic_arn) if self.topic_arn else None,
            min_confidence=Decimal(str(least)),
            metrics=self.metrics,
            now=_now,
            warn=self.logger.warning,
        )

    def recorder(self, publishing: Outbox | None) -> Recorder:
        return Recorder(self.variables.text("UPLOAD_BUCKET"), self.results, publishing, self.metrics, _now)

    def pipeline(self, detect: Detect | None, publishing: Outbox | None) -> Pipeline:
        threads = self.connections * len(self.settings.detectors)
        return Pipeline(
            **vars(self.recorder(publishing)),
            settings=self.settings,
            objects=self.objects,
            preparation=Preparation(self.objects, self.decoder(), self.metrics),
            rekognition=detect,
            cache_days=self.variables.integer("CACHE_DAYS", 1, 3650),
            operations=ThreadPoolExecutor(threads, thread_name_prefix="operation"),
            warn=self.logger.warning,
        )

    def queue(self, *, has_dead_letters: bool = True) -> EventsQueue:
        """Return the queue that the function takes its messages from."""
        text, integer = self.variables.text, self.variables.integer
        return EventsQueue(
            sqs=boto3.client("sqs", config=Config(max_pool_connections=self.connections)),
            url=text("QUEUE_URL"),
            dead_letters_url=text("DEAD_LETTER_QUEUE_URL") if has_dead_letters else None,
            max_attempts=integer("MAX_ATTEMPTS", 1, 1000) if has_dead_letters else 0,
            base_delay_s=self.variables.number("RETRY_BASE_DELAY_S", 0, 900),
            results=self.results,
            metrics=self.metrics,
            logger=self.logger,
            now=_now,
        )
