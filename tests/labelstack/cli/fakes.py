"""A cloud, an engine and a table that live in this process, and a backend that hands them out."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from handlers.results.codes import Status
from handlers.results.document import Result
from handlers.results.errors import TableUnavailableError
from handlers.results.query import Query
from handlers.results.search import Page
from labelstack.cli.backend import Backend, OnStep
from labelstack.clouds import Capabilities, Cloud
from labelstack.diagnosis.finding import Finding
from labelstack.errors import CloudNotRunningError, LabelstackError

OUTPUTS = {
    "uploadBucket": "the-bucket",
    "uploadPrefix": "uploads/",
    "resultsTable": "the-table",
    "processorFunction": "the-processor",
    "failureRecorderFunction": "the-recorder",
}


def make_result(key: str, status: str = "LABELED", **more: Any) -> Result:
    """Return a result document, by default of a picture of a cat."""
    result: dict[str, Any] = {
        "key": key,
        "bucket": "the-bucket",
        "status": status,
        "sequencer": "0" * 64,
        "processedAt": "2026-11-21T10:00:00.000Z",
    }
    if status == "LABELED":
        cat = {"name": "Cat", "confidence": Decimal("98.75"), "parents": ["Animal"], "aliases": [], "categories": []}
        result |= {"labels": [{**cat, "instances": []}], "faces": [], "moderation": [], "detectors": ["labels"]}
    else:
        result |= {"code": "NOT_AN_IMAGE", "message": "The file is not a picture: upload a JPEG or PNG file."}
    return {**result, **more}  # type: ignore[typeddict-item]  # built of parts, as the table's items are


class FakeResults:
    """A results table in memory."""

    def __init__(self) -> None:
        self.stored: dict[str, Result] = {}
        self.searches: list[dict[str, Any]] = []
        self.pages: list[Page] = []
        self.arriving: list[Result] = []
        self.walked: list[tuple[tuple[Status, ...], str]] = []
        self.breaks_at = ""
        self.old: list[str] = []

    def put(self, result: Result) -> None:
        """Store a result; later ones are newer."""
        self.stored.pop(result["key"], None)
        self.stored[result["key"]] = result

    def get(self, key: str) -> Result | None:
        """Return the result stored for a key."""
        return self.stored.get(key)

    def get_many(self, picture_keys: Iterable[str]) -> dict[str, Result]:
        """Return the results stored for several keys."""
        return {key: self.stored[key] for key in picture_keys if key in self.stored}

    def list_images(self, limit: int = 20, cursor: str | None = None, status: Status | None = None) -> Page:
        """Return the newest first, in pages whose cursor is a number.

        A result that arrives is stored after each look.
        """
        start = int(cursor or 0)
        newest = [result for result in reversed(self.stored.values()) if result["status"] != Status.DELETED]
        if self.arriving and cursor is None:
            self.put(self.arriving.pop(0))
        following = str(start + limit) if start + limit < len(newest) else None
        return Page(newest[start : start + limit], following, None if cursor else len(newest))

    def walk(self, statuses: Sequence[Status], prefix: str = "") -> Iterator[Result]:
        """Yield the results in the order of storage."""
        self.walked.append((tuple(statuses), prefix))
        for result in list(self.stored.values()):
            if result["status"] in statuses and result["key"].startswith(prefix):
                if result["key"] == self.breaks_at:
                    raise TableUnavailableError("DynamoDB cannot answer now.")
                yield result

    def outdated(self, prefix: str = "") -> Iterator[str]:
        """Return the pictures that the test calls old."""
        return (key for key in self.old if key.startswith(prefix))

    def search(self, query: Query, limit: int = 20, cursor: str | None = None) -> Page:
        """Return the next of the prepared pages."""
        facts = {"query": str(query), "min": query.min_confidence, "order": query.order}
        self.searches.append({**facts, "limit": limit, "cursor": cursor})
        return self.pages.pop(0) if self.pages else Page([], None)

    def label_counts(self) -> dict[str, int]:
        """Return the counts, counted at each call."""
        counts: dict[str, int] = {}
        for result in self.stored.values():
            for label in result.get("labels", []):
                counts[label["name"]] = counts.get(label["name"], 0) + 1
        return counts


class FakeS3:
    """A versioned bucket; `on_put` and `on_delete` stand for the stack's work on an event."""

    def __init__(self, results: FakeResults) -> None:
        self.objects: dict[str, bytes] = {}
        self.puts: list[dict[str, Any]] = []
        self.versioned = True
        self.on_put: Callable[[str, str], Result | None] = lambda key, version: make_result(key, versionId=version)
        self.on_delete: Callable[[str], None] = lambda key: results.put(make_result(key, "DELETED"))
        self._results = results

    def put_object(self, *, Bucket: str, Key: str, Body: Any, ContentType: str) -> dict[str, str]:  # boto3's
        """Keep an object."""
        self.objects[Key] = Body.read()
        version = f"v{len(self.puts) + 1}"
        self.puts.append({"Bucket": Bucket, "Key": Key, "ContentType": ContentType})
        if result := self.on_put(Key, version):
            self._results.put(result)
        return {"ETag": f'"etag-of-{Key}"'} | ({"VersionId": version} if self.versioned else {})

    def head_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # boto3's
        """Raise 404 for an object that is not there."""
        if Key not in self.objects:
            raise refusal("HeadObject", "404", 404)
        return {}

    def get_paginator(self, operation: str) -> FakeS3:
        """Return this fake."""
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> Iterable[dict[str, Any]]:  # boto3's
        """Return one page."""
        yield {"Contents": [{"Key": key} for key in sorted(self.objects) if key.startswith(Prefix)]}

    def delete_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # boto3's
        """Forget an object."""
        self.objects.pop(Key, None)
        self.on_delete(Key)
        return {}


