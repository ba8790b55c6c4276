"""The parts that Monitoring watches, each by its outputs, and their metrics in CloudWatch."""

from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple, Required, TypedDict

import pulumi
from pydantic import Field

from .label_api import ApiKind
from .pipeline import Detector
from .python_function import METRICS_NAMESPACE


class PipelineReference(TypedDict, total=False):
    """An ImageProcessor or LabelWorkflow by its outputs."""

    service: Required[pulumi.Input[str]]
    """Its name in metrics."""
    queue_name: Required[pulumi.Input[str]]
    """The queue of events."""
    dead_letter_queue_name: Required[pulumi.Input[str]]
    """The queue of what failed at every attempt."""
    function_name: Required[pulumi.Input[str]]
    """The function that takes the events."""
    failure_recorder_name: Required[pulumi.Input[str]]
    """The function that records failures."""
    timeout_seconds: Annotated[pulumi.Input[int], Field(60, ge=1, le=900)]
    """The longest time that a call of the function may take."""
    detectors: Annotated[Sequence[Detector], Field(("labels",), min_length=1)]
    """The pipeline's detectors, for the price of a picture."""
    image_properties: Annotated[bool, Field(False)]
    """True if the pipeline also requests dominant colours and quality."""
    pauser_arn: pulumi.Input[str]
    """The function that pauses it when the daily cost bound is reached."""
    pauser_name: pulumi.Input[str]
    """The name of that function."""
    state_machine_arn: pulumi.Input[str]
    """The workflow of a LabelWorkflow."""
    step_function_names: pulumi.Input[Mapping[str, pulumi.Input[str]]]
    """The functions of its steps."""


class ApiReference(TypedDict, total=False):
    """A LabelApi by its outputs."""

    kind: Required[ApiKind]
    """The kind of API: `rest` or `http`."""
    metric_dimensions: Required[pulumi.Input[Mapping[str, pulumi.Input[str]]]]
    """The dimensions of its metrics: `ApiName` and `Stage` of kind `rest`, `ApiId` and `Stage` of `http`."""
    function_names: pulumi.Input[Mapping[str, pulumi.Input[str]]]
    """Its functions."""


class PreviewsReference(TypedDict, total=False):
    """A Previews by its outputs."""

    function_name: Required[pulumi.Input[str]]
    """The function that makes previews."""
    dead_letter_queue_name: Required[pulumi.Input[str]]
    """The queue of what failed at every attempt."""
    timeout_seconds: Annotated[pulumi.Input[int], Field(60, ge=1, le=900)]
    """The longest time that a call of the function may take."""


class WatchedFunction(TypedDict, total=False):
    """A function of your own that alarms are about."""

    name: Required[pulumi.Input[str]]
    """The function's name."""
    timeout_seconds: Required[pulumi.Input[int]]
    """The longest time that a call may take."""
    logs_command: pulumi.Input[str]
    """The command that shows its log, for the alarms' texts. Without it, the AWS CLI's."""


class Metric(NamedTuple):
    """One CloudWatch metric."""

    namespace: str
    name: str
    dimensions: Mapping[str, pulumi.Input[str]]


class Watched(NamedTuple):
    """A function: its physical name, its timeout, and the command that shows its log.

    `is_step`: of a workflow, which takes its errors for answers, and fails itself in the end.
    """

    name: pulumi.Input[str]
    timeout_seconds: pulumi.Input[int]
    logs_command: pulumi.Input[str]
    is_step: bool = False

    def metric(self, name: str) -> Metric:
        """Return a metric of Lambda."""
        return Metric("AWS/Lambda", name, {"FunctionName": self.name})


class WatchedApi(NamedTuple):
    """An API; `dimensions` are `ApiName` and `Stage` of kind `rest`, `ApiId` and `Stage` of kind `http`."""

    kind: ApiKind
    dimensions: Mapping[str, pulumi.Input[str]]

    def metric(self, name: str) -> Metric:
        """Return a metric of API Gateway."""
        return Metric("AWS/ApiGateway", name, self.dimensions)


def own(name: str, service: pulumi.Input[str]) -> Metric:
    """Return a metric that the functions publish in their log (embedded metric format)."""
    return Metric(METRICS_NAMESPACE, name, {"service": service})


def of_queue(queue_name: pulumi.Input[str], name: str) -> Metric:
    """Return a metric of SQS."""
    return Metric("AWS/SQS", name, {"QueueName": queue_name})


def of_workflow(state_machine_arn: pulumi.Input[str], name: str) -> Metric:
    """Return a metric of Step Functions."""
    return Metric("AWS/States", name, {"StateMachineArn": state_machine_arn})
