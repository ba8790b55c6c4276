"""The edge of `process_image`: builds the parts once, hands events to `labelling.processing`."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from botocore.config import Config

from handlers.labelling import rekognition, s3_objects
from handlers.labelling.analysing import Analysing
from handlers.labelling.attempts import AttemptNotes
from handlers.labelling.pacing import Pacer
from handlers.labelling.postponing import Postponement
from handlers.labelling.preparation import Preparation
from handlers.labelling.processing import ImageProcessing
from handlers.labelling.recognition import PatientRecogniser
from handlers.labelling.sqs_batch import QueueFunction, Redelivery, show_labels
from handlers.labelling.tally import Tally
from handlers.process_image.environment import Environment
from handlers.results.cache import AnswerCache
from handlers.results.rows import DynamoRows, client_config
from handlers.results.table import ResultsTable

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext

_PICTURES_AT_ONCE = 10
"""A batch is at most 10 messages."""


def handle(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """The Lambda handler: a batch of S3 events from the queue."""
    return _function().handle(event, context)


@cache
def _function() -> QueueFunction:
    environment = Environment.parse(os.environ)
    detectors = environment.settings.detectors
    connections = _PICTURES_AT_ONCE * len(detectors)
    dynamodb = boto3.client("dynamodb", config=client_config(connections))
    service = boto3.client(
        "rekognition", config=rekognition.client_config(environment.rekognition_timeout_s, connections)
    )
    s3 = boto3.client("s3", config=s3_objects.client_config(_PICTURES_AT_ONCE))
    sqs = boto3.client("sqs", config=Config(max_pool_connections=_PICTURES_AT_ONCE))
    logger, tally = Logger(), Tally()
    objects = s3_objects.S3Objects(s3, environment.upload_bucket)
    results = ResultsTable(dynamodb, environment.results_table)
    rows = DynamoRows(dynamodb, environment.results_table)
    redelivery = Redelivery(sqs, environment.queue_url, environment.retry_base_delay_s, logger)
    processing = ImageProcessing(
        bucket=environment.upload_bucket,
        settings=environment.settings,
        objects=objects,
        analysing=Analysing(
            settings=environment.settings,
            objects=objects,
            preparation=Preparation(objects, environment.max_converted_pixels, tally),
            recogniser=PatientRecogniser(
                rekognition.RekognitionService(service),
                {detector: Pacer(environment.calls_per_second) for detector in detectors},
                environment.rekognition_timeout_s,
                tally,
            ),
            answers=AnswerCache(rows, environment.cache_days, _now),
            tally=tally,
            operations=ThreadPoolExecutor(connections, thread_name_prefix="operation"),
            warn=logger.warning,
        ),
        results=results,
        tally=tally,
        now=_now,
        announcing=environment.targets.announcing(rows, tally, _now, logger.warning),
        tell=partial(show_labels, logger),
    )
    return QueueFunction(
        on_event=processing.process,
        on_failure=AttemptNotes(results, _now, logger.warning).note,
        redelivery=redelivery,
        postponement=Postponement(sqs, environment.queue_url, redelivery.delay_s, tally, logger, _now),
        results=results,
        tally=tally,
        logger=logger,
        metrics=Metrics(),
    )


def _now() -> datetime:
    return datetime.now(UTC)
