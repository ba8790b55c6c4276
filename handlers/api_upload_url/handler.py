"""The edge of `api_upload_url`.

Environment: UPLOAD_BUCKET; UPLOAD_PREFIX (keys begin with it); MAX_UPLOAD_BYTES (1 to 104,857,600); UPLOAD_EXPIRY_S (an
upload URL's lifetime, 1 to 3600); optional ALLOWED_ORIGIN, PUBLIC_S3_ENDPOINT_URL; and Powertools' own. Rights:
s3:PutObject below the prefix. An upload URL passes this right on, once, for its key.
"""

from __future__ import annotations

import os
import secrets
from datetime import UTC, datetime
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger

from ..api.application import Application
from ..api.storage import signing_client
from ..environment import Variables
from .uploads import Uploads

_MAX_SIZE_BYTES = 100 * 1024 * 1024
"""The largest file that process_image converts."""


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:
    """Answer a request of the API."""
    return _application().handle(event)


@cache
def _application() -> Application:
    variables = Variables(os.environ)
    client, bucket = signing_client(variables.url("PUBLIC_S3_ENDPOINT_URL")), variables.text("UPLOAD_BUCKET")

    def sign(key: str, content_type: str, size_bytes: int, expiry_s: int) -> str:
        content = {"ContentType": content_type, "ContentLength": size_bytes}
        put = {"Bucket": bucket, "Key": key, **content, "IfNoneMatch": "*"}
        return client.generate_presigned_url("put_object", Params=put, ExpiresIn=expiry_s)

    uploads = Uploads(
        sign=sign,
        prefix=variables.text("UPLOAD_PREFIX"),
        max_size_bytes=variables.integer("MAX_UPLOAD_BYTES", 1, _MAX_SIZE_BYTES),
        expiry_s=variables.integer("UPLOAD_EXPIRY_S", 1, 3600),
        now=lambda: datetime.now(UTC),
        new_id=lambda: secrets.token_hex(16),
    )
    routes = {("POST", "/generate-upload-url"): uploads.generate}
    return Application(routes, variables.names("ALLOWED_ORIGIN"), Logger())
