"""S3's versions in events and links of ministack, as on AWS; imported in ministack's own process only.

Events on EventBridge leave the version's id out (docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html). Links
heed `response-content-type` and its like for the present version alone, so that a link to another would show a file by
the type that its uploader names.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any

from ministack.services import eventbridge, s3

SOURCE = "aws.s3"
_version_id: ContextVar[str | None] = ContextVar("labelstack_version_id", default=None)


def telling(original: Callable[..., None]) -> Callable[..., None]:
    """Wrap ministack's delivery of one event, so that the version's id is known meanwhile."""
    signature = inspect.signature(original)

    def fire(*arguments: Any, **named: Any) -> None:
        known = _version_id.set(signature.bind(*arguments, **named).arguments.get("version_id"))
        try:
            original(*arguments, **named)
        finally:
            _version_id.reset(known)

    return fire


def versioned(original: Callable[..., None]) -> Callable[..., None]:
    """Wrap EventBridge's dispatch of an event, to add the version's id to S3's events."""

    def dispatch(event: dict[str, Any], *arguments: Any, **named: Any) -> None:
        version_id = _version_id.get()
        if version_id and event.get("Source") == SOURCE:
            detail = json.loads(event["Detail"])
            detail["object"]["version-id"] = version_id
            event = {**event, "Detail": json.dumps(detail)}
        original(event, *arguments, **named)

    return dispatch


def answered(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ministack's GetObject, so that a link to any version can set the answer's headers."""

    def get_object(bucket: str, key: str, headers: dict[str, str], query: dict[str, Any] | None = None) -> Any:
        answer = original(bucket, key, headers, query)
        if answer[0] == HTTPStatus.OK and query and s3._qp(query, "versionId", ""):
            s3._apply_response_overrides(answer[1], query)
        return answer

    return get_object


def install() -> None:
    """Put the version's id into S3's events, and let links set the answer's headers for a version."""
    s3._fire_s3_event = telling(s3._fire_s3_event)
    eventbridge._dispatch_event = versioned(eventbridge._dispatch_event)
    s3._get_object = answered(s3._get_object)
