"""The edges of the workflow's functions: `start` runs executions, the others are their steps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..labelling import composition

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def start(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Run one execution for each event of a batch, and wait for its end."""
    return composition.start_workflow().handle(event, context)


def inspect(state: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Return a final state if no Rekognition call is needed, else the detectors to call."""
    return composition.workflow_step("inspect").handle(state, context)


def recognise(state: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Ask one detector about a picture."""
    return composition.workflow_step("recognise").handle(state, context)


def store(state: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Store the detectors' answers and return the final state."""
    return composition.workflow_step("store").handle(state, context)


def fail(state: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Record the error after which earlier steps gave up."""
    return composition.workflow_step("fail").handle(state, context)


def notify(state: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Publish the result that earlier steps stored."""
    return composition.workflow_step("notify").handle(state, context)
