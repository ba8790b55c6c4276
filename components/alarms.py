"""The alarms of Monitoring: each with its metric, its threshold and what to do when it starts.

`treat_missing_data` is `notBreaching`: every metric here is published only while something happens.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pulumi

from .arguments import derive
from .watched import Metric, PipelineReference, Watched, WatchedApi, of_queue, of_workflow, own

MINUTE_S, DAY_S = 60, 24 * 60 * 60
# aws.amazon.com/rekognition/pricing, us-east-1, first tier: one image and operation, and image properties on top.
USD_PER_CALL, USD_PER_IMAGE_PROPERTIES = 0.001, 0.00075
SLOW_OF_TIMEOUT = 0.9
OLDEST_MESSAGE_S = 15 * MINUTE_S
API_SLOW_MS = 3_000
THROTTLES = 10  # in five minutes; fewer are what retries are for
SERVER_ERRORS: Mapping[str, str] = {"rest": "5XXError", "http": "5xx"}
CLIENT_ERRORS: Mapping[str, str] = {"rest": "4XXError", "http": "4xx"}


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


def function_alarms(label: str, function: Watched) -> list[Alarm]:
    """Return the alarms of one function: errors (unless they are answers), throttles and slowness."""
    logs, timeout = function.logs_command, function.timeout_seconds
    failed = pulumi.Output.format(
        "{} failed with an unhandled error. See why: {}. Its messages are retried, so a single error needs no action.",
        label,
        logs,
    )
    refused = (
        f"Lambda has throttled {label} for 15 minutes: the account's concurrency is used up. "
        "See the account's limit (aws lambda get-account-settings), or ask AWS for more."
    )
    slow = pulumi.Output.format(
        "For 15 minutes {} has used {:.0%} or more of its timeout of {} s. See which call is slow: {}. "
        "If it is Rekognition's quota, raise rekognitionTps once AWS has raised it.",
        label,
        SLOW_OF_TIMEOUT,
        timeout,
        logs,
    )
    longest_ms = derive(lambda seconds: SLOW_OF_TIMEOUT * seconds * 1000, timeout)
    alarms = [
        Alarm(f"{label}-errors", failed, function.metric("Errors"), "Sum", 1),
        Alarm(f"{label}-throttles", refused, function.metric("Throttles"), "Sum", 1, 5 * MINUTE_S, 3),
        Alarm(f"{label}-slow", slow, function.metric("Duration"), "p99", longest_ms, 5 * MINUTE_S, 3),
    ]
    return alarms[1:] if function.is_step else alarms


def pipeline_alarms(
    pipeline: PipelineReference, processor_logs: pulumi.Input[str], recorder_logs: pulumi.Input[str], send_again: str
) -> Iterator[Alarm]:
    """Yield the alarms of a pipeline's pictures, queues and Rekognition calls.

    `send_again` says how to retry pictures that failed all attempts.
    """
    service = pipeline["service"]
    failed = pulumi.Output.format(
        f"Pictures failed all attempts. See which and why: {{}}. After you fix the cause, {send_again}.", recorder_logs
    )
    yield Alarm("pictures-failed", failed, own("PicturesFailed", service), "Sum", 1)
    unrecorded = pulumi.Output.format(
        "Messages stay in the dead-letter queue because recording their failure fails. See why: {}. "
        "The function takes them once the cause is gone. The queue keeps them for 14 days.",
        recorder_logs,
    )
    dead = of_queue(pipeline["dead_letter_queue_name"], "ApproximateNumberOfMessagesVisible")
    yield Alarm("dead-letters", unrecorded, dead, "Maximum", 1, MINUTE_S, 5)
    waiting = pulumi.Output.format(
        f"An upload has been waiting for {OLDEST_MESSAGE_S // 60} minutes or more. See whether pictures are being "
        "processed: {}. If they are, uploads exceed rekognitionTps.",
        processor_logs,
    )
    age = of_queue(pipeline["queue_name"], "ApproximateAgeOfOldestMessage")
    yield Alarm("oldest-upload", waiting, age, "Maximum", OLDEST_MESSAGE_S, 5 * MINUTE_S)
    own_calls = (
        "Rekognition throttles this stack's calls because the quota is used up. Set rekognitionTps to what "
        "Service Quotas grants (the stack then asks for less), or ask AWS for more."
    )
    throttles = own("RekognitionThrottles", service)
    yield Alarm("rekognition-throttles", own_calls, throttles, "Sum", THROTTLES, 5 * MINUTE_S, 3)
    all_calls = (
        "Rekognition throttles calls of this account and region, by this stack or others that share the "
        "quota. Lower rekognitionTps to this stack's share, or ask AWS for a higher quota."
    )
    # Without a dimension: all operations of the account
    # (docs.aws.amazon.com/rekognition/latest/dg/rekognition-monitoring.html).
    refused = Metric("AWS/Rekognition", "ThrottledCount", {})
    yield Alarm("account-rekognition-throttles", all_calls, refused, "Sum", THROTTLES, 5 * MINUTE_S, 3)


def workflow_alarms(state_machine_arn: pulumi.Input[str]) -> Iterator[Alarm]:
    """Yield the alarms for executions that did not succeed."""
    for name, metric, what, status in (
        ("workflow-failed", "ExecutionsFailed", "failed", "FAILED"),
        ("workflow-timed-out", "ExecutionsTimedOut", "took too long", "TIMED_OUT"),
    ):
        advice = pulumi.Output.format(
            f"Executions of the workflow {what}. Find them: "
            f"aws stepfunctions list-executions --state-machine-arn {{}} --status-filter {status}.",
            state_machine_arn,
        )
        yield Alarm(name, advice, of_workflow(state_machine_arn, metric), "Sum", 1)


def previews_alarm(queue_name: pulumi.Input[str], logs: pulumi.Input[str]) -> Alarm:
    """Return the alarm for previews that fail for another reason than the picture."""
    advice = pulumi.Output.format(
        "Previews could not be made or removed after all attempts. See why: {}. "
        "Once the cause is gone, move the messages from the previews' dead-letter queue back to their queue.",
        logs,
    )
    metric = of_queue(queue_name, "ApproximateNumberOfMessagesVisible")
    return Alarm("previews-failed", advice, metric, "Maximum", 1, 5 * MINUTE_S)


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
        Alarm("api-errors", failed, api.metric(SERVER_ERRORS[api.kind]), "Sum", 1),
        Alarm("api-slow", slow, api.metric("Latency"), "p99", API_SLOW_MS, 5 * MINUTE_S, 3),
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


def mapping_command(processor_name: pulumi.Input[str], change: str) -> pulumi.Output[str]:
    """Return the AWS CLI's command that changes the processor's mapping: `--enabled`, `--no-enabled`."""
    return pulumi.Output.format(
        f"aws lambda update-event-source-mapping {change} --uuid $(aws lambda list-event-source-mappings "
        "--function-name {} --query EventSourceMappings[0].UUID --output text)",
        processor_name,
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
    if resume is not None:
        to_do, command = "The pipeline is paused. The queue keeps uploads for 4 days. To resume", resume
    else:
        to_do = "To stop spending, stop the function. The queue keeps uploads for 4 days"
        command = mapping_command(processor_name, "--no-enabled")
    advice = pulumi.Output.format(
        "Rekognition has cost about {:g} USD or more within a day. Check the uploads. {}: {}", bound_usd, to_do, command
    )
    expression = cost_expression(usd)
    return Alarm("daily-cost", advice, cost_metrics(service), "Sum", bound_usd, DAY_S, expression=expression)