class FakeLogs:
    """CloudWatch Logs with some events per log group."""

    class exceptions:  # boto3's
        """The place of a client's exceptions in boto3."""

        class ResourceNotFoundException(Exception):  # boto3's
            """There is no such log group."""

    def __init__(self) -> None:
        self.groups: dict[str, list[dict[str, Any]]] = {}
        self.starts_ms: list[int] = []

    def get_paginator(self, operation: str) -> FakeLogs:
        """Return this fake."""
        assert operation == "filter_log_events"
        return self

    def paginate(self, *, logGroupName: str, startTime: int) -> Iterable[dict[str, Any]]:  # boto3's
        """Return one page."""
        self.starts_ms.append(startTime)
        if logGroupName not in self.groups:
            raise self.exceptions.ResourceNotFoundException
        yield {"events": [event for event in self.groups[logGroupName] if event["timestamp"] >= startTime]}


class FakeParameters:
    """Systems Manager's parameters."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    def put_parameter(self, *, Name: str, Value: str, Type: str, Overwrite: bool) -> None:  # boto3's
        """Keep a parameter."""
        assert (Type, Overwrite) == ("String", True)
        self.values[Name] = Value

    def get_parameters(self, *, Names: list[str]) -> dict[str, list[dict[str, str]]]:  # boto3's
        """Return the existing parameters."""
        return {"Parameters": [{"Name": name, "Value": self.values[name]} for name in Names if name in self.values]}

    def delete_parameters(self, *, Names: list[str]) -> None:  # boto3's
        """Forget those that are there."""
        for name in Names:
            self.values.pop(name, None)


@dataclass
class FakeCloud:
    """A cloud of fakes."""

    s3: FakeS3
    logs: FakeLogs = field(default_factory=FakeLogs)
    cloudwatch: Any = None
    ssm: FakeParameters = field(default_factory=FakeParameters)
    others: dict[str, Any] = field(default_factory=dict)
    """More clients, by service."""
    name: str = "embedded"
    region: str = "us-east-1"
    endpoint_url: str | None = "http://127.0.0.1:1"
    instance: str = "one"
    capabilities: Capabilities = field(default_factory=lambda: Capabilities(*[False] * len(fields(Capabilities))))
    log_folder: Path = Path("the-logs")
    stopped: bool = False
    config: dict[str, str] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """Return one of the fakes."""
        known = {"s3": self.s3, "logs": self.logs, "cloudwatch": self.cloudwatch, "ssm": self.ssm, **self.others}
        return known[service]

    def credentials(self) -> Credentials:
        """Return nobody's credentials."""
        return Credentials("AKIDEXAMPLE", "secret")

    def stack_config(self) -> Mapping[str, str]:
        """Return no settings, or a test's."""
        return self.config

    @property
    def environment_file(self) -> Path:
        """Return a path that does not exist."""
        return self.log_folder.parent / "environment"

    def stop(self) -> None:
        """Remember that it was stopped."""
        self.stopped = True


