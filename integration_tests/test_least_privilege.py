"""No function may do more than it needs: without each single right, the flow that needs it is refused.

The functions are called directly, with events as S3, SQS and Step Functions send them, so each right costs one call,
and no message waits for its turn. The test looks for the refusal of just this action in the function's answer or log;
with all rights there is none. Guests' rights: `test_security.py`. Of the state machine's role an emulator shows
nothing: it calls functions, logs and traces by itself.
"""

from __future__ import annotations

import itertools
import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import pytest

from integration_tests.api import ApiClient
from integration_tests.events import s3_event
from integration_tests.pictures import sample
from integration_tests.stack import DeployedStack, Uploaded

pytestmark = [pytest.mark.needs("iam_enforced"), pytest.mark.abuse]

KEY, PICTURE = "uploads/rights.png", "cat.png"  # in which there are labels
SIZE_BYTES = len(sample(PICTURE))
DETECTORS = {
    "labels": "rekognition:DetectLabels",
    "faces": "rekognition:DetectFaces",
    "moderation": "rekognition:DetectModerationLabels",
    "text": "rekognition:DetectText",
}
READ, READ_VERSION = "s3:GetObject", "s3:GetObjectVersion"
GET_BATCH, PUT_BATCH = "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem"
PUT, UPDATE, DELETE = "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"
HIDE, SEND = "sqs:ChangeMessageVisibility", "sqs:SendMessage"
DOCUMENT, PUBLISH = "s3:PutObject", "sns:Publish"
RUN = "states:StartSyncExecution"

LOGGING = "the emulator writes a function's log itself; on AWS Lambda does, with the function's role"
LISTING = "the emulator says 404 of a missing object whoever asks; AWS says 403 to who may not list the bucket"
POLLING = "the emulator takes messages from its queue itself; on AWS the event source mapping does, with this role"
NOT_SHOWN: dict[tuple[str, str], str] = {
    **{("*", f"logs:{action}"): LOGGING for action in ("CreateLogStream", "PutLogEvents")},
    ("*", "s3:ListBucket"): LISTING,
    ("*", "sqs:GetQueueAttributes"): POLLING,
    **{
        (duty, f"sqs:{action}"): POLLING
        for duty in ("record_failure", "start", "make_previews")
        for action in ("ReceiveMessage", "DeleteMessage")
    },
}
"""By duty, or `*` for all of them, and action: why no test on an emulator can show that it is needed."""


@dataclass(frozen=True)
class Flow:
    """Something that a role does, and the rights that it takes."""

    run: Callable[[Caller], str]
    """Gives everything that was answered and logged."""
    rights: tuple[str, ...]
    refused: str = ""
    """Rights that are always removed, so that the flow needs the tested ones."""


