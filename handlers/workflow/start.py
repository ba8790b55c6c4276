"""The edge of `start_workflow`: runs one execution for each event of a batch, and waits for its end."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics
from botocore.config import Config

from handlers.labelling import workflow_start
from handlers.labelling.attempts import AttemptNotes
from handlers.labelling.environment import Variables
from handlers.labelling.postponing import Postponement
from handlers.labelling.sqs_batch import QueueFunction, Redelivery
from handlers.labelling.tally import Tally
from handlers.labelling.workflow_start import Workflow
from handlers.results.rows import client_config
from handlers.results.table import ResultsTable

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext

_EVENTS_AT_ONCE = 10
"""A batch is at most 10 messages."""


def handle(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """The Lambda handler: a batch of events from the queue."""
    return _function().handle(event, context)


@cache
def _function() -> QueueFunction:
    variables = Variables(os.environ)
    queue_url = variables.text("QUEUE_URL")
    dynamodb = boto3.client("dynamodb", config=client_config(_EVENTS_AT_ONCE))
    sqs = boto3.client("sqs", config=Config(max_pool_connections=_EVENTS_AT_ONCE))
    states = boto3.client("stepfunctions", config=workflow_start.client_config(_EVENTS_AT_ONCE))
    results = ResultsTable(dynamodb, variables.text("RESULTS_TABLE"))
    logger, tally = Logger(), Tally()
    redelivery = Redelivery(sqs, queue_url, variables.number("RETRY_BASE_DELAY_S", 0, 900), logger)
    return QueueFunction(
        on_event=Workflow(states, variables.text("STATE_MACHINE_ARN")).run,
        on_failure=AttemptNotes(results, _now, logger.warning).note,
        redelivery=redelivery,
        postponement=Postponement(sqs, queue_url, redelivery.delay_s, tally, logger, _now),
        results=results,
        tally=tally,
        logger=logger,
        metrics=Metrics(),
    )


def _now() -> datetime:
    return datetime.now(UTC)
