"""The edge of `api_delete`, which deletes and relabels pictures.

Environment: UPLOAD_BUCKET; UPLOAD_PREFIX (only pictures below it can be changed); optional QUEUE_URL (the pipeline's),
RESULTS_TABLE (of pictures that may be purged), RESULTS_BUCKET (of their documents) and PREVIEWS_BUCKET, ALLOWED_ORIGIN;
and Powertools' own.
Rights: s3:GetObject and s3:DeleteObject below the prefix, s3:ListBucket (so that a missing object is 404);
sqs:SendMessage to the queue. To purge: s3:ListBucketVersions and s3:DeleteObjectVersion in all buckets below the
prefix; dynamodb:GetItem of results, Query and DeleteItem of known content and notes of attempts.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger

from ..api.application import Application
from ..api.storage import Bucket, client_config, s3_client
from ..environment import Variables
from ..results.erasure import Erasure
from ..results.errors import TableUnavailableError
from ..results.table import client_config as dynamodb_config
from .changes import GROUP, Changes


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer a request of the API."""
    return _application().handle(event)


@cache
def _application() -> Application:
    variables = Variables(os.environ)
    bucket, prefix = Bucket(s3_client(), variables.text("UPLOAD_BUCKET")), variables.text("UPLOAD_PREFIX")
    queue_url = variables.url("QUEUE_URL")
    table, erasure = variables.optional_text("RESULTS_TABLE"), None
    if table is not None:
        dynamodb = boto3.client("dynamodb", config=dynamodb_config(1))
        documents = variables.optional_text("RESULTS_BUCKET")
        previews = variables.optional_text("PREVIEWS_BUCKET")
        erasure = Erasure(bucket.client, dynamodb, bucket.name, table, documents, previews)
    send = _sender(queue_url) if queue_url else None
    changes = Changes(bucket, prefix, erasure, send, lambda: datetime.now(UTC))
    routes = {("DELETE", "/images"): changes.delete_image, ("POST", "/relabel"): changes.relabel}
    return Application(routes, variables.names("ALLOWED_ORIGIN"), Logger(), passing=(TableUnavailableError,))


def _sender(queue_url: str) -> Callable[[str], None]:
    sqs = boto3.client("sqs", config=client_config())

    def send(body: str) -> None:
        sqs.send_message(QueueUrl=queue_url, MessageBody=body, MessageGroupId=GROUP)

    return send
