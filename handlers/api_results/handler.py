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
from typing import TYPE_CHECKING, Any

import boto3
from aws_lambda_powertools import Logger

from ..api.application import Application
from ..api.storage import Bucket, Links, s3_client, signing_client
from ..environment import Variables
from ..results.errors import TableUnavailableError
from ..results.search import ResultsReader
from ..results.table import client_config
from .reading import Previews, Reading

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_CONNECTIONS = 4


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Answer a request of the API."""
    return _application().handle(event)


@cache
def _application() -> Application:
    variables = Variables(os.environ)
    bucket, expiry_s = variables.text("UPLOAD_BUCKET"), variables.integer("IMAGE_URL_EXPIRY_S", 1, 3600)
    prefix = variables.text("UPLOAD_PREFIX")
    dynamodb = boto3.client("dynamodb", config=client_config(_CONNECTIONS))
    s3, signing = s3_client(), signing_client(variables.url("PUBLIC_S3_ENDPOINT_URL"))
    small = variables.optional_text("PREVIEWS_BUCKET")
    reading = Reading(
        results=ResultsReader(dynamodb, variables.text("RESULTS_TABLE"), folder=prefix),
        objects=Bucket(s3, bucket),
        links=Links(signing, bucket, expiry_s),
        prefix=prefix,
        link_expiry_s=expiry_s,
        now=lambda: datetime.now(UTC),
        previews=Previews(Bucket(s3, small), Links(signing, small, expiry_s)) if small else None,
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
