"""What the steps that label are built of, as their environment says."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

import boto3
from aws_lambda_powertools import Logger, Metrics

from handlers.labelling import rekognition, s3_objects
from handlers.labelling.analysing import Analysing
from handlers.labelling.environment import Variables, detector_settings
from handlers.labelling.preparation import Preparation
from handlers.labelling.processing import ImageProcessing
from handlers.labelling.recognition import OneCall
from handlers.labelling.sqs_batch import show_labels
from handlers.labelling.step import OnState, StepFunction
from handlers.labelling.tally import Tally
from handlers.labelling.targets import Targets
from handlers.labelling.workflow_ends import AnnouncedLater
from handlers.labelling.workflow_steps import WorkflowSteps
from handlers.results.cache import AnswerCache
from handlers.results.outbox import Outbox
from handlers.results.rows import DynamoRows, client_config
from handlers.results.table import ResultsTable


def now() -> datetime:
    """The time, in UTC."""
    return datetime.now(UTC)


def labelling_step(choose: Callable[[WorkflowSteps], OnState], values: Mapping[str, str] = os.environ) -> StepFunction:
    """One of the steps that label; `choose` says which. Raises EnvironmentVariableError."""
    variables = Variables(values)
    table, bucket = variables.text("RESULTS_TABLE"), variables.text("UPLOAD_BUCKET")
    timeout_s = variables.number("REKOGNITION_TIMEOUT_S", 0.1, 300)
    settings = detector_settings(variables)
    logger, tally = Logger(), Tally()
    dynamodb = boto3.client("dynamodb", config=client_config(connections=1))
    rows = DynamoRows(dynamodb, table)
    objects = s3_objects.S3Objects(boto3.client("s3", config=s3_objects.client_config(1)), bucket)
    service = boto3.client("rekognition", config=rekognition.client_config(timeout_s, 1))
    targets = Targets.parse(variables)
    processing = ImageProcessing(
        bucket=bucket,
        settings=settings,
        objects=objects,
        analysing=Analysing(
            settings=settings,
            objects=objects,
            preparation=Preparation(objects, variables.integer("MAX_CONVERTED_PIXELS", 0, 10**9), tally),
            recogniser=OneCall(rekognition.RekognitionService(service), tally),
            answers=AnswerCache(rows, variables.integer("CACHE_DAYS", 1, 3650), now),
            tally=tally,
            operations=ThreadPoolExecutor(1, thread_name_prefix="operation"),
            warn=logger.warning,
        ),
        results=ResultsTable(dynamodb, table),
        tally=tally,
        now=now,
        announcing=AnnouncedLater(Outbox(rows, now)) if targets.any else None,
        tell=partial(show_labels, logger),
    )
    return StepFunction(choose(WorkflowSteps(processing)), tally, logger, Metrics())
