"""The edge of `record_failure`: builds the parts once, hands events to `labelling.failure`."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from botocore.config import Config

from handlers.labelling.environment import Variables
from handlers.labelling.failure import FailureRecording
from handlers.labelling.sqs_batch import QueueFunction, Redelivery
from handlers.labelling.tally import Tally
from handlers.labelling.targets import Targets
from handlers.results.rows import DynamoRows, client_config
from handlers.results.table import ResultsTable

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handle(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """The Lambda handler: a batch of messages from the dead-letter queue."""
    return _function().handle(event, context)


@cache
def _function() -> QueueFunction:
    variables = Variables(os.environ)
    table = variables.text("RESULTS_TABLE")
    dynamodb = boto3.client("dynamodb", config=client_config(connections=10))
    sqs = boto3.client("sqs", config=Config(max_pool_connections=10))
    results = ResultsTable(dynamodb, table)
    logger, tally = Logger(), Tally()
    targets = Targets.parse(variables)
    recording = FailureRecording(
        variables.text("UPLOAD_BUCKET"),
        results,
        tally,
        _now,
        targets.announcing(DynamoRows(dynamodb, table), tally, _now, logger.warning),
    )
    retry_base_delay_s = variables.number("RETRY_BASE_DELAY_S", 1, 900)
    return QueueFunction(
        on_event=lambda event, deadline: recording.record(event),
        redelivery=Redelivery(sqs, variables.text("QUEUE_URL"), retry_base_delay_s, logger),
        results=results,
        tally=tally,
        logger=logger,
        metrics=Metrics(),
    )


def _now() -> datetime:
    return datetime.now(UTC)
