"""Lambda's context for a handler, and the metrics that the handler prints."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, cast

import pytest
from aws_lambda_powertools.utilities.typing import LambdaContext


@dataclass
class _Context:
    function_name: str = "process-image"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:000000000000:function:process-image"
    aws_request_id: str = "request-1"
    remaining_ms: int = 60_000

    def get_remaining_time_in_millis(self) -> int:
        return self.remaining_ms


def lambda_context(remaining_ms: int = 60_000) -> LambdaContext:
    """Return a context with this much time left."""
    return cast("LambdaContext", _Context(remaining_ms=remaining_ms))


def emitted(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """Return the metrics on standard output: one line in CloudWatch's embedded metric format."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]
    [metrics] = [line for line in lines if "_aws" in line]
    document: dict[str, Any] = metrics
    return document
