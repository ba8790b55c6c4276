"""The edge of the step that records what the steps before have failed at for good."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics

from handlers.labelling.environment import Variables
from handlers.labelling.failure import FailureRecording
from handlers.labelling.step import StepFunction
from handlers.labelling.tally import Tally
from handlers.labelling.targets import Targets
from handlers.labelling.workflow_ends import AnnouncedLater, FailureStep
from handlers.results.outbox import Outbox
from handlers.results.rows import DynamoRows, client_config
from handlers.results.table import ResultsTable

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handle(state: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The Lambda handler: a state of the workflow."""
    return _function().handle(state, context)


@cache
def _function() -> StepFunction:
    variables = Variables(os.environ)
    table = variables.text("RESULTS_TABLE")
    dynamodb = boto3.client("dynamodb", config=client_config(connections=1))
    logger, tally = Logger(), Tally()
    later = AnnouncedLater(Outbox(DynamoRows(dynamodb, table), _now)) if Targets.parse(variables).any else None
    recording = FailureRecording(variables.text("UPLOAD_BUCKET"), ResultsTable(dynamodb, table), tally, _now, later)
    return StepFunction(FailureStep(recording).record, tally, logger, Metrics())


def _now() -> datetime:
    return datetime.now(UTC)
