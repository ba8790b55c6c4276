"""Errors of the results table.

ResultsError
├── InvalidQueryError        INVALID_QUERY
│   └── InvalidCursorError   INVALID_CURSOR
├── TableUnavailableError    STORAGE_ERROR
├── AnnouncementClaimedError ANNOUNCEMENT_CLAIMED
└── ConflictError            CONFLICT (never leaves the package: the write is read again and retried)
"""

from __future__ import annotations

from typing import ClassVar


class ResultsError(Exception):
    """Base of the results table's errors."""

    code: ClassVar[str] = "RESULTS_ERROR"


class InvalidQueryError(ResultsError):
    """The query is invalid: no label, too many labels, a limit out of range."""

    code = "INVALID_QUERY"


class InvalidCursorError(InvalidQueryError):
    """The cursor is malformed, or it belongs to another query."""

    code = "INVALID_CURSOR"


class TableUnavailableError(ResultsError):
    """DynamoDB throttles, fails or cannot be reached: the same call may succeed later."""

    code = "STORAGE_ERROR"


class AnnouncementClaimedError(ResultsError):
    """Somebody else is announcing the result now: look again later whether that went well."""

    code = "ANNOUNCEMENT_CLAIMED"


class ConflictError(ResultsError):
    """Another writer changed the state that a transaction was planned on."""

    code = "CONFLICT"