@dataclass
class Caller:
    """Calls the functions of one stack, and reads their answers and logs."""

    stack: DeployedStack
    api: ApiClient | None
    uploaded: Uploaded
    functions: dict[str, str]
    """Names by duty."""
    _recognised: dict[str, Any] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def call(self, duty: str, event: object) -> str:
        """Call a function; return its answer and its log."""
        with self.logged(duty) as log:
            answer = self.stack.client("lambda").invoke(
                FunctionName=self.functions[duty], Payload=json.dumps(event).encode()
            )
            log.append(answer["Payload"].read().decode())
        return "\n".join(log)

    @contextmanager
    def logged(self, duty: str) -> Iterator[list[str]]:
        """Yield a list that receives a function's log lines inside the block."""
        log: list[str] = []
        since_ms = int(time.time() * 1000)
        yield log
        pages = self.stack.client("logs").get_paginator("filter_log_events")
        for page in pages.paginate(logGroupName=f"/aws/lambda/{self.functions[duty]}", startTime=since_ms):
            log += [event["message"] for event in page["events"]]

    def ask(self, method: str, path: str, **parameters: str) -> str:
        """Send the API a request; return its answer and its functions' logs."""
        assert self.api is not None
        duty = "api_delete" if method == "DELETE" else "api_results"
        with self.logged(duty) as log:
            log.append(repr(self.api.send(method, path, query=urlencode(parameters))))
        return "\n".join(log)

    # --- events

    def sequencer(self) -> str:
        """Return a sequencer that is newer than all before."""
        return f"FF{next(self._numbers):014X}"

    def message(self, body: str, receives: int = 1) -> dict[str, Any]:
        """Return Lambda's event of one message of a queue."""
        name = f"message-{next(self._numbers)}"
        attributes = {"ApproximateReceiveCount": str(receives), "SentTimestamp": str(int(time.time() * 1000))}
        return {"Records": [{"messageId": name, "receiptHandle": name, "body": body, "attributes": attributes}]}

    def event(self, key: str = KEY, version_id: str = "", *, name: str = "ObjectCreated:Put") -> str:
        """Return S3's event of bytes that nobody knows yet."""
        body = json.loads(s3_event(self.bucket, key, self.sequencer(), name=name, version_id=version_id))
        body["Records"][0]["s3"]["object"] |= {"eTag": f"{next(self._numbers):032x}", "size": SIZE_BYTES}
        return json.dumps(body)

    def repair(self) -> str:
        """Return a repair's request for the current version."""
        s3 = {"bucket": {"name": self.bucket}, "object": {"key": KEY}}
        before = "2100-01-01T00:00:00Z"
        return json.dumps({"Records": [{"eventSource": "labelstack:repair", "processedBefore": before, "s3": s3}]})

    @property
    def bucket(self) -> str:
        """Return the upload bucket."""
        return str(self.stack.outputs["uploadBucket"])

    # --- a workflow's state

    def state(self, *, size_bytes: int = SIZE_BYTES, kind: str = "CREATED") -> dict[str, Any]:
        """Return the workflow's first state, with bytes that nobody knows yet."""
        event = {
            "kind": kind,
            "bucket": self.bucket,
            "key": KEY,
            "position": [self.sequencer().rjust(64, "0"), "2026-11-21T10:00:00.000Z"],
            "version_id": self.uploaded.version_id,
            "etag": f"{next(self._numbers):032x}",
            "size_bytes": size_bytes,
            "request_id": None,
        }
        return {"event": event if kind == "CREATED" else {**event, "version_id": None, "etag": None}}

    def stored(self) -> dict[str, Any]:
        """Return Inspect's answer about the picture."""
        state = self.state()["event"]
        version = {name: state[name] for name in ("bucket", "key", "version_id", "etag", "size_bytes")}
        return {**version, "modified_at": "2026-11-21T10:00:00+00:00"}

    def answer(self, detector: str, stored: dict[str, Any]) -> str:
        """Return one detector's answer."""
        return self.call("recognise", {"detector": detector, "stored": stored})

    def labelled(self) -> tuple[str, dict[str, Any]]:
        """Store the answers of all detectors; return Store's answer, and the state."""
        if not self._recognised:
            stored = self.stored()
            answers = [json.loads(self.answer(detector, stored).splitlines()[0]) for detector in DETECTORS]
            self._recognised.update({"stored": stored, "answers": answers})
        state = {**self.state(), **self._recognised}
        return self.call("store", state), state


# --- the flows


def label(caller: Caller) -> str:
    return caller.call("process_image", caller.message(caller.event(version_id=caller.uploaded.version_id)))


def look_at_present(caller: Caller) -> str:
    return caller.call("process_image", caller.message(caller.repair()))


def forget(caller: Caller) -> str:
    label(caller)
    return caller.call("process_image", caller.message(caller.event(name="ObjectRemoved:DeleteMarkerCreated")))


def give_up(duty: str) -> Flow:
    return Flow(lambda caller: caller.call(duty, caller.message(caller.event("elsewhere"), 1000)), (GET_BATCH, SEND))


def keep_unreadable(duty: str) -> Flow:
    return Flow(lambda caller: caller.call(duty, caller.message("no event")), (PUT_BATCH,))


def go_on_with_backlog(caller: Caller) -> str:
    foreign = s3_event("another-bucket", KEY, "01")
    caller.stack.send(foreign)
    batch = [caller.message(foreign)["Records"][0] for _ in range(10)]
    return caller.call("process_image", {"Records": batch})


def record(caller: Caller) -> str:
    return caller.call("record_failure", caller.message(caller.event(f"uploads/{caller.sequencer()}.jpg")))


def record_over_labels(caller: Caller) -> str:
    label(caller)
    return caller.call("record_failure", caller.message(caller.event()))


