"""A request to label a picture again, as a message of the events queue: an S3 event without a position of its own.

The `labelstack` command and the API send it; `handlers.labelling.events` reads it.
"""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import quote_plus

SOURCE: Final = "labelstack:repair"


def repair_message(bucket: str, key: str, processed_before: str | None = None, *, labels_only: bool = False) -> str:
    """Return the message's body.

    Args:
        bucket: The upload bucket's name.
        key: The picture's, as it is.
        processed_before: ISO 8601: an older result is replaced, even by known content.
        labels_only: Apply the stack's rules of labels to the stored result, without calling Rekognition.
    """
    record: dict[str, Any] = {
        "eventSource": SOURCE,
        "s3": {"bucket": {"name": bucket}, "object": {"key": quote_plus(key, safe="/")}},
    }
    if processed_before is not None:
        record["processedBefore"] = processed_before
    if labels_only:
        record["labelsOnly"] = True
    return json.dumps({"Records": [record]})
