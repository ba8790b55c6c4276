"""The edge of `api_delete`.

Environment: UPLOAD_BUCKET; UPLOAD_PREFIX (only pictures below it can be deleted); optional ALLOWED_ORIGIN; and
Powertools' own.
Rights: s3:GetObject and s3:DeleteObject below the prefix, s3:ListBucket (so that a missing object is 404).
"""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from handlers.api.application import Application
from handlers.api.environment import Variables
from handlers.api.storage import Bucket, s3_client, unavailable
from handlers.api_delete.deletion import Deletion

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def handle(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The Lambda handler: a request of the API."""
    return _application().handle(event)


@cache
def _application() -> Application:
    variables = Variables(os.environ)
    deletion = Deletion(Bucket(s3_client(), variables.text("UPLOAD_BUCKET")), variables.text("UPLOAD_PREFIX"))
    return Application(
        {("DELETE", "/images"): deletion.delete_image}, variables.origins(), Logger(), translate=unavailable
    )
