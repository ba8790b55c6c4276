"""Monitoring: alarms that say what to do, the topic that they publish to, and a dashboard."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Required

import pulumi
import pulumi_aws as aws
from pydantic import Field

from . import alarms, dashboard, references
from .alarms import Alarm
from .arguments import derive
from .component import Component, TaggedArgs
from .errors import ArgumentError, Problem
from .image_processor import ImageProcessor
from .label_api import DUTIES, FUNCTION_TIMEOUT_S, LabelApi
from .label_workflow import LabelWorkflow
from .notifications import Email, make_topic
from .pipeline import RECORDER
from .policies import compact_json
from .previews import MAKER, Previews
from .python_function import SMALL_TIMEOUT_S
from .watched import ApiReference, Metric, PipelineReference, PreviewsReference, Watched, WatchedApi, WatchedFunction

STEPS = ("inspect", "recognise", "store", "fail")  # of every workflow
# The names of an API's dimensions, by its kind.
API_DIMENSIONS = {"rest": ("ApiName", "Stage"), "http": ("ApiId", "Stage")}


class MonitoringArgs(TaggedArgs, total=False):
    """Arguments of Monitoring."""

    pipeline: Required[ImageProcessor | LabelWorkflow | PipelineReference]
    """The pipeline to watch: an `ImageProcessor` or `LabelWorkflow`, or its outputs."""
    api: LabelApi | ApiReference | None
    """A `LabelApi` to watch too, or its outputs."""
    previews: Previews | PreviewsReference | None
    """The `Previews` to watch too, or their outputs."""
    functions: Mapping[str, WatchedFunction]
    """Your own functions to watch too, by their names in alarms."""
    commands: Annotated[Literal["aws", "labelstack"], Field("aws")]
    """The commands that alarms name: `aws` for the AWS CLI's, `labelstack` where the stack has Labelstack's outputs."""
    daily_cost_bound_usd: Annotated[pulumi.Input[float] | None, Field(None, gt=0)]
    """US dollars of Rekognition calls a day that start an alarm. Without it: no alarm."""
    alarm_topic_arn: Annotated[
        pulumi.Input[str] | None,
        Field(
            None,
            pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+$",
            description="the ARN of an SNS topic that CloudWatch may publish to",
        ),
    ]
    """Your own topic for alarms."""
    emails: Annotated[Sequence[Email], Field(())]
    """Subscribers of the stack's own topic. Each must confirm."""


