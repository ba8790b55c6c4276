"""The alarms of Monitoring: each with its metric, its threshold and what to do when it starts.

`treat_missing_data` is `notBreaching`: every metric here is published only while something happens.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pulumi

from .arguments import derive
from .python_function import METRICS_NAMESPACE

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
class Watched:
    """A function: its physical name, its timeout, and the command that shows its log.

    `is_step`: of a workflow, which takes its errors for answers, and fails itself in the end.
    """

    name: pulumi.Input[str]
    timeout_seconds: pulumi.Input[int]
    logs_command: pulumi.Input[str]
    is_step: bool = False


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
    """An alarm on a statistic that is at or above the threshold in each of the last `periods`.

    `metric` is one metric, or several by the ids that `expression` uses. `name` is unique within the stack. `advice`
    tells a person what has happened and what to do.
    """

    name: str
    advice: pulumi.Input[str]
    metric: Metric | Mapping[str, Metric]
    statistic: str
    threshold: pulumi.Input[float]
    period_s: int = MINUTE_S
    periods: int = 1
    expression: str = ""


def own(name: str, service: pulumi.Input[str]) -> Metric:
    """Return a metric that the functions publish in their log (embedded metric format)."""
    return Metric(METRICS_NAMESPACE, name, {"service": service})


def of_function(function: Watched, name: str) -> Metric:
    """Return a metric of Lambda."""
    return Metric("AWS/Lambda", name, {"FunctionName": function.name})


def of_queue(queue_name: pulumi.Input[str], name: str) -> Metric:
    """Return a metric of SQS."""
    return Metric("AWS/SQS", name, {"QueueName": queue_name})


def of_api(api: WatchedApi, name: str) -> Metric:
    """Return a metric of API Gateway."""
    return Metric("AWS/ApiGateway", name, api.dimensions)


def of_workflow(state_machine_arn: pulumi.Input[str], name: str) -> Metric:
    """Return a metric of Step Functions."""
    return Metric("AWS/States", name, {"StateMachineArn": state_machine_arn})


def function_alarms(label: str, function: Watched) -> list[Alarm]:
    """Return the alarms of one function: errors (unless they are answers), throttles and slowness."""
    logs, timeout = function.logs_command, function.timeout_seconds
    failed = pulumi.Output.concat(
        f"{label} failed with an unhandled error. See why: ",
        logs,
        ". Its messages are retried, so a single error needs no action.",
    )
    refused = (
        f"Lambda has throttled {label} for 15 minutes: the account's concurrency is used up. "
        "See the account's limit (aws lambda get-account-settings), or ask AWS for more."
    )
    slow = pulumi.Output.concat(
        f"For 15 minutes {label} has used {SLOW_OF_TIMEOUT:.0%} or more of its timeout of ",
        derive(str, timeout),
        " s. See which call is slow: ",
        logs,
        ". If it is Rekognition's quota, raise rekognitionTps once AWS has raised it.",
    )
    longest_ms = derive(lambda seconds: SLOW_OF_TIMEOUT * seconds * 1000, timeout)
    alarms = [
        Alarm(f"{label}-errors", failed, of_function(function, "Errors"), "Sum", 1),
        Alarm(f"{label}-throttles", refused, of_function(function, "Throttles"), "Sum", 1, 5 * MINUTE_S, 3),
        Alarm(f"{label}-slow", slow, of_function(function, "Duration"), "p99", longest_ms, 5 * MINUTE_S, 3),
    ]
    return alarms[1:] if function.is_step else alarms


def pictures_alarm(service: pulumi.Input[str], logs: pulumi.Input[str], send_again: str) -> Alarm:
    """Return the alarm for pictures that failed all attempts; `send_again` says how to retry them."""
    advice = pulumi.Output.concat(
        "Pictures failed all attempts. See which and why: ",
        logs,
        f". After you fix the cause, {send_again}.",
    )
    return Alarm("pictures-failed", advice, own("PicturesFailed", service), "Sum", 1)


def dead_letters_alarm(queue_name: pulumi.Input[str], logs: pulumi.Input[str]) -> Alarm:
    """Return the alarm for messages that stay in the dead-letter queue."""
    advice = pulumi.Output.concat(
        "Messages stay in the dead-letter queue because recording their failure fails. See why: ",
        logs,
        ". The function takes them once the cause is gone. The queue keeps them for 14 days.",
    )
    metric = of_queue(queue_name, "ApproximateNumberOfMessagesVisible")
    return Alarm("dead-letters", advice, metric, "Maximum", 1, MINUTE_S, 5)


def previews_alarm(queue_name: pulumi.Input[str], logs: pulumi.Input[str]) -> Alarm:
    """Return the alarm for previews that fail for another reason than the picture."""
    advice = pulumi.Output.concat(
        "Previews could not be made or removed after all attempts. See why: ",
        logs,
        ". Once the cause is gone, move the messages from the previews' dead-letter queue back to their queue.",
    )
    metric = of_queue(queue_name, "ApproximateNumberOfMessagesVisible")
    return Alarm("previews-failed", advice, metric, "Maximum", 1, 5 * MINUTE_S)


def oldest_upload_alarm(queue_name: pulumi.Input[str], logs: pulumi.Input[str]) -> Alarm:
    """Return the alarm for uploads that wait too long."""
    advice = pulumi.Output.concat(
        f"An upload has been waiting for {OLDEST_MESSAGE_S // 60} minutes or more. See whether pictures are "
        "being processed: ",
        logs,
        ". If they are, uploads exceed rekognitionTps.",
    )
    metric = of_queue(queue_name, "ApproximateAgeOfOldestMessage")
    return Alarm("oldest-upload", advice, metric, "Maximum", OLDEST_MESSAGE_S, 5 * MINUTE_S)


def api_alarms(api: WatchedApi) -> list[Alarm]:
    """Return the API's failures and slowness; the names of its metrics are the kind's."""
    failed = (
        "The API answered with status 500 or more. See the errors in the logs of the API's functions, /aws/lambda/…."
    )
    slow = (
        f"For 15 minutes the slowest 1 % of API requests have taken {API_SLOW_MS // 1000} s or "
        "more. See the dashboard for the function that is slow, and raise its memory."
    )
    return [
        Alarm("api-errors", failed, of_api(api, SERVER_ERRORS[api.kind]), "Sum", 1),
        Alarm("api-slow", slow, of_api(api, "Latency"), "p99", API_SLOW_MS, 5 * MINUTE_S, 3),
    ]


def workflow_alarms(state_machine_arn: pulumi.Input[str]) -> list[Alarm]:
    """Return the alarms for executions that did not succeed."""
    find = pulumi.Output.concat("aws stepfunctions list-executions --state-machine-arn ", state_machine_arn)

    def alarm(suffix: str, metric: str, what: str, status: str) -> Alarm:
        advice = pulumi.Output.concat(
            f"Executions of the workflow {what}. Find them: ", find, f" --status-filter {status}."
        )
        return Alarm(f"workflow-{suffix}", advice, of_workflow(state_machine_arn, metric), "Sum", 1)

    return [
        alarm("failed", "ExecutionsFailed", "failed", "FAILED"),
        alarm("timed-out", "ExecutionsTimedOut", "took too long", "TIMED_OUT"),
    ]


def rekognition_alarms(service: pulumi.Input[str]) -> list[Alarm]:
    """Return the alarms for throttled calls: this stack's by the functions' metrics, the whole account's by AWS's."""
    own_calls = (
        "Rekognition throttles this stack's calls because the quota is used up. Set rekognitionTps to what "
        "Service Quotas grants (the stack then asks for less), or ask AWS for more."
    )
    all_calls = (
        "Rekognition throttles calls of this account and region, by this stack or others that share the "
        "quota. Lower rekognitionTps to this stack's share, or ask AWS for a higher quota."
    )
    # Without a dimension: all operations of the account
    # (docs.aws.amazon.com/rekognition/latest/dg/rekognition-monitoring.html).
    refused = Metric("AWS/Rekognition", "ThrottledCount")
    return [
        Alarm(name, advice, metric, "Sum", THROTTLES, 5 * MINUTE_S, 3)
        for name, advice, metric in (
            ("rekognition-throttles", own_calls, own("RekognitionThrottles", service)),
            ("account-rekognition-throttles", all_calls, refused),
        )
    ]


def usd_per_call(detectors: Sequence[str], *, image_properties: bool) -> float:
    """Return the average price of a call; image properties are charged once a picture, on top of its labels."""
    return USD_PER_CALL + (USD_PER_IMAGE_PROPERTIES / len(detectors) if image_properties else 0)


def cost_expression(usd: float) -> str:
    """Return the metric math of the charge. Throttled calls cost nothing."""
    return f"(FILL(calls, 0) - FILL(throttles, 0)) * {usd:.8f}"


def cost_metrics(service: pulumi.Input[str]) -> Mapping[str, Metric]:
    """Return the metrics of `cost_expression`."""
    return {"calls": own("RekognitionCalls", service), "throttles": own("RekognitionThrottles", service)}


def turn_on_command(processor_name: pulumi.Input[str]) -> pulumi.Output[str]:
    """Return the AWS CLI's command by which a paused pipeline goes on."""
    return _mapping_command(processor_name, "--enabled")


