"""A deployed stack as its user sees it: outputs, boto3 clients, and waits that say what they last saw."""

from __future__ import annotations

import json
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from boto3.dynamodb.types import TypeDeserializer

from labelstack.clouds import Cloud

T = TypeVar("T")

TERMINAL = frozenset({"LABELED", "REJECTED", "FAILED", "DELETED"})
PATIENCE_S = 240.0  # longer than a message is hidden whose function timed out; what is there is not waited for
POLL_INTERVAL_S = 0.05
LONGEST_INTERVAL_S = 0.5
LOCALSTACK_NAMES = ".localhost.localstack.cloud"
_DESERIALIZER = TypeDeserializer()


def wait_for(what: str, look: Callable[[], T], done: Callable[[T], bool], timeout_s: float = PATIENCE_S) -> T:
    """Poll `look` until `done` holds for what it returns; on time-out say what was waited for and last seen."""
    began = time.monotonic()
    deadline = began + timeout_s
    while True:
        seen = look()
        if done(seen):
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s:.0f} s for {what}; last seen: {seen!r}"[:4000])
        waited = time.monotonic() - began
        # The longer it has waited, the longer between two looks: each costs the cloud time.
        time.sleep(min(max(POLL_INTERVAL_S, waited / 10), LONGEST_INTERVAL_S))


def reachable(url: str) -> tuple[str, dict[str, str]]:
    """A URL and headers for a client on this machine.

    All names below LocalStack's are this machine, but not every resolver knows: so the name goes into the Host header.
    """
    parts = urlsplit(url)
    if not (parts.hostname or "").endswith(LOCALSTACK_NAMES):
        return url, {}
    return urlunsplit(parts._replace(netloc=f"localhost:{parts.port or 80}")), {"Host": parts.netloc}


@dataclass(frozen=True)
class Uploaded:
    """An object version as S3 acknowledged it."""

    key: str
    version_id: str
    etag: str


