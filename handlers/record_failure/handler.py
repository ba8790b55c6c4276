"""The edge of `record_failure`: builds the parts once, hands events to `labelling.failure`."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics

from handlers.labelling.environment import Variables
from handlers.labelling.failure import FailureRecording
from handlers.labelling.sqs_batch import QueueFunction
from handlers.labelling.tally import Tally
from handlers.results.rows import client_config
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
    results = ResultsTable(
        boto3.client("dynamodb", config=client_config(connections=10)), variables.text("RESULTS_TABLE")
    )
    tally = Tally()
    recording = FailureRecording(variables.text("UPLOAD_BUCKET"), results, tally, lambda: datetime.now(UTC))
    return QueueFunction(
        on_event=lambda event, deadline: recording.record(event),
        results=results,
        tally=tally,
        logger=Logger(),
        metrics=Metrics(),
    )
