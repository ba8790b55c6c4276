"""The edge of `record_failure`: a batch of messages from the dead-letter queue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..labelling import composition

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Record the pictures that could not be labelled."""
    return composition.record_failure()(event, context)
