"""Functions on the embedded cloud, and waits."""

from __future__ import annotations

import io
import itertools
import json
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from labelstack.clouds import EmbeddedCloud

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)
Deploy = Callable[..., str]


def processes_of(folder: Path) -> list[int]:
    """Return the processes whose command or environment names a folder: those of a cloud in it."""
    process_ids = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            except OSError:  # it ended while we looked, or is not ours
                continue
            if str(folder).encode() in text:
                process_ids.append(int(entry.name))
    return process_ids


def wait_until(what: str, look: Callable[[], object], timeout_s: float = 10.0) -> None:
    """Poll until `look` returns true; raise an error that names `what`."""
    deadline = time.monotonic() + timeout_s
    while not (state := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:.0f} s for {what}; last seen: {state!r}")
        time.sleep(0.02)  # between two looks of a wait with a deadline


def invoke(cloud: EmbeddedCloud, name: str, event: object = None) -> tuple[str | None, Any]:
    """Return a function's error kind, if any, and its answer."""
    answer = cloud.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event))
    return answer.get("FunctionError"), json.loads(answer["Payload"].read())


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    """Return a function that makes names unique."""
    return itertools.count()


@pytest.fixture
def deploy(cloud: EmbeddedCloud, numbers: Iterator[int]) -> Iterator[Deploy]:
    """Yield a function that deploys a function from its source, `m.py` with `handle`, and returns its name."""
    buckets: list[str] = []

    def make(source: str, *, on: EmbeddedCloud = cloud, policy: object = None, **settings: Any) -> str:
        name = f"function-{next(numbers)}"
        role = on.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
        if policy is not None:
            on.client("iam").put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("m.py", source)
        request = {"Runtime": on.stack_config()["labelstack:runtime"], "Handler": "m.handle", "Timeout": 10, **settings}
        on.client("lambda").create_function(
            FunctionName=name, Role=role, Code={"ZipFile": packed.getvalue()}, **request
        )
        if on is cloud:
            buckets.append(name)
        return name

    yield make
    for name in buckets:
        with suppress(cloud.client("lambda").exceptions.ResourceNotFoundException):  # a test has deleted it
            cloud.client("lambda").delete_function(FunctionName=name)
