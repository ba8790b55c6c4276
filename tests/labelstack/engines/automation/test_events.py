"""The engine's reading of Pulumi's event logs."""

from __future__ import annotations

import pytest

from labelstack.engines.automation.events import Events
from tests.labelstack.engines.automation.conftest import recording

MAPPING = "aws:lambda/eventSourceMapping:EventSourceMapping"
NO_FUNCTION = "ResourceNotFoundException: Function not found: nobody"


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("up-creates", {"created": 2}),
        ("up-unchanged", {"unchanged": 2}),
        ("up-updates", {"unchanged": 1, "updated": 1}),
        ("up-replaces", {"unchanged": 2, "replaced": 1}),
        ("up-removes", {"unchanged": 2, "deleted": 1}),
    ],
)
def test_counts_what_was_done_with_the_program_s_own_resources(name: str, counts: dict[str, int]) -> None:
    steps: list[tuple[str, str, str]] = []
    events = Events(lambda *step: steps.append(step))

    for event in recording(name):
        events(event)

    assert events.counts == counts
    assert len(steps) == sum(counts.values())
    assert {resource for _, _, resource in steps} <= {"topic", "bucket", "renamed"}
    assert events.problems() == []


@pytest.mark.parametrize(
    ("name", "problems"),
    [
        (
            "up-refused",
            [
                ("mapping", MAPPING, NO_FUNCTION),
                (
                    "policy",
                    "aws:s3/bucketPolicy:BucketPolicy",
                    "waiting for S3 Bucket Policy (bucket-ccce93a) create: ",
                ),
            ],
        ),
        ("up-two-refused", [("first", MAPPING, NO_FUNCTION), ("second", MAPPING, NO_FUNCTION)]),
        ("up-invalid-argument", [("queue", "aws:sqs/queue:Queue", "expected visibility_timeout_seconds to be in")]),
        ("up-program-raises", [("", "", "ValueError: the program raised this")]),
        ("up-missing-config", [("", "", "Missing required configuration variable 'recorded:missing'")]),
        (
            "up-program-exits",
            [("", "", "the program says why on standard error"), ("", "", "program exited with non-zero exit code: 3")],
        ),
        ("up-component-fails", [("", "", "unknown datasource token: aws:s3/getBucket:getBucket")]),
        ("up-apply-raises", [("", "", "ZeroDivisionError: division by zero")]),
        ("destroy-protected", [("kept", "aws:sns/topic:Topic", "it is protected")]),
    ],
)
def test_names_each_cause_once_and_no_consequence(name: str, problems: list[tuple[str, str, str]]) -> None:
    events = Events()

    for event in recording(name):
        events(event)

    read = events.problems()
    assert [(problem.name, problem.type) for problem in read] == [(name, type_) for name, type_, _ in problems]
    assert [text in problem.text for problem, (_, _, text) in zip(read, problems, strict=True)] == [True] * len(read)
    assert not any(
        noise in str(read) for noise in ("sdk-v2", "error occurred", "provider=aws", "RunError", "has a pro")
    )
