"""The edge of `pause_pipeline`, which CloudWatch calls when the alarm of the daily cost bound goes off.

From then on no picture is taken from the queue, until somebody turns the event source mapping on again (`labelstack
resume`). To pause twice is harmless.

Environment: EVENT_SOURCE_MAPPING_ID (that of the pipeline's queue); and Powertools' own.
Rights: lambda:UpdateEventSourceMapping of that mapping.
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from ..environment import Variables

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_lambda import LambdaClient


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Disable the event source mapping when the cost alarm calls."""
    mapping_id = Variables(os.environ).text("EVENT_SOURCE_MAPPING_ID")
    answer = _client().update_event_source_mapping(UUID=mapping_id, Enabled=False)
    alarm = (event.get("alarmData") or {}).get("alarmName")
    Logger().warning("paused", extra={"alarm": alarm, "eventSourceMapping": mapping_id, "state": answer["State"]})
    return {"state": answer["State"]}


@cache
def _client() -> LambdaClient:
    return boto3.client("lambda")
