"""The edge of `api_results`.

Environment: UPLOAD_BUCKET; UPLOAD_PREFIX (a folder such as uploads/; pictures elsewhere are not shown); RESULTS_TABLE;
IMAGE_URL_EXPIRY_S (a link's lifetime, 1 to 3600); optional PREVIEWS_BUCKET, ALLOWED_ORIGIN, PUBLIC_S3_ENDPOINT_URL; and
Powertools' own. Rights: dynamodb:GetItem, BatchGetItem and Query on the table, Query on its indexes, PutItem of the
cursors' keys (partition CURSORKEYS); s3:GetObject and s3:GetObjectVersion below the prefix (a link passes this right on
for its key and version), s3:ListBucket (so that a missing object is 404); the same, but versions, of the previews.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
from aws_lambda_powertools import Logger

from ..api.application import Application
from ..api.storage import LinkedBucket, s3_client, signing_client
from ..environment import Variables
from ..results.errors import TableUnavailableError
from ..results.search import ResultsReader
from ..results.table import client_config
from .reading import Reading

_CONNECTIONS = 4


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer a request of the API."""
    return _application().handle(event)


@cache
def _application() -> Application:
    variables = Variables(os.environ)
    prefix, expiry_s = variables.text("UPLOAD_PREFIX"), variables.integer("IMAGE_URL_EXPIRY_S", 1, 3600)
    dynamodb = boto3.client("dynamodb", config=client_config(_CONNECTIONS))
    s3, signing = s3_client(), signing_client(variables.url("PUBLIC_S3_ENDPOINT_URL"))
    previews = variables.optional_text("PREVIEWS_BUCKET")
    reading = Reading(
        results=ResultsReader(dynamodb, variables.text("RESULTS_TABLE"), folder=prefix),
        uploads=LinkedBucket(s3, variables.text("UPLOAD_BUCKET"), signing, expiry_s),
        prefix=prefix,
        now=lambda: datetime.now(UTC),
        previews=LinkedBucket(s3, previews, signing, expiry_s) if previews else None,
    )
    routes = {
        ("POST", "/detect-labels"): reading.detect_labels,
        ("GET", "/result"): reading.get_result,
        ("GET", "/images"): reading.list_images,
        ("GET", "/labels"): reading.list_labels,
        ("GET", "/image-url"): reading.get_image_url,
        ("GET", "/health"): reading.get_health,
    }
    return Application(routes, variables.names("ALLOWED_ORIGIN"), Logger(), passing=(TableUnavailableError,))
