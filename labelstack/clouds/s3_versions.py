"""Links to one version of an object on ministack, as S3 answers them; imported in ministack's own process only.

ministack answers `response-content-type` and its like for the present version alone, so that a link to a version would
show a file by the type its uploader has named.
"""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from ministack.services import s3


def answered(original: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap ministack's GetObject, so that a link to any version can set the answer's headers."""

    def get_object(bucket: str, key: str, headers: dict[str, str], query: dict[str, Any] | None = None) -> Any:
        answer = original(bucket, key, headers, query)
        if answer[0] == HTTPStatus.OK and query and s3._qp(query, "versionId", ""):
            s3._apply_response_overrides(answer[1], query)
        return answer

    return get_object


def install() -> None:
    """Let links set the answer's headers for a version."""
    s3._get_object = answered(s3._get_object)
