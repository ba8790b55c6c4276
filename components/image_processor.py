"""ImageProcessor: from the events of a bucket to results in a table, through a queue."""

import pulumi
import pulumi_aws as aws

from components import access, concurrency
from components.pipeline import Pipeline, PipelineArgs
from components.policies import Statement
from components.python_function import PythonFunction, PythonFunctionArgs

# The last is what a versioned bucket sends when its lifecycle expires an upload.
EVENTS = ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", "s3:LifecycleExpiration:DeleteMarkerCreated"]
ImageProcessorArgs = PipelineArgs


class ImageProcessor(Pipeline):
    """A queue of the bucket's events, a function that labels their pictures, and one that records what failed for good.

    No event is lost: what the first function fails at comes back, later each time, and after `max_receive_count` times
    goes to the dead-letter queue, whose function writes the picture's FAILED result. What the quota stops is sent to
    the queue again instead, for three days, and uses up none of its receives.
    """

    def __init__(self, name: str, args: ImageProcessorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("ImageProcessor", name, args, args.timeout_s, opts)
        queue_policy = self._queue_policies([self._events_of_bucket()])
        share = concurrency.derive(args.rekognition_tps, args.batch_size)
        self.processor = self._processor(share)
        self.failure_recorder = self._failure_recorder()
        self._event_source("process-image", self.queue, self.processor, args.batch_size, share.maximum)
        self._record_dead_letters()
        aws.s3.BucketNotification(
            f"{name}-events",
            bucket=args.bucket_name,
            queues=[{"id": "uploads", "queue_arn": self.queue.arn, "events": EVENTS}],
            # S3 tests the queue's policy when the notification is made.
            opts=pulumi.ResourceOptions(parent=self, depends_on=[queue_policy]),
        )
        self._register()

    def _events_of_bucket(self) -> Statement:
        """S3 may send to the queue, for this bucket of this account alone."""
        return Statement(
            actions=["sqs:SendMessage"],
            resources=[self.queue.arn],
            principal={"Service": "s3.amazonaws.com"},
            condition={
                "ArnEquals": {"aws:SourceArn": self._args.bucket_arn},
                "StringEquals": {"aws:SourceAccount": aws.get_caller_identity_output().account_id},
            },
        )

    def _processor(self, share: concurrency.Concurrency) -> PythonFunction:
        args = self._args
        environment: dict[str, pulumi.Input[str]] = {
            **self._labelling_environment(),
            "QUEUE_URL": self.queue.url,
            "REKOGNITION_CALLS_PER_SECOND": f"{share.calls_per_second:g}",
            "RETRY_BASE_DELAY_S": str(args.retry_base_delay_s),
        }
        return PythonFunction(
            f"{self._prefix}-process-image",
            PythonFunctionArgs(
                source_dir=args.source_dir,
                packages=["handlers/process_image", "handlers/labelling", "handlers/results"],
                handler="handlers.process_image.handler.handle",
                requirements="handlers/process_image/requirements.txt",
                environment=environment,
                statements=[
                    *access.read_objects(args.bucket_arn, args.bucket_kms_key_arn),
                    *access.write_results(args.table_arn),
                    *access.consume_queue(self.queue.arn),
                    *access.postpone_messages(self.queue.arn),
                    *access.send_messages(self.queue.arn),
                    *access.detect(args.detectors),
                    *args.announcements.statements(),
                ],
                description="Labels the pictures of a batch of upload events.",
                runtime=args.runtime,
                architecture=args.architecture,
                memory_mb=args.memory_mb,
                timeout_s=args.timeout_s,
                log_retention_days=args.log_retention_days,
                build_dir=args.build_dir,
            ),
            self._child,
        )