class Monitoring(Component):
    """Alarms on functions, queues, the API, the workflow, Rekognition's quota and its daily cost; one dashboard.

    Every alarm publishes to the topic when it starts and when it ends.
    """

    name_limit = 200

    topic_arn: pulumi.Output[str]
    """The topic that alarms publish to."""
    dashboard_name: pulumi.Output[str]
    """The dashboard's name: the pipeline's service."""

    @staticmethod
    def rules(args: Mapping[str, Any]) -> Iterator[Problem]:
        if args["emails"] and args["alarm_topic_arn"] is not None:
            yield Problem("emails", list(args["emails"]), "none, as $alarm_topic_arn has subscribers of its own")

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        self._args = self._start(name, args, opts)
        self._pipeline = references.read(self._args["pipeline"], PipelineReference)
        previews = self._args["previews"]
        self._previews = None if previews is None else references.read(previews, PreviewsReference)
        self._functions = self._watched_functions()
        self._api = None if self._args["api"] is None else self._watched_api(self._args["api"])
        topic = self._args["alarm_topic_arn"]
        self.topic_arn = self._topic() if topic is None else pulumi.Output.from_input(topic)
        self._usd_per_call = alarms.usd_per_call(
            self._pipeline.get("detectors", ("labels",)), image_properties=self._pipeline.get("image_properties", False)
        )
        self.alarms = {alarm.name: self._alarm(alarm) for alarm in self._watched()}
        if "daily-cost" in self.alarms and "pauser_arn" in self._pipeline:
            aws.lambda_.Permission(
                f"{name}-pause",
                action="lambda:InvokeFunction",
                function=self._pipeline["pauser_arn"],
                principal="lambda.alarms.cloudwatch.amazonaws.com",
                source_arn=self.alarms["daily-cost"].arn,
                opts=self._child,
            )
        arns = [alarm.arn for alarm in self.alarms.values()]
        content = dashboard.body(self._region(), self._pipeline, self._functions, self._api, self._usd_per_call, arns)
        board = aws.cloudwatch.Dashboard(
            f"{name}-dashboard",
            dashboard_name=self._pipeline["service"],
            dashboard_body=compact_json(content),
            opts=self._child,
        )
        self.dashboard_name = board.dashboard_name
        self.register_outputs({"topicArn": self.topic_arn, "dashboardName": self.dashboard_name})

    # --- metrics and their sources -----------------------------------------------------------------------------------

    def _logs(self, function_name: pulumi.Input[str], label: str = "") -> pulumi.Input[str]:
        """Return the command that shows a function's log; the command `labelstack` calls the function `label`."""
        if self._args["commands"] == "labelstack" and label:
            return f"labelstack logs {label}"
        return pulumi.Output.concat("aws logs tail --since 1h /aws/lambda/", function_name)

    def _watched_functions(self) -> dict[str, Watched]:
        """Return all functions by their names in alarms."""
        pipeline, known = self._args["pipeline"], self._pipeline
        taker, recorder = known["function_name"], known["failure_recorder_name"]
        longest_s = known.get("timeout_seconds", 60)
        processor = "start" if "state_machine_arn" in known else "process-image"
        functions = {
            processor: Watched(taker, longest_s, self._logs(taker, "processor")),
            RECORDER: Watched(recorder, SMALL_TIMEOUT_S, self._logs(recorder, "failureRecorder")),
        }
        if "pauser_name" in known:
            pauser = known["pauser_name"]
            functions["pause"] = Watched(pauser, SMALL_TIMEOUT_S, self._logs(pauser, "pauser"))
        if isinstance(pipeline, LabelWorkflow):
            for step, function in pipeline.steps.items():
                logs = self._logs(function.name, step)
                functions[step] = Watched(function.name, function.timeout_seconds, logs, is_step=True)
        elif "step_function_names" in known:
            names = known["step_function_names"]
            steps = self._parts("pipeline.step_function_names", names, STEPS, "a LabelWorkflow")
            for step, name in steps.items():
                functions[step] = Watched(name, longest_s, self._logs(name, step), is_step=True)
        for duty, name in self._function_names(self._args["api"]).items():
            functions[f"api-{duty.replace('_', '-')}"] = Watched(name, FUNCTION_TIMEOUT_S, self._logs(name))
        if self._previews is not None:
            maker, longest_s = self._previews["function_name"], self._previews.get("timeout_seconds", 60)
            functions[MAKER] = Watched(maker, longest_s, self._logs(maker, "previews"))
        for label, own in (self._args["functions"] or {}).items():
            logs = own.get("logs_command") or self._logs(own["name"])
            functions[label] = Watched(own["name"], own["timeout_seconds"], logs)
        return functions

    def _watched_api(self, api: LabelApi | ApiReference) -> WatchedApi:
        known = references.read(api, ApiReference)
        kind, dimensions = known["kind"], known["metric_dimensions"]
        names = API_DIMENSIONS[kind]
        return WatchedApi(kind, self._parts("api.metric_dimensions", dimensions, names, f"an API of kind {kind}"))

    def _function_names(self, api: LabelApi | ApiReference | None) -> Mapping[str, pulumi.Input[str]]:
        if isinstance(api, LabelApi):
            return {duty: function.name for duty, function in api.functions.items()}
        names = api.get("function_names") if api else None
        return self._parts("api.function_names", names, tuple(DUTIES), "a LabelApi") if names else {}

    def _parts(
        self, argument: str, mapping: pulumi.Input[Mapping[str, Any]], names: Sequence[str], source: str
    ) -> Mapping[str, pulumi.Input[str]]:
        """Return the values of these names one by one, even if the mapping or its values are known only later.

        Raises ArgumentError for any other names, once they are known.
        """

        def value(known: Mapping[str, Any], name: str) -> Any:
            if set(known) == set(names):
                return known[name]
            problem = Problem(argument, sorted(known), f"{', '.join(names)}, as of {source}")
            raise ArgumentError(type(self).__name__, self._name, [problem])

        return {name: derive(value, mapping, name) for name in names}

    def _watched(self) -> Iterator[Alarm]:
        known, bound = self._pipeline, self._args["daily_cost_bound_usd"]
        processor, recorder = list(self._functions.values())[:2]
        labelstack = self._args["commands"] == "labelstack"
        send_again = "send them again: labelstack redrive" if labelstack else "upload them again"
        for label, function in self._functions.items():
            yield from alarms.function_alarms(label, function)
        yield from alarms.pipeline_alarms(known, processor.logs_command, recorder.logs_command, send_again)
        if self._api is not None:
            yield from alarms.api_alarms(self._api)
        if self._previews is not None:
            queue_name = self._previews["dead_letter_queue_name"]
            yield alarms.previews_alarm(queue_name, self._functions[MAKER].logs_command)
        if "state_machine_arn" in known:
            yield from alarms.workflow_alarms(known["state_machine_arn"])
        if bound is not None:
            resume = None
            if "pauser_arn" in known:
                resume = "labelstack resume" if labelstack else alarms.mapping_command(processor.name, "--enabled")
            yield alarms.cost_alarm(known["service"], bound, self._usd_per_call, processor.name, resume)

    # --- resources ---------------------------------------------------------------------------------------------------

    def _topic(self) -> pulumi.Output[str]:
        """Return a topic to which CloudWatch's alarms of this account may publish, and nobody without TLS."""
        name = f"{self._name}-alarms"
        # Not encrypted with AWS's own key for SNS: CloudWatch cannot use that one, and alarms would be lost.
        topic, policy = make_topic(self, name)
        for address in self._args["emails"]:
            aws.sns.TopicSubscription(
                f"{name}-{address}", topic=topic.arn, protocol="email", endpoint=address, opts=self._with(topic)
            )
        # Alarms that go off at once find the topic ready for them.
        return pulumi.Output.all(topic.arn, policy.id).apply(lambda ready: str(ready[0]))

    def _alarm(self, alarm: Alarm) -> aws.cloudwatch.MetricAlarm:
        compared: dict[str, Any]
        if isinstance(alarm.metric, Metric):
            statistic = "extended_statistic" if alarm.statistic.startswith("p") else "statistic"
            compared = {
                "namespace": alarm.metric.namespace,
                "metric_name": alarm.metric.name,
                "dimensions": alarm.metric.dimensions or None,
                "period": alarm.period_s,
                statistic: alarm.statistic,
            }
        else:
            compared = {"metric_queries": _queries(alarm, alarm.metric)}
        known = self._pipeline
        pausing = [known["pauser_arn"]] if alarm.name == "daily-cost" and "pauser_arn" in known else []
        return aws.cloudwatch.MetricAlarm(
            f"{self._name}-{alarm.name}",
            alarm_description=pulumi.Output.concat(self._pipeline["service"], ": ", alarm.advice),
            comparison_operator="GreaterThanOrEqualToThreshold",
            evaluation_periods=alarm.periods,
            threshold=alarm.threshold,
            treat_missing_data="notBreaching",
            alarm_actions=[self.topic_arn, *pausing],
            ok_actions=[self.topic_arn],
            opts=self._child,
            **compared,
        )


def _queries(alarm: Alarm, metrics: Mapping[str, Metric]) -> list[dict[str, Any]]:
    """Return the queries of the alarm's expression and of the metrics in it."""
    result = {"id": "result", "expression": alarm.expression, "label": alarm.name, "return_data": True}
    operands = [
        {
            "id": id,
            "metric": {
                "namespace": metric.namespace,
                "metric_name": metric.name,
                "dimensions": metric.dimensions,
                "period": alarm.period_s,
                "stat": alarm.statistic,
            },
            "return_data": False,
        }
        for id, metric in metrics.items()
    ]
    return [result, *operands]