def make_previews(caller: Caller) -> str:
    uploaded = caller.stack.upload(f"uploads/{caller.sequencer()}.png", sample(PICTURE))
    return caller.call("make_previews", caller.message(caller.event(uploaded.key, uploaded.version_id)))


def remove_previews(caller: Caller) -> str:
    return caller.call("make_previews", caller.message(caller.event(version_id="gone", name="ObjectRemoved:Delete")))


def upload_by_url(caller: Caller) -> str:
    assert caller.api is not None
    return repr(caller.api.put(caller.api.grant(1), b"x"))


def read(caller: Caller) -> str:
    return caller.ask("GET", "/result", key=KEY) + caller.ask("GET", "/result", key="uploads/missing.png")


def make_first_cursor(caller: Caller) -> str:
    """List more than fits a page, by a new instance of the function, when there is no key for cursors yet."""
    label(caller)
    record(caller)
    table, key = caller.stack.outputs["resultsTable"], {"pk": {"S": "CURSORKEYS"}, "sk": {"S": "META"}}
    caller.stack.client("dynamodb").delete_item(TableName=table, Key=key)
    client, function = caller.stack.client("lambda"), caller.functions["api_results"]
    timeout_s = client.get_function_configuration(FunctionName=function)["Timeout"]
    client.update_function_configuration(FunctionName=function, Timeout=timeout_s)  # ends the instances there are
    return caller.ask("GET", "/images", limit="1")


def search(caller: Caller) -> str:
    label(caller)
    result = caller.stack.result(KEY)
    assert result is not None
    return caller.ask("GET", "/images", label=result["labels"][0]["name"]) + caller.ask("GET", "/labels")


def follow_link(caller: Caller) -> str:
    assert caller.api is not None
    url = caller.api.get("/image-url", {"key": KEY, "showFlagged": "true"}).json["url"]
    return repr(caller.api.pool.request("GET", url).data)


def delete(caller: Caller) -> str:
    caller.stack.upload("uploads/to-delete.jpg", b"x")
    return caller.ask("DELETE", "/images", key="uploads/to-delete.jpg")


def purge(caller: Caller) -> str:
    uploaded = caller.stack.upload("uploads/to-purge.jpg", b"x")
    known = {"pk": {"S": f"CONTENT#{uploaded.etag}#1"}, "sk": {"S": "ANALYSIS#labels=1"}}
    caller.stack.client("dynamodb").put_item(TableName=caller.stack.outputs["resultsTable"], Item=known)
    return caller.ask("DELETE", "/images", key=uploaded.key, purge="true")


def relabel(caller: Caller) -> str:
    assert caller.api is not None
    with caller.logged("api_delete") as log:
        log.append(repr(caller.api.post("/relabel", {"key": KEY})))
    return "\n".join(log)


def reject(caller: Caller) -> str:
    caller.labelled()
    return caller.call("inspect", caller.state(size_bytes=0))


def keep_facts_anew(caller: Caller) -> str:
    """Let a function read known answers beside which an older version kept other facts."""
    _, state = caller.labelled()
    dynamodb, table, etag = (
        caller.stack.client("dynamodb"),
        caller.stack.outputs["resultsTable"],
        state["stored"]["etag"],
    )
    known = dynamodb.query(
        TableName=table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": f"CONTENT#{etag}#{SIZE_BYTES}"}},
    )["Items"]
    assert known
    for item in known:
        dynamodb.put_item(TableName=table, Item={**item, "facts": {"S": "older"}})
    return caller.call("inspect", {"event": {**caller.state()["event"], "etag": etag}})


def store_labels(caller: Caller) -> str:
    stored, _ = caller.labelled()
    state = {**caller.state(), "stored": caller.stored()}
    rejections = [{"detector": name, "rejected": {"code": "IMAGE_DAMAGED", "detail": None}} for name in DETECTORS]
    return stored + caller.call("store", {**state, "answers": rejections})


def fail(caller: Caller) -> str:
    caller.labelled()
    return caller.call("fail", {**caller.state(), "failure": {"Error": "RekognitionDeniedError"}})


def notify(caller: Caller) -> str:
    _, state = caller.labelled()
    return caller.call("notify", state)


