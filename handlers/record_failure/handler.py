"""The edge of `record_failure`: a batch of messages from the dead-letter queue."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from ..labelling import composition


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Record the pictures that could not be labelled."""
    return composition.record_failure()(event, context)
