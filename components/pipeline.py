"""What both pipelines are built of: the queue of a bucket's events, its dead letters, and who records them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pulumi
import pulumi_aws as aws

from components import access, concurrency
from components.announcements import Announcements
from components.errors import InvalidArgumentError
from components.policies import Statement, deny_insecure_transport, document
from components.python_function import PythonFunction, PythonFunctionArgs
from components.tagging import tags

MODULE, KINDS = "labelstack:components", ("ImageProcessor", "LabelWorkflow")
DAY_S = 24 * 60 * 60
# A message's age counts from its first queue on, so the dead-letter queue keeps messages longer than the queue.
QUEUE_RETENTION_S, DEAD_LETTER_RETENTION_S = 4 * DAY_S, 14 * DAY_S
# AWS: a queue's visibility timeout is at least six times the timeout of the function that it feeds.
VISIBILITY_TIMEOUTS = 6
LEAST_RECEIVES = 5  # AWS: fewer may move messages to the dead-letter queue only because the function was throttled
METRICS_NAMESPACE = "Labelstack"
RECORDER_MEMORY_MB, RECORDER_TIMEOUT_S = 256, 30
LEAST_RECORDER_DELAY_S = 5
MOST_IN_BATCH = 10  # of what is not sent to Rekognition
# What a function needs beside the picture that it decodes: the runtime, the file, and copies for Rekognition.
BESIDE_PICTURE_MB = 208
DECODED_BYTES_PER_PIXEL = 17  # of the format that takes most, WebP: 16 and a little (benchmarks/conversion.py)


@dataclass(frozen=True)
class PipelineArgs:
    """Arguments of a pipeline, ImageProcessor or LabelWorkflow.

    `source_dir` holds the `handlers` package. `service` names this deployment in logs and metrics.
    `rekognition_tps` is the account's quota of calls per second and operation, which sets the concurrency.
    `bucket_kms_key_arn` is the key of the bucket's objects where they have one.
    `announcements` is where results go beside the table.
    `rekognition_endpoint` is the address of an emulator; None: AWS.
    """

    source_dir: Path
    service: str
    bucket_name: pulumi.Input[str]
    bucket_arn: pulumi.Input[str]
    table_name: pulumi.Input[str]
    table_arn: pulumi.Input[str]
    detectors: Sequence[str]
    max_labels: int
    min_confidence: float
    image_properties: bool
    rekognition_tps: float
    rekognition_timeout_s: float
    retry_base_delay_s: int
    cache_days: int
    batch_size: int
    max_receive_count: int
    runtime: str
    architecture: str
    memory_mb: int
    timeout_s: int
    log_retention_days: int
    log_level: str
    rekognition_endpoint: str | None = None
    bucket_kms_key_arn: pulumi.Input[str] | None = None
    announcements: Announcements = field(default_factory=Announcements)
    build_dir: Path | None = None


def max_converted_pixels(memory_mb: int) -> int:
    """How large a picture a function of this memory can decode; larger ones it rejects before it tries."""
    return max(0, memory_mb - BESIDE_PICTURE_MB) * 1024**2 // DECODED_BYTES_PER_PIXEL


class Pipeline(pulumi.ComponentResource):
    """A queue of the bucket's events, what takes them from there, and the function that records what failed."""

    queue: aws.sqs.Queue
    dead_letter_queue: aws.sqs.Queue
    processor: PythonFunction
    failure_recorder: PythonFunction

    def __init__(
        self, kind: str, name: str, args: PipelineArgs, taker_timeout_s: int, opts: pulumi.ResourceOptions | None
    ) -> None:
        # A stack may change from one pipeline to the other: its queues, and what is in them, stay.
        others = [pulumi.Alias(type_=f"{MODULE}:{other}") for other in KINDS if other != kind]
        opts = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(aliases=others))
        super().__init__(f"{MODULE}:{kind}", name, None, opts)
        if args.max_receive_count < LEAST_RECEIVES:
            raise InvalidArgumentError(
                f"max_receive_count is {args.max_receive_count}: expected {LEAST_RECEIVES} or more."
            )
        self._prefix, self._args, self._child = name, args, pulumi.ResourceOptions(parent=self)
        self.dead_letter_queue, self.queue = self._queues(taker_timeout_s)

    def _queues(self, taker_timeout_s: int) -> tuple[aws.sqs.Queue, aws.sqs.Queue]:
        dead_letters = aws.sqs.Queue(
            f"{self._prefix}-dead-letters",
            message_retention_seconds=DEAD_LETTER_RETENTION_S,
            visibility_timeout_seconds=VISIBILITY_TIMEOUTS * RECORDER_TIMEOUT_S,
            sqs_managed_sse_enabled=True,
            tags=tags(self._prefix),
            opts=self._child,
        )
        redrive = {"deadLetterTargetArn": dead_letters.arn, "maxReceiveCount": self._args.max_receive_count}
        queue = aws.sqs.Queue(
            f"{self._prefix}-events",
            message_retention_seconds=QUEUE_RETENTION_S,
            visibility_timeout_seconds=VISIBILITY_TIMEOUTS * taker_timeout_s,
            redrive_policy=pulumi.Output.json_dumps(redrive, separators=(",", ":")),
            sqs_managed_sse_enabled=True,
            tags=tags(self._prefix),
            opts=self._child,
        )
        allowed = {"redrivePermission": "byQueue", "sourceQueueArns": [queue.arn]}
        aws.sqs.RedriveAllowPolicy(
            f"{self._prefix}-redrive",
            queue_url=dead_letters.url,
            redrive_allow_policy=pulumi.Output.json_dumps(allowed, separators=(",", ":")),
            opts=self._child,
        )
        return dead_letters, queue

    def _queue_policies(
        self, senders: Sequence[Statement], dead_senders: Sequence[Statement] = ()
    ) -> aws.sqs.QueuePolicy:
        """TLS only for both queues; and who may send to them. The policy of the first."""
        aws.sqs.QueuePolicy(
            f"{self._prefix}-dead-letters-policy",
            queue_url=self.dead_letter_queue.url,
            policy=document([*dead_senders, deny_insecure_transport("sqs", [self.dead_letter_queue.arn])]),
            opts=self._child,
        )
        return aws.sqs.QueuePolicy(
            f"{self._prefix}-events-policy",
            queue_url=self.queue.url,
            policy=document([*senders, deny_insecure_transport("sqs", [self.queue.arn])]),
            opts=self._child,
        )

    def _labelling_environment(self) -> dict[str, pulumi.Input[str]]:
        """The variables of a function that asks Rekognition about pictures."""
        args = self._args
        environment: dict[str, pulumi.Input[str]] = {
            **self._common_environment(),
            **args.announcements.environment(),
            "DETECTORS": ",".join(args.detectors),
            "MAX_LABELS": str(args.max_labels),
            "MIN_CONFIDENCE": f"{args.min_confidence:g}",
            "IMAGE_PROPERTIES": str(args.image_properties).lower(),
            "REKOGNITION_TIMEOUT_S": f"{args.rekognition_timeout_s:g}",
            "CACHE_DAYS": str(args.cache_days),
            "MAX_CONVERTED_PIXELS": str(max_converted_pixels(args.memory_mb)),
        }
        if args.rekognition_endpoint is not None:
            environment["AWS_ENDPOINT_URL_REKOGNITION"] = args.rekognition_endpoint
        return environment

    def _failure_recorder(self) -> PythonFunction:
        args = self._args
        return PythonFunction(
            f"{self._prefix}-record-failure",
            PythonFunctionArgs(
                source_dir=args.source_dir,
                packages=["handlers/record_failure", "handlers/labelling", "handlers/results"],
                handler="handlers.record_failure.handler.handle",
                requirements="handlers/record_failure/requirements.txt",
                environment={
                    **self._common_environment(),
                    **args.announcements.environment(),
                    "QUEUE_URL": self.dead_letter_queue.url,
                    # Dead letters have no last attempt: what cannot be announced yet must not be tried all the time.
                    "RETRY_BASE_DELAY_S": str(max(args.retry_base_delay_s, LEAST_RECORDER_DELAY_S)),
                },
                statements=[
                    *access.write_results(args.table_arn),
                    *access.consume_queue(self.dead_letter_queue.arn),
                    *access.postpone_messages(self.dead_letter_queue.arn),
                    *args.announcements.statements(),
                ],
                description="Records the pictures that could not be labelled after all retries.",
                runtime=args.runtime,
                architecture=args.architecture,
                memory_mb=RECORDER_MEMORY_MB,
                timeout_s=RECORDER_TIMEOUT_S,
                log_retention_days=args.log_retention_days,
                build_dir=args.build_dir,
            ),
            self._child,
        )

    def _common_environment(self) -> dict[str, pulumi.Input[str]]:
        return {
            "RESULTS_TABLE": self._args.table_name,
            "UPLOAD_BUCKET": self._args.bucket_name,
            "POWERTOOLS_SERVICE_NAME": self._args.service,
            "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
            "POWERTOOLS_LOG_LEVEL": self._args.log_level,
        }

    def _event_source(
        self, suffix: str, queue: aws.sqs.Queue, function: PythonFunction, batch_size: int, maximum: int
    ) -> None:
        aws.lambda_.EventSourceMapping(
            f"{self._prefix}-{suffix}",
            event_source_arn=queue.arn,
            function_name=function.arn,
            batch_size=batch_size,
            function_response_types=["ReportBatchItemFailures"],
            # Never reserved concurrency: accounts with a small quota cannot reserve any.
            scaling_config={"maximum_concurrency": maximum},
            tags=tags(self._prefix),
            opts=self._child,
        )

    def _record_dead_letters(self) -> None:
        self._event_source(
            "record-failure", self.dead_letter_queue, self.failure_recorder, MOST_IN_BATCH, concurrency.LEAST
        )

    def _register(self) -> None:
        self.register_outputs({"queueUrl": self.queue.url, "deadLetterQueueUrl": self.dead_letter_queue.url})
