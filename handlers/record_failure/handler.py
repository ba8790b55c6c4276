"""The edge of `record_failure`: a batch of messages from the dead-letter queue."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from ..environment import Variables
from ..labelling import composition

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

    from ..labelling.sqs_batch import QueueFunction


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Record the pictures that could not be labelled."""
    return _function().handle(event, context)


@cache
def _function() -> QueueFunction[None]:
    return composition.record_failure(Variables(os.environ))
