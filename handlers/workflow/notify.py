"""The edge of the step that announces what the steps before have stored."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger, Metrics

from handlers.labelling.environment import EnvironmentVariableError, Variables
from handlers.labelling.step import StepFunction
from handlers.labelling.tally import Tally
from handlers.labelling.targets import Targets
from handlers.labelling.workflow_ends import NotifyStep
from handlers.results.rows import DynamoRows, client_config

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handle(state: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The Lambda handler: a state of the workflow."""
    return _function().handle(state, context)


@cache
def _function() -> StepFunction:
    variables = Variables(os.environ)
    rows = DynamoRows(boto3.client("dynamodb", config=client_config(1)), variables.text("RESULTS_TABLE"))
    logger, tally = Logger(), Tally()
    announcing = Targets.parse(variables).announcing(rows, tally, _now, logger.warning, connections=1)
    if announcing is None:
        raise EnvironmentVariableError("RESULTS_BUCKET and TOPIC_ARN are not set: expected one at least")
    return StepFunction(NotifyStep(announcing).notify, tally, logger, Metrics())


def _now() -> datetime:
    return datetime.now(UTC)
