"""Notifications and ResultsBucket with an ImageProcessor: results as documents, and a queue that is told of some."""

import pulumi
import pulumi_aws as aws

from components import ImageProcessor, Notifications, ResultsBucket, ResultsStore, UploadBucket, document, let_service

people = aws.sqs.Queue("people", sqs_managed_sse_enabled=True)
announcements = Notifications("announcements", {"queue_arns": [people.arn], "filter_policy": {"labels": ["Person"]}})
aws.sqs.QueuePolicy(
    "people",
    queue_url=people.url,
    policy=document([let_service("sns", "sqs:SendMessage", people.arn, announcements.topic_arn)]),
)

pictures = UploadBucket("pictures", {"protect_data": False})
results = ResultsStore("results", {"protect_data": False})
documents = ResultsBucket("documents", {"protect_data": False, "expiration_days": 30})
ImageProcessor(
    "labels",
    {
        "bucket": pictures,
        "table": results,
        "results_bucket": documents,
        "topic": announcements,
        "notify_min_confidence": 80,  # percent: filters do not see labels that are less certain
    },
)

pulumi.export("bucket", pictures.name)
pulumi.export("documents", documents.name)
pulumi.export("topicArn", announcements.topic_arn)
pulumi.export("queueUrl", people.url)