@dataclass
class DeployedStack:
    """One deployed stack on one cloud.

    Attributes:
        cloud: Where it runs.
        outputs: The stack's outputs, by the names in the README.
    """

    cloud: Cloud
    outputs: Mapping[str, Any]
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """A boto3 client with the deployer's credentials, built once."""
        if service not in self._clients:
            self._clients[service] = self.cloud.client(service)
        return self._clients[service]

    def page_address(self, path: str = "") -> tuple[str, dict[str, str]]:
        """URL and headers of a request for a file of the page."""
        return reachable(str(self.outputs["websiteUrl"]) + path)

    # --- pictures ---------------------------------------------------------------------------------------------

    def upload(self, key: str, body: bytes, **extra: str) -> Uploaded:
        """Put an object into the upload bucket."""
        answer = self.client("s3").put_object(Bucket=self.outputs["uploadBucket"], Key=key, Body=body, **extra)
        return Uploaded(key, answer["VersionId"], answer["ETag"].strip('"'))

    def delete(self, key: str) -> None:
        """Delete an object as a user would: a delete marker hides its versions."""
        self.client("s3").delete_object(Bucket=self.outputs["uploadBucket"], Key=key)

    def send(self, body: str) -> str:
        """Put a raw message on the processing queue; its id."""
        answer = self.client("sqs").send_message(QueueUrl=self.outputs["queueUrl"], MessageBody=body)
        return str(answer["MessageId"])

    # --- the table --------------------------------------------------------------------------------------------

    def item(self, pk: str, sk: str) -> dict[str, Any] | None:
        """One item of the results table as Python values, or None."""
        answer = self.client("dynamodb").get_item(
            TableName=self.outputs["resultsTable"], Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True
        )
        return _plain(answer["Item"]) if "Item" in answer else None

    def items(self, **query: Any) -> list[dict[str, Any]]:
        """Every item a query finds."""
        pages = self.client("dynamodb").get_paginator("query").paginate(TableName=self.outputs["resultsTable"], **query)
        return [_plain(item) for page in pages for item in page["Items"]]

    def everything(self) -> list[dict[str, Any]]:
        """The whole table; for tests that compare it."""
        pages = (
            self.client("dynamodb")
            .get_paginator("scan")
            .paginate(TableName=self.outputs["resultsTable"], ConsistentRead=True)
        )
        return [_plain(item) for page in pages for item in page["Items"]]

    def result(self, key: str) -> dict[str, Any] | None:
        """The result document stored for a key, whatever its status."""
        return self.item(f"IMAGE#{key}", "META")

    def label_entries(self, key: str) -> dict[str, dict[str, Any]]:
        """A picture's label entries by label."""
        found = self.items(
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues={":pk": {"S": f"IMAGE#{key}"}, ":sk": {"S": "LABEL#"}},
        )
        return {entry["label"]: entry for entry in found}

    def label_count(self, label: str) -> int:
        """How many pictures carry a label, by the counters."""
        shards = self.items(KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": "LABELCOUNTS"}})
        return int(sum(shard.get(f"n:{label}", 0) for shard in shards))

    def wait_for_result(self, uploaded: Uploaded) -> dict[str, Any]:
        """The terminal result of exactly this object version."""

        def done(found: dict[str, Any] | None) -> bool:
            return found is not None and found["status"] in TERMINAL and found.get("versionId") == uploaded.version_id

        found = wait_for(
            f"a result of {uploaded.key!r}, version {uploaded.version_id}",
            lambda: self.result(uploaded.key),
            done,
        )
        assert found is not None
        return found

    def wait_for_results(self, uploaded: Sequence[Uploaded]) -> list[dict[str, Any]]:
        """Terminal results of several object versions, in their order."""
        return [self.wait_for_result(one) for one in uploaded]

    def wait_until_announced(self, key: str) -> None:
        """Wait until a stored result waits for no announcement: what that takes is off its item."""
        outbox = {"unannounced", "claimedUntil", "gsi1pk", "gsi1sk"}
        wait_for(
            f"{key!r} to be announced",
            lambda: self.result(key) or {},
            lambda item: "sequencer" in item and not outbox & set(item),
        )

    def wait_until_quiet(self) -> None:
        """Wait until neither queue holds a message, visible or in flight."""

        wait_for("empty queues", self._messages, lambda counts: not any(map(sum, counts.values())))

    def messages_in_flight(self) -> int:
        """How many messages of the first queue are with a function; a dead letter that failed is hidden for minutes."""
        return self._messages()["queueUrl"][1]

    def _messages(self) -> dict[str, tuple[int, int]]:
        """How many messages of each queue are visible, and how many are not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = {}
        for queue in ("queueUrl", "deadLetterQueueUrl"):
            found = self.client("sqs").get_queue_attributes(QueueUrl=self.outputs[queue], AttributeNames=names)
            visible, hidden = (int(found["Attributes"][name]) for name in names)
            counts[queue] = (visible, hidden)
        return counts

    # --- logs -------------------------------------------------------------------------------------------------

    def log_events(self, function_name: str) -> Iterator[dict[str, Any]]:
        """A function's JSON log lines."""
        pages = (
            self.client("logs").get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{function_name}")
        )
        for page in pages:
            for event in page["events"]:
                for line in event["message"].splitlines():
                    if line.startswith("{"):
                        yield json.loads(line)


class LocalRekognition:
    """The control plane of the local Rekognition: rules that make it answer, fail, wait or hang; counted calls."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/") + "/_rekognition_local"

    def set_rules(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """Replace all rules."""
        self._call("PUT", "/rules", list(rules))

    def calls(self) -> dict[str, Any]:
        """Counted calls since the last reset."""
        answer = self._call("GET", "/calls")
        assert isinstance(answer, dict)
        return answer

    def _call(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self._url + path, data=data, method=method, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _DESERIALIZER.deserialize(value) for name, value in item.items()}
