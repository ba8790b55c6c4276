"""Monitoring for other languages."""

from collections.abc import Mapping, Sequence
from typing import Any, NotRequired, TypedDict

import pulumi

from component_provider.front import ApiKind
from component_provider.tokens import present, settings_of, token
from components import alarms, monitoring
from components.errors import InvalidArgumentError


class WatchedFunction(TypedDict):
    """A function that alarms are about."""

    name: pulumi.Input[str]
    """The function's name."""
    timeout_seconds: int
    """Seconds that a call may take, of which an alarm's limit is a part."""
    logs_command: NotRequired[pulumi.Input[str]]
    """The command that shows the function's log, for the alarms' text; the AWS CLI's."""
    is_step: NotRequired[bool]
    """Whether it is a step of a workflow, which takes its errors for answers and fails itself in the end; false."""


class WatchedApi(TypedDict):
    """An API that alarms are about."""

    kind: ApiKind
    """What the API is built on."""
    dimensions: pulumi.Input[Mapping[str, pulumi.Input[str]]]
    """`ApiName` and `Stage` of kind `rest`, `ApiId` and `Stage` of kind `http`: the metricDimensions of a LabelApi."""


class MonitoringArgs(TypedDict):
    """Arguments of Monitoring."""

    service: str
    """The service that the functions have in their metrics, and the dashboard's name."""
    functions: Mapping[str, WatchedFunction]
    """The functions, by what they are called in alarms."""
    processor: str
    """The one of them that calls Rekognition."""
    queue_name: pulumi.Input[str]
    """The queue of events."""
    dead_letter_queue_name: pulumi.Input[str]
    """The queue of what failed at every attempt."""
    detectors: NotRequired[Sequence[str]]
    """The detectors of the ImageProcessor, whose price counts; labels."""
    image_properties: NotRequired[bool]
    """Whether it asks for dominant colours and quality too; false."""
    api: NotRequired[WatchedApi]
    """The API, where there is one."""
    state_machine_arn: NotRequired[pulumi.Input[str]]
    """A workflow of Step Functions, where there is one."""
    daily_cost_bound_usd: NotRequired[float]
    """US dollars that Rekognition may cost within a day before an alarm goes off; without it any sum."""
    alarm_topic_arn: NotRequired[pulumi.Input[str]]
    """A topic that is there already, whose policy lets CloudWatch publish; without it one is made."""
    emails: NotRequired[Sequence[str]]
    """Addresses that are told by the topic that is made; each is asked by mail to confirm."""


class Monitoring(pulumi.ComponentResource):
    """Alarms on functions, queues, the API, the workflow, Rekognition's quota and its daily cost; one dashboard."""

    topic_arn: pulumi.Output[str]
    """The topic that alarms tell."""
    dashboard_name: pulumi.Output[str]
    """The dashboard's name."""

    def __init__(self, name: str, args: MonitoringArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(token("Monitoring"), name, {}, opts)
        chosen = settings_of(name, present(args, "detectors", "image_properties", "daily_cost_bound_usd"))
        api = args.get("api")
        made = monitoring.Monitoring(
            name,
            monitoring.MonitoringArgs(
                service=args["service"],
                functions={label: _function(function) for label, function in args["functions"].items()},
                processor=args["processor"],
                queue_name=args["queue_name"],
                dead_letter_queue_name=args["dead_letter_queue_name"],
                detectors=chosen.detectors,
                image_properties=chosen.image_properties,
                api=_api(api) if api else None,
                state_machine_arn=args.get("state_machine_arn"),
                daily_cost_bound_usd=chosen.daily_cost_bound_usd,
                alarm_topic_arn=args.get("alarm_topic_arn"),
                emails=args.get("emails") or (),
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.topic_arn, self.dashboard_name = made.topic_arn, made.dashboard_name
        self.register_outputs({"topicArn": self.topic_arn, "dashboardName": self.dashboard_name})


def _function(given: WatchedFunction) -> alarms.WatchedFunction:
    command = given.get("logs_command") or alarms.tail_command(given["name"])
    return alarms.WatchedFunction(given["name"], int(given["timeout_seconds"]), command, given.get("is_step", False))


def _api(given: WatchedApi) -> alarms.WatchedApi:
    """The API with the dimensions of its kind, each an output of its own, as all of them may be one output."""
    kind, dimensions = given["kind"], pulumi.Output.from_input(given["dimensions"])
    names = alarms.API_DIMENSIONS[kind.value]

    def value(name: str) -> pulumi.Output[str]:
        def of(found: Mapping[str, Any]) -> str:
            if set(found) != set(names):
                raise InvalidArgumentError(
                    f"api.dimensions are {', '.join(sorted(found)) or 'none'}: expected {' and '.join(names)}, "
                    f"as of an API of kind {kind.value}."
                )
            return str(found[name])

        return dimensions.apply(of)

    return alarms.WatchedApi(kind.value, {name: value(name) for name in names})