PIPELINE: dict[str, list[Flow]] = {
    "process_image": [
        Flow(label, (READ_VERSION, GET_BATCH, PUT_BATCH, PUT, UPDATE, DOCUMENT, PUBLISH, *DETECTORS.values())),
        Flow(look_at_present, (READ,)),
        Flow(forget, (DELETE,)),
        Flow(label, (HIDE,), refused=DETECTORS["labels"]),
        give_up("process_image"),
        Flow(go_on_with_backlog, ("sqs:ReceiveMessage", "sqs:DeleteMessage")),
    ],
    "record_failure": [
        Flow(record, (GET_BATCH, PUT, UPDATE, DOCUMENT, PUBLISH)),
        Flow(record_over_labels, (DELETE,)),
        keep_unreadable("record_failure"),
        Flow(record, (HIDE,), refused=PUT),
    ],
    "make_previews": [Flow(make_previews, (READ_VERSION, READ, DOCUMENT)), Flow(remove_previews, ("s3:DeleteObject",))],
    "api_upload_url": [Flow(upload_by_url, (DOCUMENT,))],
    "api_results": [
        Flow(read, ("dynamodb:GetItem", READ)),
        Flow(search, ("dynamodb:BatchGetItem", "dynamodb:Query", "dynamodb:Query of an index")),
        Flow(follow_link, (READ_VERSION,)),
        Flow(make_first_cursor, (PUT,)),
    ],
    "api_delete": [
        Flow(delete, (READ, "s3:DeleteObject")),
        Flow(relabel, (SEND,)),
        Flow(purge, ("s3:ListBucketVersions", "s3:DeleteObjectVersion", "dynamodb:GetItem", "dynamodb:Query", DELETE)),
    ],
}
WORKFLOW: dict[str, list[Flow]] = {
    "start": [
        Flow(lambda caller: caller.call("start", caller.message(s3_event("another-bucket", KEY, "01"))), (RUN,)),
        Flow(lambda caller: caller.call("start", caller.message(caller.event())), (UPDATE, HIDE), refused=RUN),
        give_up("start"),
        keep_unreadable("start"),
    ],
    "inspect": [
        Flow(reject, (GET_BATCH, PUT, UPDATE, DELETE)),
        Flow(keep_facts_anew, (PUT_BATCH,)),
        Flow(lambda caller: caller.call("inspect", caller.state()), (READ_VERSION,)),
        Flow(lambda caller: caller.call("inspect", caller.state(kind="PURGED")), (READ,)),
    ],
    "recognise": [
        *(
            Flow(lambda caller, detector=detector: caller.answer(detector, caller.stored()), (action,))  # type: ignore[misc]
            for detector, action in DETECTORS.items()
        ),
        Flow(lambda caller: caller.answer("labels", caller.stored()), (READ_VERSION,)),
    ],
    "store": [Flow(store_labels, (GET_BATCH, PUT_BATCH, PUT, UPDATE, DELETE))],
    "fail": [Flow(fail, (GET_BATCH, PUT, UPDATE, DELETE))],
    "notify": [Flow(notify, (GET_BATCH, UPDATE, DOCUMENT, PUBLISH))],
}


# --- policies


class Role:
    """A role, and the policy that it was deployed with."""

    def __init__(self, stack: DeployedStack, arn: str) -> None:
        self._iam = stack.client("iam")
        self._name = arn.rpartition("/")[2]
        [self._policy] = self._iam.list_role_policies(RoleName=self._name)["PolicyNames"]
        self._document = self._iam.get_role_policy(RoleName=self._name, PolicyName=self._policy)["PolicyDocument"]

    @property
    def rights(self) -> set[str]:
        """Return all actions. The same action on indexes and on the table counts twice."""
        return {right for statement in self._document["Statement"] for right in self._rights(statement)}

    @contextmanager
    def without(self, *rights: str) -> Iterator[None]:
        """Take rights away for a time."""
        left = [
            {**statement, "Action": kept}
            for statement in self._document["Statement"]
            if (kept := [action for right, action in self._rights(statement).items() if right not in rights])
        ]
        self._put({**self._document, "Statement": left})
        try:
            yield
        finally:
            self._put(self._document)

    def _put(self, document: object) -> None:
        self._iam.put_role_policy(RoleName=self._name, PolicyName=self._policy, PolicyDocument=json.dumps(document))

    @staticmethod
    def _rights(statement: dict[str, Any]) -> dict[str, str]:
        suffix = " of an index" if str(statement["Resource"]).endswith("/index/*") else ""
        return {action + suffix: action for action in statement["Action"]}