def _mapping_command(processor_name: pulumi.Input[str], change: str) -> pulumi.Output[str]:
    return pulumi.Output.concat(
        f"aws lambda update-event-source-mapping {change} --uuid ",
        "$(aws lambda list-event-source-mappings --function-name ",
        processor_name,
        " --query EventSourceMappings[0].UUID --output text)",
    )


def cost_alarm(
    service: pulumi.Input[str],
    bound_usd: pulumi.Input[float],
    usd: float,
    processor_name: pulumi.Input[str],
    resume: pulumi.Input[str] | None,
) -> Alarm:
    """Return the alarm for a day's Rekognition charge, at the first tier's price.

    `resume` is the command that goes on where the alarm pauses the pipeline.
    """
    what_to_do: Sequence[pulumi.Input[str]] = (
        "To stop spending, stop the function. The queue keeps uploads for 4 days: ",
        _mapping_command(processor_name, "--no-enabled"),
    )
    if resume is not None:
        what_to_do = ("The pipeline is paused. The queue keeps uploads for 4 days. To resume: ", resume)
    advice = pulumi.Output.concat(
        "Rekognition has cost about ",
        derive(lambda usd: f"{usd:g}", bound_usd),
        " USD or more within a day. Check the uploads. ",
        *what_to_do,
    )
    expression = cost_expression(usd)
    return Alarm("daily-cost", advice, cost_metrics(service), "Sum", bound_usd, DAY_S, expression=expression)
