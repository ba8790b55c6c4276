"""Notifications and ResultsBucket with an ImageProcessor: results as documents, and a queue that is told of some."""

from pathlib import Path

import pulumi
import pulumi_aws as aws

from components.announcements import Announcements
from components.image_processor import ImageProcessor, ImageProcessorArgs
from components.notifications import Notifications, NotificationsArgs
from components.policies import Statement, deny_insecure_transport, document
from components.results_bucket import ResultsBucket, ResultsBucketArgs
from components.results_store import ResultsStore, ResultsStoreArgs
from components.upload_bucket import UploadBucket, UploadBucketArgs

ROOT = Path(__file__).resolve().parents[2]  # holds the functions' sources, in `handlers/`
config = pulumi.Config()

people = aws.sqs.Queue("people", sqs_managed_sse_enabled=True)
told = Notifications("told", NotificationsArgs(queue_arns=[people.arn], filter_policy={"labels": ["Person"]}))
from_topic = Statement(
    actions=["sqs:SendMessage"],
    resources=[people.arn],
    principal={"Service": "sns.amazonaws.com"},
    condition={"ArnEquals": {"aws:SourceArn": told.topic_arn}},
)
aws.sqs.QueuePolicy(
    "people", queue_url=people.url, policy=document([from_topic, deny_insecure_transport("sqs", [people.arn])])
)

pictures = UploadBucket("pictures", UploadBucketArgs(protect_data=False))
results = ResultsStore("results", ResultsStoreArgs(protect_data=False))
documents = ResultsBucket("documents", ResultsBucketArgs(protect_data=False, expiration_days=30))
ImageProcessor(
    "labels",
    ImageProcessorArgs(
        source_dir=ROOT,
        service="notifications-example",
        bucket_name=pictures.name,
        bucket_arn=pictures.arn,
        table_name=results.name,
        table_arn=results.arn,
        announcements=Announcements(
            bucket_name=documents.name,
            bucket_arn=documents.arn,
            topic_arn=told.topic_arn,
            notify_min_confidence=80,  # percent: filters do not see labels that are less certain
        ),
        detectors=["labels"],
        max_labels=10,
        min_confidence=70,
        image_properties=False,
        rekognition_tps=5,  # the account's quota, which sets the concurrency
        rekognition_timeout_s=10,
        rekognition_endpoint=config.get("rekognitionEndpoint"),
        retry_base_delay_s=5,
        cache_days=30,
        batch_size=10,
        max_receive_count=5,
        runtime=config.get("runtime", "python3.13"),
        architecture=config.get("architecture", "arm64"),
        memory_mb=1024,
        timeout_s=60,
        log_retention_days=7,
        log_level="INFO",
    ),
)

pulumi.export("bucket", pictures.name)
pulumi.export("documents", documents.name)
pulumi.export("topicArn", told.topic_arn)
pulumi.export("queueUrl", people.url)