def role_of(caller: Caller, duty: str) -> Role:
    """Return the role of a function."""
    function = caller.stack.client("lambda").get_function_configuration(FunctionName=caller.functions[duty])
    return Role(caller.stack, function["Role"])


def refusals(text: str) -> set[str]:
    """Return the refused actions; to IAM, batches are no actions.

    S3 does not name the action that it refuses to a HEAD or to an upload URL.
    """
    unnamed = {"(403) when calling the HeadObject": READ, "<Message>Access Denied</Message>": DOCUMENT}
    named = {action.removesuffix("Batch") for action in re.findall(r"not authorized to perform: (\S+)", text)}
    return named | {action for words, action in unnamed.items() if words in text}


# --- the stacks, with idle queues


def functions_of(stack: DeployedStack) -> dict[str, str]:
    """Return the stack's functions by their folder, or by their step of the workflow."""
    pages = stack.client("lambda").get_paginator("list_functions").paginate()
    functions = {}
    for function in (function for page in pages for function in page["Functions"]):
        if function["Environment"]["Variables"].get("UPLOAD_BUCKET") == stack.outputs["uploadBucket"]:
            _, folder, _, entry = function["Handler"].split(".")
            functions[entry if folder == "workflow" else folder] = function["FunctionName"]
    return functions


@contextmanager
def at_rest(stack: DeployedStack, api: ApiClient | None) -> Iterator[Caller]:
    """Yield a caller, while the queues feed no function."""
    uploaded = stack.upload(KEY, sample(PICTURE))
    stack.wait_for_result(uploaded)
    queues = [name for name in ("queueUrl", "deadLetterQueueUrl", "previewsQueueUrl") if name in stack.outputs]
    stack.wait_until_quiet(*queues)
    functions, client = functions_of(stack), stack.client("lambda")
    mappings = [
        mapping["UUID"]
        for name in functions.values()
        for mapping in client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
    ]
    assert len(mappings) == len(queues)
    for mapping in mappings:
        client.update_event_source_mapping(UUID=mapping, Enabled=False)
    try:
        yield Caller(stack, api, uploaded, functions)
    finally:
        for queue in queues:
            stack.client("sqs").purge_queue(QueueUrl=stack.outputs[queue])
        for mapping in mappings:
            client.update_event_source_mapping(UUID=mapping, Enabled=True)


@pytest.fixture(scope="module")
def pipeline(stack: DeployedStack, caller: ApiClient) -> Iterator[Caller]:
    """Yield a caller of the first stack's functions."""
    with at_rest(stack, caller) as resting:
        yield resting


@pytest.fixture(scope="module")
def workflow(workflow_stack: DeployedStack) -> Iterator[Caller]:
    """Yield a caller of the functions of the stack with a workflow."""
    with at_rest(workflow_stack, None) as resting:
        yield resting


def check(caller: Caller, duty: str, flows: list[Flow]) -> None:
    """Check that a flow needs every right of a role, or that no emulator can show that."""
    role = role_of(caller, duty)
    untested = {right for right in role.rights if ("*", right) in NOT_SHOWN or (duty, right) in NOT_SHOWN}
    tested = [right for flow in flows for right in flow.rights]
    assert {*tested} | untested == role.rights
    for flow in flows:
        with role.without(flow.refused):
            text = flow.run(caller)
            assert refusals(text) == {flow.refused} - {""}, text
        for right in flow.rights:
            with role.without(right, flow.refused):
                text = flow.run(caller)
                assert right.partition(" ")[0] in refusals(text), f"{duty} does without {right}: {text}"


@pytest.mark.parametrize("duty", PIPELINE)
def test_function_needs_each_of_its_rights(pipeline: Caller, duty: str) -> None:
    check(pipeline, duty, PIPELINE[duty])


@pytest.mark.parametrize("duty", WORKFLOW)
def test_step_needs_each_of_its_rights(workflow: Caller, duty: str) -> None:
    check(workflow, duty, WORKFLOW[duty])


def test_no_function_is_left_out(pipeline: Caller, workflow: Caller) -> None:
    assert set(pipeline.functions) == set(PIPELINE)
    assert set(workflow.functions) == {*WORKFLOW, "record_failure"}
    assert role_of(pipeline, "record_failure").rights == role_of(workflow, "record_failure").rights
