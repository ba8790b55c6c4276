"""The edge of `process_image`: a batch of S3 events from the queue."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from ..labelling import composition


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Label the pictures of a batch."""
    return composition.process_image()(event, context)
