"""PythonFunction and ImageProcessor for other languages."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NotRequired, TypedDict

import pulumi

from component_provider.announcing import Announcements, announced
from component_provider.tokens import SOURCE_DIR, present, settings_of, token
from components import image_processor, python_function
from components.errors import InvalidArgumentError
from components.policies import AnyResource, Statement


class PolicyStatement(TypedDict):
    """What a function may do."""

    actions: Sequence[str]
    """IAM actions, none of them `*`."""
    resources: NotRequired[Sequence[pulumi.Input[str]]]
    """ARNs that the actions are for; `*` is refused."""
    any_resource_reason: NotRequired[str]
    """In place of resources: why the actions cannot be scoped. The statement is then for `*`."""


class PythonFunctionArgs(TypedDict):
    """Arguments of PythonFunction."""

    source_dir: str
    """The folder that holds the packages, as an absolute path."""
    packages: Sequence[str]
    """Packages in the source folder; each keeps its path from there in the zip."""
    handler: str
    """Lambda's handler string."""
    requirements: NotRequired[str]
    """A lock with hashes, relative to the source folder; without it the function has no dependencies."""
    environment: NotRequired[Mapping[str, pulumi.Input[str]]]
    """Environment variables."""
    statements: NotRequired[Sequence[PolicyStatement]]
    """What the function may do beside writing to its own log group."""
    description: NotRequired[str]
    """What the function does, for people."""
    runtime: NotRequired[str]
    """python3.11 to python3.14; python3.13."""
    architecture: NotRequired[str]
    """arm64 or x86_64; arm64."""
    memory_mb: NotRequired[int]
    """Megabytes of memory; 512."""
    timeout_s: NotRequired[int]
    """Seconds that a call may take; 60."""
    log_retention_days: NotRequired[int]
    """Days for which logs are kept; 14."""


class PythonFunction(pulumi.ComponentResource):
    """A function from a reproducible zip, a role that may do just what it is told, and a log group with retention."""

    name: pulumi.Output[str]
    """The function's name."""
    arn: pulumi.Output[str]
    """The function's ARN."""
    role_name: pulumi.Output[str]
    """The name of the function's role."""
    log_group_name: pulumi.Output[str]
    """The name of the function's log group."""

    def __init__(self, name: str, args: PythonFunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(token("PythonFunction"), name, {}, opts)
        given = present(
            args,
            *("packages", "handler", "requirements", "environment", "description", "runtime", "architecture"),
            *("memory_mb", "timeout_s", "log_retention_days"),
        )
        source_dir = Path(args["source_dir"])
        if not source_dir.is_absolute():
            raise InvalidArgumentError(
                f"sourceDir is {args['source_dir']!r}: expected an absolute path, as the plugin runs in its own folder."
            )
        made = python_function.PythonFunction(
            name,
            python_function.PythonFunctionArgs(
                source_dir=source_dir, statements=[_statement(one) for one in args.get("statements") or ()], **given
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.name, self.arn = made.name, made.arn
        self.role_name, self.log_group_name = made.role.name, made.log_group.name
        self.register_outputs({"name": self.name, "arn": self.arn})


def _statement(given: PolicyStatement) -> Statement:
    reason = given.get("any_resource_reason")
    return Statement(list(given["actions"]), AnyResource(reason) if reason else list(given.get("resources") or ()))


class ImageProcessorArgs(TypedDict):
    """Arguments of ImageProcessor; what is not given is as in the settings of Labelstack's own stacks."""

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

    def __init__(self, name: str, args: ImageProcessorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(token("ImageProcessor"), name, {}, opts)
        told = args.get("announcements")
        chosen = settings_of(name, {**args, "notify_min_confidence": (told or {}).get("notify_min_confidence")})
        made = image_processor.ImageProcessor(
            name,
            image_processor.ImageProcessorArgs(
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
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.queue_url, self.dead_letter_queue_url = made.queue.url, made.dead_letter_queue.url
        self.queue_name, self.dead_letter_queue_name = made.queue.name, made.dead_letter_queue.name
        self.function_name, self.failure_recorder_name = made.processor.name, made.failure_recorder.name
        self.register_outputs({"queueUrl": self.queue_url, "deadLetterQueueUrl": self.dead_letter_queue_url})
