"""The edge of the branches: asks one detector about a picture."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from handlers.workflow.parts import labelling_step

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from handlers.labelling.step import StepFunction


def handle(state: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The Lambda handler: a state of the workflow."""
    return _function().handle(state, context)


@cache
def _function() -> StepFunction:
    return labelling_step(lambda steps: steps.recognise)
