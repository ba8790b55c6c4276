"""The edge of `process_image`: a batch of S3 events from the queue."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from ..environment import Variables
from ..labelling import composition

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from ..labelling.pipeline import Batch
    from ..labelling.sqs_batch import QueueFunction


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Label the pictures of a batch."""
    return _function().handle(event, context)


@cache
def _function() -> QueueFunction[Batch]:
    return composition.process_image(Variables(os.environ))
