"""The edges of the workflow's functions: `start` runs executions, the others are their steps (`labelling.workflow`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from ..labelling import composition


def start(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Run one execution for each event of a batch, and wait for its end."""
    return composition.start_workflow()(event, context)


def _step(name: str) -> Callable[[dict[str, Any], LambdaContext], dict[str, Any]]:
    return lambda state, context: composition.workflow_step(name)(state, context)


inspect, recognise, store, fail, notify = map(_step, ("inspect", "recognise", "store", "fail", "notify"))
