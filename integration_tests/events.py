"""S3 notifications as they arrive in a queue, made by hand."""

from __future__ import annotations

import hashlib
import json
from urllib.parse import quote_plus


def s3_event(
    bucket: str,
    key: str,
    sequencer: str,
    *,
    name: str = "ObjectCreated:Put",
    version_id: str = "",
    content: bytes = b"\0",
) -> str:
    """Return an S3 notification as it arrives in SQS."""
    etag = hashlib.md5(content, usedforsecurity=False).hexdigest()
    entity = {"key": quote_plus(key, safe="/"), "size": len(content), "eTag": etag, "sequencer": sequencer}
    if version_id:
        entity["versionId"] = version_id
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "2026-11-21T10:00:00.000Z",
        "eventName": name,
        "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810"},
        "s3": {"bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"}, "object": entity},
    }
    return json.dumps({"Records": [record]})
