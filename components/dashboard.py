"""The dashboard's body: rows of graphs, from pictures down to the parts that handle them."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from . import alarms
from .watched import Metric, PipelineReference, Watched, WatchedApi, of_queue, of_workflow, own

COLUMNS, HEIGHT = 24, 6
FIVE_MINUTES_S = 5 * 60
# The outcomes of pictures, in the colours of the command and the page.
OUTCOMES = (
    ("PicturesLabeled", "#2ca02c"),
    ("PicturesRejected", "#ff7f0e"),
    ("PicturesFailed", "#d62728"),
    ("PicturesDeleted", "#7f7f7f"),
)
EVENTS = ("StaleEvents", "IgnoredEvents", "UnreadableMessages", "PicturesConverted", "PicturesPostponed")

Line = list[Any]
Widget = dict[str, Any]


def body(
    region: pulumi.Input[str],
    pipeline: PipelineReference,
    functions: Mapping[str, Watched],
    api: WatchedApi | None,
    usd_per_call: float,
    alarm_arns: Sequence[pulumi.Input[str]],
) -> dict[str, Any]:
    """Return the dashboard as CloudWatch takes it, with outputs in it."""
    service, queue_name = pipeline["service"], pipeline["queue_name"]

    def graph(title: str, lines: list[Line], unit: str = "", period_s: int = FIVE_MINUTES_S) -> Widget:
        axis: dict[str, Any] = {"min": 0, **({"label": unit, "showUnits": False} if unit else {})}
        return {
            "type": "metric",
            "properties": {
                "title": title,
                "region": region,
                "view": "timeSeries",
                "stat": "Sum",
                "period": period_s,
                "metrics": lines,
                "yAxis": {"left": axis},
            },
        }

    def count(*names: str) -> list[Line]:
        return [_line(own(name, service)) for name in names]

    def of_functions(metric: str, stat: str = "Sum") -> list[Line]:
        return [_line(each.metric(metric), stat=stat, label=label) for label, each in functions.items()]

    def percentiles(metric: Metric) -> list[Line]:
        return [_line(metric, stat=stat, label=stat) for stat in ("p50", "p99")]

    waiting = [
        _line(of_queue(queue, "ApproximateNumberOfMessagesVisible"), stat="Maximum", label=label)
        for queue, label in ((queue_name, "uploads"), (pipeline["dead_letter_queue_name"], "dead letters"))
    ]
    oldest = _line(of_queue(queue_name, "ApproximateAgeOfOldestMessage"), stat="Maximum")
    rows: list[list[Widget]] = [
        [{"type": "alarm", "properties": {"title": "Alarms", "alarms": list(alarm_arns)}}],
        [
            graph("Pictures", [_line(own(name, service), color=color) for name, color in OUTCOMES]),
            graph("Upload to result", percentiles(own("UploadToResult", service)), "ms"),
            graph("Other events", count(*EVENTS)),
            graph("Previews", count("PreviewsMade", "PicturesWithoutPreview")),
        ],
        [
            graph("Rekognition calls", count("RekognitionCalls", "RekognitionCallsSaved", "RekognitionThrottles")),
            graph("Rekognition: USD a day", _cost(service, usd_per_call), "USD", alarms.DAY_S),
            graph("Announcements", count("ResultsAnnounced", "AnnouncementsFailed")),
        ],
        [graph("Queues: messages", waiting), graph("Queues: age of the oldest upload", [oldest], "s")],
        [
            graph("Functions: invocations", of_functions("Invocations")),
            graph("Functions: errors", of_functions("Errors")),
            graph("Functions: throttles", of_functions("Throttles")),
            graph("Functions: duration p99", of_functions("Duration", "p99"), "ms"),
        ],
    ]
    if api is not None:
        errors = alarms.CLIENT_ERRORS[api.kind], alarms.SERVER_ERRORS[api.kind]
        rows.append(
            [
                graph("API: requests", [_line(api.metric("Count"))]),
                graph("API: errors", [_line(api.metric(name)) for name in errors]),
                graph("API: latency", percentiles(api.metric("Latency")), "ms"),
            ]
        )
    if (machine := pipeline.get("state_machine_arn")) is not None:
        names = ("ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut")
        rows.append([graph("Workflow", [_line(of_workflow(machine, name)) for name in names])])
    return {"widgets": _placed(rows)}


def _cost(service: pulumi.Input[str], usd_per_call: float) -> list[Line]:
    """Return the lines of each day's cost and savings."""
    saved = {"saved": own("RekognitionCallsSaved", service)}
    return [
        [{"expression": alarms.cost_expression(usd_per_call), "id": "cost", "label": "cost"}],
        [{"expression": f"FILL(saved, 0) * {usd_per_call:.8f}", "id": "kept", "label": "saved by known content"}],
        *(_line(metric, id=id, visible=False) for id, metric in {**alarms.cost_metrics(service), **saved}.items()),
    ]


def _line(metric: Metric, **options: Any) -> Line:
    dimensions = [part for pair in metric.dimensions.items() for part in pair]
    return [metric.namespace, metric.name, *dimensions, *([options] if options else [])]


def _placed(rows: Sequence[Sequence[Widget]]) -> list[Widget]:
    """Return each row over the whole width."""
    return [
        {"x": column * COLUMNS // len(row), "y": y * HEIGHT, "width": COLUMNS // len(row), "height": HEIGHT, **widget}
        for y, row in enumerate(rows)
        for column, widget in enumerate(row)
    ]
