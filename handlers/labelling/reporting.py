"""The metrics of one invocation, in CloudWatch's embedded metric format."""

from __future__ import annotations

from aws_lambda_powertools import Metrics
from aws_lambda_powertools.metrics import MetricUnit

from handlers.labelling.tally import UPLOAD_TO_RESULT, Tally


def publish(tally: Tally, metrics: Metrics) -> None:
    """Print what was counted and timed, which begins anew; nothing where nothing was."""
    counts, upload_to_result_ms = tally.take()
    for name, count in counts.items():
        metrics.add_metric(name, MetricUnit.Count, count)
    for milliseconds in upload_to_result_ms:
        metrics.add_metric(UPLOAD_TO_RESULT, MetricUnit.Milliseconds, milliseconds)
    if counts or upload_to_result_ms:
        metrics.flush_metrics()
