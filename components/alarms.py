"""What Monitoring watches: each alarm with what it compares, and what to do when it goes off.

No alarm takes missing data for trouble: every metric here is published only while something happens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Self

import pulumi

from components.pipeline import METRICS_NAMESPACE
from components.python_function import PythonFunction

MINUTE_S, DAY_S = 60, 24 * 60 * 60
# aws.amazon.com/rekognition/pricing, us-east-1, first tier: one image and operation, and image properties on top.
USD_PER_CALL, USD_PER_IMAGE_PROPERTIES = 0.001, 0.00075
SLOW_OF_TIMEOUT = 0.9
OLDEST_MESSAGE_S = 15 * MINUTE_S
API_SLOW_MS = 3_000
THROTTLES = 10  # in five minutes; fewer are what retries are for
SERVER_ERRORS: Mapping[str, str] = {"rest": "5XXError", "http": "5xx"}
CLIENT_ERRORS: Mapping[str, str] = {"rest": "4XXError", "http": "4xx"}
API_DIMENSIONS: Mapping[str, tuple[str, str]] = {"rest": ("ApiName", "Stage"), "http": ("ApiId", "Stage")}


@dataclass(frozen=True)
class WatchedFunction:
    """A function: its physical name, its timeout, and the command that shows its log.

    `is_step`: of a workflow, which takes its errors for answers, and fails itself in the end.
    """

    name: pulumi.Input[str]
    timeout_s: int
    logs_command: pulumi.Input[str]
    is_step: bool = False

    @classmethod
    def of(cls, function: PythonFunction, logs_command: str | None = None, *, is_step: bool = False) -> Self:
        """A PythonFunction; its log is read with the AWS CLI when there is no shorter command."""
        return cls(function.name, function.timeout_s, logs_command or tail_command(function.name), is_step)


@dataclass(frozen=True)
class WatchedApi:
    """An API; `dimensions` are `ApiName` and `Stage` of kind `rest`, `ApiId` and `Stage` of kind `http`."""

    kind: Literal["rest", "http"]
    dimensions: Mapping[str, pulumi.Input[str]]


@dataclass(frozen=True)
class Metric:
    """One CloudWatch metric."""

    namespace: str
    name: str
    dimensions: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Alarm:
    """Goes off when a statistic is at or above the threshold in each of the last `periods`.

    `metrics` has one entry, or several by the ids that `expression` uses. `name` is unique within the stack. `advice`
    tells a person what has happened and what to do.
    """

    name: str
    advice: pulumi.Input[str]
    metrics: Mapping[str, Metric]
    statistic: str
    threshold: float
    period_s: int = MINUTE_S
    periods: int = 1
    expression: str | None = None


def tail_command(function_name: pulumi.Input[str]) -> pulumi.Output[str]:
    """The AWS CLI's command for a function's log."""
    return pulumi.Output.concat("aws logs tail --since 1h /aws/lambda/", function_name)


def own(name: str, service: str) -> Metric:
    """A metric that the functions publish in their log (embedded metric format)."""
    return Metric(METRICS_NAMESPACE, name, {"service": service})


def of_function(function: WatchedFunction, name: str) -> Metric:
    """A metric of Lambda."""
    return Metric("AWS/Lambda", name, {"FunctionName": function.name})


def of_queue(queue_name: pulumi.Input[str], name: str) -> Metric:
    """A metric of SQS."""
    return Metric("AWS/SQS", name, {"QueueName": queue_name})


def of_api(api: WatchedApi, name: str) -> Metric:
    """A metric of API Gateway."""
    return Metric("AWS/ApiGateway", name, api.dimensions)


def of_workflow(state_machine_arn: pulumi.Input[str], name: str) -> Metric:
    """A metric of Step Functions."""
    return Metric("AWS/States", name, {"StateMachineArn": state_machine_arn})


def function_alarms(label: str, function: WatchedFunction) -> list[Alarm]:
    """Errors (unless they are answers), throttles and slowness of one function."""
    logs, limit_ms = function.logs_command, SLOW_OF_TIMEOUT * function.timeout_s * 1000
    found = [
        Alarm(
            f"{label}-errors",
            pulumi.Output.concat(
                f"{label} ended with an error that it did not handle itself. See why: ",
                logs,
                ". What it worked on is tried again, so a single error needs nothing more.",
            ),
            {"m": of_function(function, "Errors")},
            "Sum",
            1,
        ),
        Alarm(
            f"{label}-throttles",
            f"Lambda refuses to run {label}, for 15 minutes now: the account's concurrency is used up. "
            "See who uses it (aws lambda get-account-settings), or ask AWS for more.",
            {"m": of_function(function, "Throttles")},
            "Sum",
            1,
            5 * MINUTE_S,
            3,
        ),
        Alarm(
            f"{label}-slow",
            pulumi.Output.concat(
                f"For 15 minutes {label} has been taking {SLOW_OF_TIMEOUT:.0%} or more of its {function.timeout_s} s. "
                "See what it waits for: ",
                logs,
                ". If it is Rekognition's quota, raise rekognitionTps once AWS has raised it.",
            ),
            {"m": of_function(function, "Duration")},
            "p99",
            limit_ms,
            5 * MINUTE_S,
            3,
        ),
    ]
    return found[1:] if function.is_step else found


def queue_alarms(service: str, queue_name: pulumi.Input[str], dead_letter_queue_name: pulumi.Input[str]) -> list[Alarm]:
    """What waits too long, and what is given up."""
    return [
        Alarm(
            "pictures-failed",
            "Pictures could not be labelled after all attempts. See which and why: labelstack logs failureRecorder. "
            "Once the cause is gone, send them again: labelstack redrive.",
            {"m": own("PicturesFailed", service)},
            "Sum",
            1,
        ),
        Alarm(
            "dead-letters",
            "Messages stay in the dead-letter queue because their failure cannot be recorded. See why: labelstack logs "
            "failureRecorder. It takes them from there by itself once the cause is gone; they are kept for 14 days.",
            {"m": of_queue(dead_letter_queue_name, "ApproximateNumberOfMessagesVisible")},
            "Maximum",
            1,
            MINUTE_S,
            5,
        ),
        Alarm(
            "oldest-upload",
            f"An upload has been waiting for {OLDEST_MESSAGE_S // 60} minutes or more. See whether pictures are being "
            "processed: labelstack logs processor. If they are, more come than rekognitionTps lets through.",
            {"m": of_queue(queue_name, "ApproximateAgeOfOldestMessage")},
            "Maximum",
            OLDEST_MESSAGE_S,
            5 * MINUTE_S,
        ),
    ]


def api_alarms(api: WatchedApi) -> list[Alarm]:
    """The API's failures and slowness; the names of its metrics are the kind's."""
    return [
        Alarm(
            "api-errors",
            "The API answered with a status of 500 or more. See the errors: labelstack logs --since 1h, and the API "
            "functions' own log groups.",
            {"m": of_api(api, SERVER_ERRORS[api.kind])},
            "Sum",
            1,
        ),
        Alarm(
            "api-slow",
            f"For 15 minutes the slowest hundredth of the API's requests has been taking {API_SLOW_MS // 1000} s or "
            "more. See the dashboard for the function that is slow, and raise its memory.",
            {"m": of_api(api, "Latency")},
            "p99",
            API_SLOW_MS,
            5 * MINUTE_S,
            3,
        ),
    ]


def workflow_alarms(state_machine_arn: pulumi.Input[str]) -> list[Alarm]:
    """Executions that did not succeed."""
    find = pulumi.Output.concat("aws stepfunctions list-executions --state-machine-arn ", state_machine_arn)
    return [
        Alarm(
            f"workflow-{suffix}",
            pulumi.Output.concat(
                f"Executions of the workflow {what}. Find them: ", find, f" --status-filter {status}."
            ),
            {"m": of_workflow(state_machine_arn, metric)},
            "Sum",
            1,
        )
        for suffix, metric, what, status in (
            ("failed", "ExecutionsFailed", "failed", "FAILED"),
            ("timed-out", "ExecutionsTimedOut", "took too long", "TIMED_OUT"),
        )
    ]


def rekognition_alarms(service: str) -> list[Alarm]:
    """Throttling: of this stack's calls as the functions see it, and of the whole account's as AWS counts it."""
    return [
        Alarm(
            "rekognition-throttles",
            "Rekognition keeps refusing this stack's calls because the quota is used up. Set rekognitionTps to what "
            "Service Quotas grants (the stack then asks for less), or ask AWS for more.",
            {"m": own("RekognitionThrottles", service)},
            "Sum",
            THROTTLES,
            5 * MINUTE_S,
            3,
        ),
        Alarm(
            "account-rekognition-throttles",
            "Rekognition keeps refusing calls of this account and region, of this stack or of others that share the "
            "quota. Lower rekognitionTps to this stack's share, or ask AWS for a higher quota.",
            # Without a dimension: all operations of the account
            # (docs.aws.amazon.com/rekognition/latest/dg/rekognition-monitoring.html).
            {"m": Metric("AWS/Rekognition", "ThrottledCount")},
            "Sum",
            THROTTLES,
            5 * MINUTE_S,
            3,
        ),
    ]


def usd_per_call(detectors: Sequence[str], *, image_properties: bool) -> float:
    """What one call costs on average; image properties are charged once a picture, on top of its labels."""
    return USD_PER_CALL + (USD_PER_IMAGE_PROPERTIES / len(detectors) if image_properties else 0)


def cost_expression(usd: float) -> str:
    """Metric math: the charge of the calls that were answered, as throttled ones cost nothing."""
    return f"(FILL(calls, 0) - FILL(throttles, 0)) * {usd:.8f}"


def cost_metrics(service: str) -> Mapping[str, Metric]:
    """The metrics of `cost_expression`."""
    return {"calls": own("RekognitionCalls", service), "throttles": own("RekognitionThrottles", service)}


def cost_alarm(service: str, bound_usd: float, usd: float, processor_name: pulumi.Input[str]) -> Alarm:
    """Rekognition's charge of one day, at the first tier's price."""
    mapping = pulumi.Output.concat(
        "$(aws lambda list-event-source-mappings --function-name ",
        processor_name,
        " --query EventSourceMappings[0].UUID --output text)",
    )
    return Alarm(
        "daily-cost",
        pulumi.Output.concat(
            f"Rekognition has cost about {bound_usd:g} USD or more within a day. See what is uploaded: labelstack "
            "watch. To stop spending, stop the function; the queue keeps uploads for 4 days: "
            "aws lambda update-event-source-mapping --no-enabled --uuid ",
            mapping,
        ),
        cost_metrics(service),
        "Sum",
        bound_usd,
        DAY_S,
        expression=cost_expression(usd),
    )