@dataclass(frozen=True)
class FakeDeployment:
    """The fake engine's deployed stack."""

    outputs: Mapping[str, Any]


class FakeEngine:
    """Deploys two resources at once and knows what it has deployed."""

    def __init__(self) -> None:
        self.deployed: dict[str, Mapping[str, Any]] = {}
        self.failure: LabelstackError | KeyboardInterrupt | None = None

    def up(
        self, stack: str, config: Mapping[str, str] | None = None, *, on_step: OnStep | None = None
    ) -> FakeDeployment:
        """Deploy, or fail if the test says so."""
        if self.failure is not None:
            raise self.failure
        action = "unchanged" if stack in self.deployed else "created"
        for name in ("uploads", "results"):
            if on_step is not None:
                on_step(action, "aws:s3/bucket:Bucket", name)
        self.deployed[stack] = OUTPUTS
        return FakeDeployment(OUTPUTS)

    def destroy(self, stack: str) -> int:
        """Destroy, or fail if the test says so."""
        if self.failure is not None:
            raise self.failure
        return 2 if self.deployed.pop(stack, None) else 0


class FakeBackend(Backend):
    """One embedded cloud that may run or not."""

    def __init__(self) -> None:
        self.table = FakeResults()
        self.s3 = FakeS3(self.table)
        self.cloud = FakeCloud(self.s3)
        self.deployer = FakeEngine()
        self.pulumi = FakeEngine()
        self.pulumi_missing: LabelstackError | None = None
        self.running = True
        self.started: list[tuple[Path, bool]] = []
        self.connected: list[tuple[str, str | None, str | None]] = []
        self.by_pulumi: Mapping[str, Any] | None = None
        self.tables: list[str] = []
        self.findings: list[Finding] = []
        self.diagnosed: list[tuple[str, str, str | None, str | None]] = []

    def start_embedded(self, folder: Path, *, detach: bool) -> FakeCloud:
        """Start the cloud."""
        self.started.append((folder, detach))
        self.running = True
        return self.cloud

    def attach_embedded(self, folder: Path) -> FakeCloud:
        """Return the cloud, if it runs."""
        if not self.running:
            raise CloudNotRunningError(f"no embedded cloud runs in {folder}: start one (labelstack up)")
        return self.cloud

    def connect(self, cloud: str, folder: Path, *, region: str | None, profile: str | None) -> Cloud:
        """Return the same cloud by any name."""
        self.connected.append((cloud, region, profile))
        return self.attach_embedded(folder) if cloud == "embedded" else self.cloud

    def engine(self, cloud: Cloud, state_folder: Path) -> FakeEngine:
        """Return the engine."""
        return self.deployer

    def pulumi_engine(self, cloud: Cloud, state_folder: Path, cli_folder: Path) -> FakeEngine:
        """Return the other engine."""
        return self.pulumi

    def find_pulumi(self, cli_folder: Path) -> None:
        """Find the CLI, or fail if the test says so."""
        if self.pulumi_missing is not None:
            raise self.pulumi_missing

    def recorded(self, cloud: Cloud, state_folder: Path, stack: str) -> tuple[str | None, Mapping[str, Any] | None]:
        """Return the engine that has deployed the stack, and the outputs."""
        for name, engine in (("in-process", self.deployer), ("pulumi", self.pulumi)):
            if stack in engine.deployed:
                return name, engine.deployed[stack]
        return None, None

    def pulumi_outputs(self, stack: str) -> Mapping[str, Any] | None:
        """Return the test's answer."""
        return self.by_pulumi

    def results(self, cloud: Cloud, table: str) -> Any:  # as much of it as the tests use
        """Return the table."""
        self.tables.append(table)
        return self.table

    def diagnose(
        self, cloud: str, stack: str, folder: Path, *, region: str | None, profile: str | None
    ) -> list[Finding]:
        """Return the test's answer."""
        self.diagnosed.append((cloud, stack, region, profile))
        return self.findings


def refusal(operation: str, code: str, status: int) -> ClientError:
    """Return an error answer as boto3 raises it."""
    return ClientError(
        {"Error": {"Code": code, "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]  # only the members that code reads
        operation,
    )


def picture_bytes() -> bytes:
    """Return bytes to upload, which no test here reads."""
    return io.BytesIO(b"picture").getvalue()
