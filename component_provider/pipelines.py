"""ImageProcessor and LabelWorkflow for other languages."""

from collections.abc import Mapping, Sequence
from typing import NotRequired, TypedDict

import pulumi

from component_provider.announcing import Announcements, announced
from component_provider.tokens import SOURCE_DIR, settings_of, token
from components import image_processor, label_workflow, pipeline


class PipelineArgs(TypedDict):
    """Arguments of ImageProcessor and LabelWorkflow; what is not given is as in the settings of our own stacks."""

    bucket_name: pulumi.Input[str]
    """The bucket of the pictures."""
    bucket_arn: pulumi.Input[str]
    """Its ARN."""
    table_name: pulumi.Input[str]
    """The table of the results, of a ResultsStore."""
    table_arn: pulumi.Input[str]
    """Its ARN."""
    service: NotRequired[str]
    """The name of this deployment in logs and metrics; the component's own name."""
    detectors: NotRequired[Sequence[str]]
    """Some of labels, faces, moderation and text, each one Rekognition call a picture; labels."""
    max_labels: NotRequired[int]
    """Labels of a picture, 1 to 49; 10."""
    min_confidence: NotRequired[float]
    """Percent below which nothing is kept; 70."""
    image_properties: NotRequired[bool]
    """Ask for dominant colours and quality too, which has a charge of its own; false."""
    rekognition_tps: NotRequired[float]
    """The account's quota of Rekognition calls per second and operation, which sets the concurrency; 5."""
    rekognition_timeout_seconds: NotRequired[float]
    """Seconds that one call may take; 10."""
    rekognition_endpoint: NotRequired[str]
    """The address of an emulator."""
    announcements: NotRequired[Announcements]
    """Where results go beside the table; nowhere."""
    retry_base_delay_seconds: NotRequired[int]
    """Seconds before the second attempt, doubled each time; 5."""
    cache_days: NotRequired[int]
    """Days for which the same bytes are not analysed again; 30."""
    batch_size: NotRequired[int]
    """Pictures of one invocation, 1 to 10; 10."""
    max_receive_count: NotRequired[int]
    """Attempts before a picture has failed, 5 or more; 5."""
    runtime: NotRequired[str]
    """python3.11 to python3.14; python3.13."""
    architecture: NotRequired[str]
    """arm64 or x86_64; arm64."""
    memory_mb: NotRequired[int]
    """Megabytes of memory; 1024."""
    timeout_seconds: NotRequired[int]
    """Seconds that a batch may take; 60."""
    log_retention_days: NotRequired[int]
    """Days for which logs are kept; 14."""
    log_level: NotRequired[str]
    """DEBUG, INFO, WARNING, ERROR or CRITICAL; INFO."""
    bucket_kms_key_arn: NotRequired[pulumi.Input[str]]
    """The key of the bucket's objects, where they have one."""


class ImageProcessor(pulumi.ComponentResource):
    """A queue of the bucket's events, a function that labels their pictures, and one that records what failed."""

    queue_url: pulumi.Output[str]
    """The queue of events."""
    queue_name: pulumi.Output[str]
    """Its name."""
    dead_letter_queue_url: pulumi.Output[str]
    """The queue of what failed at every attempt."""
    dead_letter_queue_name: pulumi.Output[str]
    """Its name."""
    function_name: pulumi.Output[str]
    """The function that labels."""
    failure_recorder_name: pulumi.Output[str]
    """The function that records failures, within 30 seconds."""

    def __init__(self, name: str, args: PipelineArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(token("ImageProcessor"), name, {}, opts)
        made = image_processor.ImageProcessor(name, _pipeline(name, args), pulumi.ResourceOptions(parent=self))
        self.queue_url, self.dead_letter_queue_url = made.queue.url, made.dead_letter_queue.url
        self.queue_name, self.dead_letter_queue_name = made.queue.name, made.dead_letter_queue.name
        self.function_name, self.failure_recorder_name = made.processor.name, made.failure_recorder.name
        self.register_outputs({"queueUrl": self.queue_url, "deadLetterQueueUrl": self.dead_letter_queue_url})


class LabelWorkflow(pulumi.ComponentResource):
    """The same by a workflow of Step Functions: a queue of the bucket's events, an execution for each of them.

    Each detector is a branch; an execution inspects, recognises, stores and announces.
    """

    queue_url: pulumi.Output[str]
    """The queue of events."""
    queue_name: pulumi.Output[str]
    """Its name."""
    dead_letter_queue_url: pulumi.Output[str]
    """The queue of what failed at every attempt."""
    dead_letter_queue_name: pulumi.Output[str]
    """Its name."""
    function_name: pulumi.Output[str]
    """The function that runs an execution for each event."""
    failure_recorder_name: pulumi.Output[str]
    """The function that records failures, within 30 seconds."""
    state_machine_arn: pulumi.Output[str]
    """The workflow."""
    step_function_names: pulumi.Output[Mapping[str, str]]
    """The functions of its steps: inspect, recognise, store, fail, and notify where results are announced."""

    def __init__(self, name: str, args: PipelineArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(token("LabelWorkflow"), name, {}, opts)
        made = label_workflow.LabelWorkflow(name, _pipeline(name, args), pulumi.ResourceOptions(parent=self))
        self.queue_url, self.dead_letter_queue_url = made.queue.url, made.dead_letter_queue.url
        self.queue_name, self.dead_letter_queue_name = made.queue.name, made.dead_letter_queue.name
        self.function_name, self.failure_recorder_name = made.processor.name, made.failure_recorder.name
        self.state_machine_arn = made.state_machine.arn
        self.step_function_names = pulumi.Output.all(**{step: one.name for step, one in made.steps.items()})
        self.register_outputs({"queueUrl": self.queue_url, "stateMachineArn": self.state_machine_arn})


def _pipeline(name: str, args: PipelineArgs) -> pipeline.PipelineArgs:
    """The arguments as our components take them. Raises InvalidArgumentError."""
    told = args.get("announcements")
    chosen = settings_of(name, {**args, "notify_min_confidence": (told or {}).get("notify_min_confidence")})
    return pipeline.PipelineArgs(
        source_dir=SOURCE_DIR,
        service=args.get("service") or name,
        bucket_name=args["bucket_name"],
        bucket_arn=args["bucket_arn"],
        table_name=args["table_name"],
        table_arn=args["table_arn"],
        bucket_kms_key_arn=args.get("bucket_kms_key_arn"),
        detectors=chosen.detectors,
        max_labels=chosen.max_labels,
        min_confidence=chosen.min_confidence,
        image_properties=chosen.image_properties,
        rekognition_tps=chosen.rekognition_tps,
        rekognition_timeout_s=chosen.rekognition_timeout_seconds,
        rekognition_endpoint=chosen.rekognition_endpoint,
        announcements=announced(told),
        retry_base_delay_s=chosen.retry_base_delay_seconds,
        cache_days=chosen.cache_days,
        batch_size=chosen.batch_size,
        max_receive_count=chosen.max_receive_count,
        runtime=chosen.runtime,
        architecture=chosen.architecture,
        memory_mb=chosen.memory_mb,
        timeout_s=chosen.timeout_seconds,
        log_retention_days=chosen.log_retention_days,
        log_level=chosen.log_level,
    )
