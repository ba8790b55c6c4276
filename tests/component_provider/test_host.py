"""The plugin's process over gRPC, as Pulumi's engine uses it: a schema, then components. No Pulumi CLI is needed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc  # type: ignore[import-untyped]  # grpcio ships no types
import pytest
from google.protobuf import empty_pb2, json_format, struct_pb2  # type: ignore[import-untyped]  # protobuf ships no types
from pulumi.runtime import mocks, rpc
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc, resource_pb2_grpc

from component_provider import schema
from tests.recording import PROJECT, Record, monitor

PLUGIN = PROJECT / "component_provider"
CALL_DEADLINE_S = 60


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """The engine's resource monitor on a port, which records registrations."""

    def __init__(self, recorder: mocks.MockMonitor) -> None:
        self._monitor = recorder

    def __getattribute__(self, name: str) -> Any:
        if name in (
            "RegisterResource",
            "RegisterResourceOutputs",
            "ReadResource",
            "Invoke",
            "GetDeploymentInfo",
            "RegisterPackage",
        ):
            return lambda request, _: getattr(self._monitor, name)(request)
        return super().__getattribute__(name)


class Engine(engine_pb2_grpc.EngineServicer):
    """The engine's log."""

    def Log(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


@pytest.fixture
def record() -> Record:
    return Record()


@pytest.fixture
def engine(record: Record) -> Iterator[str]:
    """Yield the address of an engine and monitor that record the program's resources."""
    with monitor(record) as recorder, ThreadPoolExecutor(8) as workers:
        server = grpc.server(workers)
        engine_pb2_grpc.add_EngineServicer_to_server(Engine(), server)
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(Monitor(recorder), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield f"127.0.0.1:{port}"
        server.stop(grace=None).wait()


@pytest.fixture(scope="module")
def log_address() -> Iterator[str]:
    """Yield the address of an engine that takes log lines alone."""
    with ThreadPoolExecutor(2) as workers:
        server = grpc.server(workers)
        engine_pb2_grpc.add_EngineServicer_to_server(Engine(), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield f"127.0.0.1:{port}"
        server.stop(grace=None).wait()


@pytest.fixture(scope="module")
def plugin(
    log_address: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    """Yield the plugin, started as Pulumi starts it: by its folder and the engine's address.

    Its first line is its port.

    One process serves all tests, as it serves all components of a program. Each test has a monitor of its own.
    """
    tmp_path = tmp_path_factory.mktemp("plugin")
    log = (tmp_path / "plugin.log").open("w")
    # Elsewhere than the project, so that it finds the components by its installation and not by chance.
    process = subprocess.Popen(
        [sys.executable, str(PLUGIN), log_address], stdout=subprocess.PIPE, stderr=log, text=True, cwd=tmp_path
    )
    try:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port.isdigit(), (tmp_path / "plugin.log").read_text()
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield provider_pb2_grpc.ResourceProviderStub(channel)
    finally:
        process.terminate()
        process.wait(timeout=CALL_DEADLINE_S)
        assert process.stdout is not None
        process.stdout.close()
        log.close()


def construct(
    plugin: provider_pb2_grpc.ResourceProviderStub, engine: str, component: str, inputs: dict[str, Any]
) -> tuple[str, dict[str, Any]]:
    """Let the plugin make a component; return its URN and its state."""
    sent = struct_pb2.Struct()
    sent.update(inputs)
    answer = plugin.Construct(
        provider_pb2.ConstructRequest(
            project="typescript",
            stack="dev",
            monitorEndpoint=engine,
            type=f"labelstack:index:{component}",
            name="pictures",
            inputs=sent,
        ),
        timeout=CALL_DEADLINE_S,
    )
    return answer.urn, dict(answer.state)


def test_serves_the_committed_schema(plugin: provider_pb2_grpc.ResourceProviderStub) -> None:
    answer = plugin.GetSchema(provider_pb2.GetSchemaRequest(), timeout=CALL_DEADLINE_S)

    assert struct(answer.schema) == struct(schema.FILE.read_text())


def struct(text: str) -> struct_pb2.Struct:
    """Return JSON as protobuf has it, in which all numbers are alike."""
    return json_format.Parse(text, struct_pb2.Struct())


def test_makes_a_bucket_below_a_component(
    plugin: provider_pb2_grpc.ResourceProviderStub, engine: str, record: Record
) -> None:
    urn, state = construct(plugin, engine, "UploadBucket", {"protectData": True, "expirationDays": 30})

    assert urn.endswith("labelstack:index:UploadBucket::pictures")
    assert state == {"name": "pictures-0a1b2c3", "arn": "arn:aws:s3:::pictures-0a1b2c3"}
    assert record.single("aws:s3/bucket:Bucket").protect
    rules = record.single("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration").inputs["rules"]
    assert [rule["expiration"]["days"] for rule in rules if rule["id"] == "expire-uploads"] == [30]


def test_makes_a_function_with_what_it_may_do(
    plugin: provider_pb2_grpc.ResourceProviderStub, engine: str, record: Record, tmp_path: Path
) -> None:
    (tmp_path / "hello").mkdir()
    (tmp_path / "hello" / "__init__.py").write_text("def handle(event, context): ...\n")

    _, state = construct(
        plugin,
        engine,
        "PythonFunction",
        {
            "sourceDir": str(tmp_path),
            "packages": ["hello"],
            "handler": "hello.handle",
            "statements": [{"actions": ["rekognition:DetectText"], "anyResourceReason": "it has no resources"}],
        },
    )

    statements = record.single("aws:iam/rolePolicy:RolePolicy").policy()["Statement"]
    assert state["logGroupName"] == f"/aws/lambda/{state['name']}"
    assert [statement["Action"] for statement in statements[1:]] == [["rekognition:DetectText"]]
    assert record.single("aws:lambda/function:Function").inputs["memorySize"] == 512


PIPELINE = {
    "bucket": {"name": "pictures", "arn": "arn:aws:s3:::pictures"},
    "table": {"name": "results", "arn": "arn:aws:dynamodb:eu-central-1:123456789012:table/results"},
}


def alarms_of_api(dimensions: dict[str, str]) -> dict[str, Any]:
    """Return the arguments of a Monitoring with an HTTP API."""
    return {
        "pipeline": {
            "service": "pictures-dev",
            "queueName": "events",
            "deadLetterQueueName": "dead-letters",
            "functionName": "labels-1",
            "failureRecorderName": "failures-1",
        },
        "api": {"kind": "http", "metricDimensions": dimensions},
    }


def test_makes_alarms_from_structures(
    plugin: provider_pb2_grpc.ResourceProviderStub, engine: str, record: Record
) -> None:
    _, state = construct(plugin, engine, "Monitoring", alarms_of_api({"ApiId": "a1b2c3", "Stage": "v1"}))

    alarms = {alarm.name: alarm.inputs for alarm in record.of("aws:cloudwatch/metricAlarm:MetricAlarm")}
    assert alarms["pictures-process-image-errors"]["dimensions"] == {"FunctionName": "labels-1"}
    assert alarms["pictures-api-errors"]["dimensions"] == {"ApiId": "a1b2c3", "Stage": "v1"}
    assert state["dashboardName"] == "pictures-dev"


def test_dimensions_of_another_kind_of_api_are_refused(
    plugin: provider_pb2_grpc.ResourceProviderStub, engine: str
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        construct(plugin, engine, "Monitoring", alarms_of_api({"ApiName": "pictures", "Stage": "v1"}))

    assert caught.value.details() == (
        'Monitoring pictures: api.metricDimensions is ["ApiName", "Stage"]: '
        "expected ApiId, Stage, as of an API of kind http."
    )


def test_announces_where_it_is_told_to(
    plugin: provider_pb2_grpc.ResourceProviderStub, engine: str, record: Record
) -> None:
    _, state = construct(plugin, engine, "Notifications", {"filterPolicy": {"status": ["FAILED"]}, "emails": ["a@b.c"]})

    assert record.single("aws:sns/topicSubscription:TopicSubscription").policy("filterPolicy") == {"status": ["FAILED"]}
    assert state["topicArn"].endswith(":pictures-0a1b2c3")


def test_makes_a_pipeline_with_the_components_defaults(
    plugin: provider_pb2_grpc.ResourceProviderStub, engine: str, record: Record, tmp_path: Path
) -> None:
    arguments = PIPELINE | {"maxLabels": 7, "detectors": ["labels", "faces"], "sourceDir": str(sources(tmp_path))}

    urn, state = construct(plugin, engine, "ImageProcessor", arguments)

    variables = record.single("aws:lambda/function:Function", "pictures-process-image").inputs["environment"][
        "variables"
    ]
    assert (variables["MAX_LABELS"], variables["MIN_CONFIDENCE"], variables["DETECTORS"]) == ("7", "70", "labels,faces")
    assert urn.endswith("labelstack:index:ImageProcessor::pictures")
    assert state["functionName"] == "pictures-process-image-0a1b2c3"
    assert record.single("aws:sqs/queue:Queue", "pictures-events").parent == "pictures"


# Parts that both pipelines have, and that must be the same resource after a switch: messages wait in the queues, and a
# notification that was removed after the new one was put would take it along.
KEPT = {
    ("aws:sqs/queue:Queue", "pictures-events"),
    ("aws:sqs/queue:Queue", "pictures-dead-letters"),
    ("aws:sqs/queuePolicy:QueuePolicy", "pictures-events-policy"),
    ("aws:sqs/queuePolicy:QueuePolicy", "pictures-dead-letters-policy"),
    ("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy", "pictures-redrive"),
    ("aws:s3/bucketNotification:BucketNotification", "pictures-events"),
    ("aws:lambda/eventSourceMapping:EventSourceMapping", "pictures-record-failure"),
}


def test_switching_the_pipeline_keeps_queues_and_notification(
    plugin: provider_pb2_grpc.ResourceProviderStub, engine: str, record: Record, tmp_path: Path
) -> None:
    arguments = PIPELINE | {"sourceDir": str(sources(tmp_path))}
    children = {}
    for kind in ("ImageProcessor", "LabelWorkflow"):
        urn, _ = construct(plugin, engine, kind, arguments)
        component = record.resources[0]
        other = next(other for other in ("ImageProcessor", "LabelWorkflow") if other != kind)
        assert urn.endswith(f"labelstack:index:{kind}::pictures")
        assert {f"labelstack:index:{other}", f"labelstack:components:{other}"} <= component.aliases
        children[kind] = {
            (resource.type, resource.name) for resource in record.resources if resource.parent == "pictures"
        }
        record.resources.clear()

    # Pulumi's engine hands a component's aliases down: children of the same type and name are the same resources.
    assert children["ImageProcessor"] & children["LabelWorkflow"] >= KEPT


def sources(folder: Path) -> Path:
    """Return functions without dependencies, so that no build needs pip."""
    for name in ("process_image", "record_failure", "workflow", "labelling", "results", "environment"):
        package = folder / "handlers" / name
        package.mkdir(parents=True)
        (package / "__init__.py").touch()
        (package / "requirements.txt").write_text("# nothing\n")
    return folder


def test_wrong_argument_is_refused_in_its_own_languages_spelling(
    plugin: provider_pb2_grpc.ResourceProviderStub, engine: str, record: Record
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        construct(plugin, engine, "ImageProcessor", {**PIPELINE, "maxLabels": 60})

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details() == "ImageProcessor pictures: maxLabels is 60: expected a whole number from 1 to 49."
    assert record.resources == []


def output(value: Any) -> dict[str, Any]:
    """Return an output that the engine knows already."""
    return {rpc._special_sig_key: rpc._special_output_value_sig, "value": value}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"maxLabels": output("many")}, 'maxLabels is "many": expected a whole number from 1 to 49.'),
        (
            {"bucket": {"name": "elsewhere", "arn": "arn:aws:s3:::elsewhere"}},
            'bucket is "elsewhere": expected a bucket in eu-central-1, the region of this component '
            "(this one is in us-west-2).",
        ),
    ],
)
def test_what_is_known_to_be_wrong_only_later_is_one_sentence_too(
    plugin: provider_pb2_grpc.ResourceProviderStub,
    engine: str,
    record: Record,
    tmp_path: Path,
    arguments: dict[str, Any],
    sentence: str,
) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        construct(plugin, engine, "ImageProcessor", {**PIPELINE, "sourceDir": str(sources(tmp_path)), **arguments})

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.details() == f"ImageProcessor pictures: {sentence}"
    assert record.of("aws:sqs/queue:Queue") == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"table": PIPELINE["table"]}, "bucket is missing"),
        ({**PIPELINE, "maxLabel": 5}, r"maxLabel is no argument: did you mean maxLabels\?"),
        (
            {**PIPELINE, "bucket": {"nme": "pictures", "arn": "arn"}},
            r"bucket.nme is no argument: did you mean bucket.name",
        ),
        (
            {**PIPELINE, "bucket": "urn:pulumi:dev::p::labelstack:index:UploadBucket::pictures"},
            "bucket is .*: expected",
        ),
    ],
)
def test_what_is_missing_or_unknown_is_refused(
    plugin: provider_pb2_grpc.ResourceProviderStub, engine: str, arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(grpc.RpcError, match=sentence) as caught:
        construct(plugin, engine, "ImageProcessor", arguments)

    assert caught.value.code() is not grpc.StatusCode.OK
