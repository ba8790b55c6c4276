"""The dashboard's body: rows of graphs, from pictures down to the parts that handle them."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from components import alarms
from components.alarms import Metric, WatchedApi, WatchedFunction

COLUMNS, HEIGHT = 24, 6
FIVE_MINUTES_S = 5 * 60
# What becomes of pictures, in the colours in which the command and the page show it.
OUTCOMES = (
    ("PicturesLabeled", "#2ca02c"),
    ("PicturesRejected", "#ff7f0e"),
    ("PicturesFailed", "#d62728"),
    ("PicturesDeleted", "#7f7f7f"),
)
EVENTS = ("StaleEvents", "IgnoredEvents", "UnreadableMessages", "PicturesConverted", "PicturesPostponed")
ANNOUNCEMENTS = ("ResultsAnnounced", "AnnouncementsFailed")

Line = list[Any]
Widget = dict[str, Any]


def body(
    *,
    region: pulumi.Input[str],
    service: str,
    functions: Mapping[str, WatchedFunction],
    queue_name: pulumi.Input[str],
    dead_letter_queue_name: pulumi.Input[str],
    api: WatchedApi | None,
    state_machine_arn: pulumi.Input[str] | None,
    usd_per_call: float,
    alarm_arns: Sequence[pulumi.Input[str]],
) -> dict[str, Any]:
    """The dashboard as CloudWatch takes it, with outputs in it."""
    rows: list[list[Widget]] = [
        [_alarms(alarm_arns)],
        [
            _graph("Pictures", region, [_line(alarms.own(name, service), color=color) for name, color in OUTCOMES]),
            _graph(
                "Upload to result",
                region,
                [_line(alarms.own("UploadToResult", service), stat=stat, label=stat) for stat in ("p50", "p99")],
                unit="ms",
            ),
            _graph("Other events", region, [_line(alarms.own(name, service)) for name in EVENTS]),
        ],
        [
            _graph(
                "Rekognition calls",
                region,
                [
                    _line(alarms.own(name, service))
                    for name in ("RekognitionCalls", "RekognitionCallsSaved", "RekognitionThrottles")
                ],
            ),
            _cost(region, service, usd_per_call),
            _graph("Announcements", region, [_line(alarms.own(name, service)) for name in ANNOUNCEMENTS]),
        ],
        [
            _graph(
                "Queues: messages",
                region,
                [
                    _line(alarms.of_queue(queue, "ApproximateNumberOfMessagesVisible"), stat="Maximum", label=label)
                    for queue, label in ((queue_name, "uploads"), (dead_letter_queue_name, "dead letters"))
                ],
            ),
            _graph(
                "Queues: age of the oldest upload",
                region,
                [_line(alarms.of_queue(queue_name, "ApproximateAgeOfOldestMessage"), stat="Maximum")],
                unit="s",
            ),
        ],
        _functions(region, functions),
    ]
    if api is not None:
        rows.append(_api(region, api))
    if state_machine_arn is not None:
        names = ("ExecutionsStarted", "ExecutionsSucceeded", "ExecutionsFailed", "ExecutionsTimedOut")
        rows.append(
            [_graph("Workflow", region, [_line(alarms.of_workflow(state_machine_arn, name)) for name in names])]
        )
    return {"widgets": _placed(rows)}


def _alarms(arns: Sequence[pulumi.Input[str]]) -> Widget:
    return {"type": "alarm", "properties": {"title": "Alarms", "alarms": list(arns)}}


def _functions(region: pulumi.Input[str], functions: Mapping[str, WatchedFunction]) -> list[Widget]:
    def lines(metric: str, stat: str = "Sum") -> list[Line]:
        return [
            _line(alarms.of_function(function, metric), stat=stat, label=label) for label, function in functions.items()
        ]

    return [
        _graph("Functions: invocations", region, lines("Invocations")),
        _graph("Functions: errors", region, lines("Errors")),
        _graph("Functions: throttles", region, lines("Throttles")),
        _graph("Functions: duration p99", region, lines("Duration", "p99"), unit="ms"),
    ]


def _api(region: pulumi.Input[str], api: WatchedApi) -> list[Widget]:
    client, server = alarms.CLIENT_ERRORS[api.kind], alarms.SERVER_ERRORS[api.kind]
    latencies = [_line(alarms.of_api(api, "Latency"), stat=stat, label=stat) for stat in ("p50", "p99")]
    return [
        _graph("API: requests", region, [_line(alarms.of_api(api, "Count"))]),
        _graph("API: errors", region, [_line(alarms.of_api(api, name)) for name in (client, server)]),
        _graph("API: latency", region, latencies, unit="ms"),
    ]


def _cost(region: pulumi.Input[str], service: str, usd_per_call: float) -> Widget:
    """What each day's calls cost, and what those saved would have."""
    hidden = [_line(metric, id=id, visible=False) for id, metric in alarms.cost_metrics(service).items()]
    saved = _line(alarms.own("RekognitionCallsSaved", service), id="saved", visible=False)
    lines = [
        [{"expression": alarms.cost_expression(usd_per_call), "id": "cost", "label": "cost"}],
        [{"expression": f"FILL(saved, 0) * {usd_per_call:.8f}", "id": "kept", "label": "saved by known content"}],
        *hidden,
        saved,
    ]
    return _graph("Rekognition: USD a day", region, lines, unit="USD", period_s=alarms.DAY_S)


def _line(metric: Metric, **options: Any) -> Line:
    dimensions = [part for pair in metric.dimensions.items() for part in pair]
    return [metric.namespace, metric.name, *dimensions, *([options] if options else [])]


def _graph(
    title: str, region: pulumi.Input[str], lines: list[Line], *, unit: str = "", period_s: int = FIVE_MINUTES_S
) -> Widget:
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


def _placed(rows: Sequence[Sequence[Widget]]) -> list[Widget]:
    """Each row over the whole width."""
    return [
        {"x": column * COLUMNS // len(row), "y": y * HEIGHT, "width": COLUMNS // len(row), "height": HEIGHT, **widget}
        for y, row in enumerate(rows)
        for column, widget in enumerate(row)
    ]
