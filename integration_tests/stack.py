"""A deployed stack as its user sees it: outputs, boto3 clients, and waits that report the last state."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

from boto3.dynamodb.types import TypeDeserializer

from labelstack import logs
from labelstack.clouds import Cloud

T = TypeVar("T")

TERMINAL = frozenset({"LABELED", "REJECTED", "FAILED", "DELETED"})
PATIENCE_S = 240.0  # longer than a message is hidden after its function timed out; it costs no time when all is there
DOUBT_S = 3.0
POLL_INTERVAL_S = 0.05
LONGEST_INTERVAL_S = 0.5
# AWS's runtime's log lines of a function that does not start, and LocalStack of its container.
STARTUP_FAILURE = re.compile(
    r"Runtime\.(ImportModuleError|UserCodeSyntaxError|HandlerNotFound|MalformedHandlerName|InvalidEntrypoint)"
    r"|failed during startup|Failed to start execution environment"
)
CLOUD_LINES = 500
LOCALSTACK_NAMES = ".localhost.localstack.cloud"
_DESERIALIZER = TypeDeserializer()


def wait_for(
    what: str,
    look: Callable[[], T],
    done: Callable[[T], bool],
    timeout_s: float = PATIENCE_S,
    hopeless: Callable[[], str] = lambda: "",
) -> T:
    """Poll `look` until `done` holds for its value. On time-out, raise an error that names `what` and the last value.

    `hopeless` says every few seconds why it will never hold; empty while it may.
    """
    began = time.monotonic()
    deadline, next_doubt = began + timeout_s, began + DOUBT_S
    while True:
        state = look()
        if done(state):
            return state
        now = time.monotonic()
        if now > deadline:
            raise AssertionError(f"waited {timeout_s:.0f} s for {what}; last seen: {state!r}"[:4000])
        if now > next_doubt:
            if reason := hopeless():
                raise AssertionError(f"waited in vain for {what}: {reason}")
            next_doubt = now + DOUBT_S
        waited = now - began
        # The longer it has waited, the longer between two looks: each costs the cloud time.
        time.sleep(min(max(POLL_INTERVAL_S, waited / 10), LONGEST_INTERVAL_S))


def reachable(url: str) -> tuple[str, dict[str, str]]:
    """Return a URL and headers for a client on this machine.

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
        outputs: The stack's outputs, by the names in docs/outputs.md.
        cloud_logs: The last lines of the cloud's own logs, by their source.
    """

    cloud: Cloud
    outputs: Mapping[str, Any]
    cloud_logs: Callable[[int], Mapping[str, str]] = lambda lines: {}
    _clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str) -> Any:
        """Return a boto3 client with the deployer's credentials, built once."""
        if service not in self._clients:
            self._clients[service] = self.cloud.client(service)
        return self._clients[service]

    def page_address(self, path: str = "") -> tuple[str, dict[str, str]]:
        """Return URL and headers of a request for a file of the page."""
        return reachable(str(self.outputs["websiteUrl"]) + path)

    # --- pictures ----------------------------------------------------------------------------------------------------

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

    # --- the table ---------------------------------------------------------------------------------------------------

    def item(self, pk: str, sk: str) -> dict[str, Any] | None:
        """Return one item of the results table as Python values, or None."""
        answer = self.client("dynamodb").get_item(
            TableName=self.outputs["resultsTable"], Key={"pk": {"S": pk}, "sk": {"S": sk}}, ConsistentRead=True
        )
        return _plain(answer["Item"]) if "Item" in answer else None

    def items(self, **query: Any) -> list[dict[str, Any]]:
        """Return all items of a query."""
        pages = self.client("dynamodb").get_paginator("query").paginate(TableName=self.outputs["resultsTable"], **query)
        return [_plain(item) for page in pages for item in page["Items"]]

    def everything(self) -> list[dict[str, Any]]:
        """Return the whole table, for tests that compare it."""
        pages = (
            self.client("dynamodb")
            .get_paginator("scan")
            .paginate(TableName=self.outputs["resultsTable"], ConsistentRead=True)
        )
        return [_plain(item) for page in pages for item in page["Items"]]

    def result(self, key: str) -> dict[str, Any] | None:
        """Return the result document stored for a key, whatever its status."""
        return self.item(f"IMAGE#{key}", "META")

    def label_entries(self, key: str) -> dict[str, dict[str, Any]]:
        """Return a picture's label entries by label."""
        return {entry["label"]: entry for entry in self._entries(key, "LABEL#")}

    def terms(self, key: str) -> set[str]:
        """Return the terms by which searches find a picture, beside its labels."""
        return {entry["sk"].removeprefix("TERM#") for entry in self._entries(key, "TERM#")}

    def _entries(self, key: str, kind: str) -> list[dict[str, Any]]:
        return self.items(
            KeyConditionExpression="pk = :pk AND begins_with(sk, :sk)",
            ExpressionAttributeValues={":pk": {"S": f"IMAGE#{key}"}, ":sk": {"S": kind}},
        )

    def label_count(self, label: str) -> int:
        """Return the counters' number of pictures with a label."""
        shards = self.items(KeyConditionExpression="pk = :pk", ExpressionAttributeValues={":pk": {"S": "LABELCOUNTS"}})
        return int(sum(shard.get(f"n:{label}", 0) for shard in shards))

    def wait_for_result(self, uploaded: Uploaded) -> dict[str, Any]:
        """Return the terminal result of exactly this object version."""

        def done(result: dict[str, Any] | None) -> bool:
            return (
                result is not None and result["status"] in TERMINAL and result.get("versionId") == uploaded.version_id
            )

        result = wait_for(
            f"a result of {uploaded.key!r}, version {uploaded.version_id}",
            lambda: self.result(uploaded.key),
            done,
            hopeless=self.startup_failure(),
        )
        assert result is not None
        return result

    def startup_failure(self) -> Callable[[], str]:
        """Return a function that describes a function's failed start since then, with the cause, or returns ""."""
        functions = [str(name) for output, name in self.outputs.items() if output.endswith("Function")]
        since_ms = int(time.time() * 1000)

        def look() -> str:
            lines = [line.message for line in logs.read(self.client("logs"), functions, since_ms)]
            lines += [line for text in self.cloud_logs(CLOUD_LINES).values() for line in text.splitlines()]
            return next((f"a function does not start: {line}" for line in lines if STARTUP_FAILURE.search(line)), "")

        return look

    def wait_for_results(self, uploaded: Sequence[Uploaded]) -> list[dict[str, Any]]:
        """Return the terminal results of several object versions, in their order."""
        return [self.wait_for_result(upload) for upload in uploaded]

    def wait_until_announced(self, key: str) -> None:
        """Wait until a stored result is announced and its item has no trace of that."""
        outbox = {"unannounced", "claimedUntil", "gsi1pk", "gsi1sk"}
        wait_for(
            f"{key!r} to be announced",
            lambda: self.result(key) or {},
            lambda item: "sequencer" in item and not outbox & set(item),
        )

    def wait_until_content_is_known(self, result: Mapping[str, Any]) -> None:
        """Wait until the answers about a picture's bytes are kept, which happens when its batch ends."""
        content = {":pk": {"S": f"CONTENT#{result['etag']}#{result['sizeBytes']}"}}
        wait_for(
            f"the content of {result['key']!r} to be known",
            lambda: self.items(KeyConditionExpression="pk = :pk", ExpressionAttributeValues=content),
            bool,
        )

    def wait_until_quiet(self, *queues: str) -> None:
        """Wait until no queue, of the pipeline or of these outputs, holds a message, visible or in flight."""

        wait_for(
            "empty queues",
            lambda: self._messages(*queues),
            lambda counts: not any(map(sum, counts.values())),
            hopeless=self.startup_failure(),
        )

    def messages_in_flight(self) -> int:
        """Return how many messages of the first queue are in flight.

        A dead letter that failed is hidden for minutes.
        """
        return self._messages()["queueUrl"][1]

    def _messages(self, *queues: str) -> dict[str, tuple[int, int]]:
        """Return how many messages of each queue are visible, and how many are not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = {}
        for queue in queues or ("queueUrl", "deadLetterQueueUrl"):
            answer = self.client("sqs").get_queue_attributes(QueueUrl=self.outputs[queue], AttributeNames=names)
            visible, hidden = (int(answer["Attributes"][name]) for name in names)
            counts[queue] = (visible, hidden)
        return counts

    # --- logs --------------------------------------------------------------------------------------------------------

    def log_events(self, function_name: str) -> Iterator[dict[str, Any]]:
        """Yield a function's JSON log lines."""
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

    def __init__(self, url: str, token: str) -> None:
        self._url = url.rstrip("/") + "/_rekognition_local"
        self._headers = {"Content-Type": "application/json", "X-Rekognition-Local-Token": token}

    def set_rules(self, rules: Sequence[Mapping[str, Any]]) -> None:
        """Replace all rules but the last, by which nothing is read or flagged: to look for that takes most time."""
        self._call("PUT", "/rules", [*rules, {"text": [], "moderation": []}])

    def rules(self) -> Any:
        """Return the current rules."""
        return self._call("GET", "/rules")

    def calls(self) -> dict[str, Any]:
        """Return the counted calls since the last reset."""
        answer = self._call("GET", "/calls")
        assert isinstance(answer, dict)
        return answer

    def _call(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._url + path, data=data, method=method, headers=self._headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            text = answer.read()
        return json.loads(text) if text else None


def _plain(item: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _DESERIALIZER.deserialize(value) for name, value in item.items()}
