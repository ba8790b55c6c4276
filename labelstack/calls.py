"""Count the Rekognition calls that a stack has made and saved: from CloudWatch, or else from the log."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from labelstack.clouds import Cloud
from labelstack.errors import NoOutputsError
from labelstack.logs import read

NAMESPACE = "Labelstack"
MADE, SAVED = "RekognitionCalls", "RekognitionCallsSaved"
# The outputs that name who counts: the queue's function, or in its place steps of the workflow.
COUNTING = ("processorFunction", "inspectFunction", "recogniseFunction")
DAY_S = 24 * 60 * 60


@dataclass(frozen=True)
class Calls:
    """Rekognition calls of some days.

    Attributes:
        calls: Requests, including repeated ones after throttling.
        saved: Requests that known content saved.
        source: The source of the numbers, for people.
    """

    calls: int
    saved: int
    source: str


def count(cloud: Cloud, outputs: Mapping[str, Any], service: str, days: int, now: datetime | None = None) -> Calls:
    """Return the calls of the last days.

    On AWS this reads CloudWatch's metrics. Emulators derive no metrics from logs, so there it reads the log.

    Raises:
        NoOutputsError: The outputs lack the function whose log has the metrics.
    """
    until = now or datetime.now(UTC)
    since = until - timedelta(days=days)
    if cloud.endpoint_url is None:
        client = cloud.client("cloudwatch")
        calls, saved = (_sum(client, name, service, since, until) for name in (MADE, SAVED))
        return Calls(calls, saved, f"CloudWatch, namespace {NAMESPACE}, service {service}")
    functions = [str(outputs[name]) for name in COUNTING if name in outputs]
    if not functions:
        raise NoOutputsError(
            "the calls cannot be counted, because the stack has no output processorFunction: deploy it again."
        )
    lines = read(cloud.client("logs"), functions, int(since.timestamp() * 1000))
    calls, saved = logged(line.message for line in lines)
    return Calls(calls, saved, f"the log of {' and '.join(functions)}, because {cloud.name} keeps no metrics")


def logged(messages: Iterable[str]) -> tuple[int, int]:
    """Return the calls that log lines count as sent and as saved, by their metrics (EMF)."""
    totals = dict.fromkeys((MADE, SAVED), 0.0)
    for message in messages:
        if not message.startswith("{"):
            continue
        try:
            said = json.loads(message)
        except ValueError:
            continue
        if "_aws" in said:
            for name in totals:
                value = said.get(name, 0)
                totals[name] += sum(value) if isinstance(value, list) else value
    return round(totals[MADE]), round(totals[SAVED])


def _sum(cloudwatch: Any, name: str, service: str, since: datetime, until: datetime) -> int:
    answer = cloudwatch.get_metric_statistics(
        Namespace=NAMESPACE,
        MetricName=name,
        Dimensions=[{"Name": "service", "Value": service}],
        StartTime=since,
        EndTime=until,
        Period=DAY_S,
        Statistics=["Sum"],
    )
    return round(sum(float(point["Sum"]) for point in answer["Datapoints"]))
