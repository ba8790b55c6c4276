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
from pulumi.runtime import mocks
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc, resource_pb2_grpc

from component_provider import host
from tests.recording import PROJECT, Record, monitor

PLUGIN = PROJECT / "component_provider"
CALL_DEADLINE_S = 60


class Monitor(resource_pb2_grpc.ResourceMonitorServicer):
    """The engine's resource monitor on a port: what is registered with it is recorded."""

    def __init__(self, recorder: mocks.MockMonitor) -> None:
        self._monitor = recorder

    def __getattribute__(self, name: str) -> Any:
        if name in ("RegisterResource", "RegisterResourceOutputs", "Invoke", "GetDeploymentInfo", "RegisterPackage"):
            return lambda request, _: getattr(self._monitor, name)(request)
        return super().__getattribute__(name)


class Engine(engine_pb2_grpc.EngineServicer):
    """The engine's log."""

    def Log(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()


@pytest.fixture
def made() -> Record:
    return Record()


@pytest.fixture
def engine(made: Record) -> Iterator[str]:
    """The address of an engine and monitor that record into `made`."""
    with monitor(made) as recorder, ThreadPoolExecutor(8) as workers:
        server = grpc.server(workers)
        engine_pb2_grpc.add_EngineServicer_to_server(Engine(), server)
        resource_pb2_grpc.add_ResourceMonitorServicer_to_server(Monitor(recorder), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield f"127.0.0.1:{port}"
        server.stop(grace=None).wait()


@pytest.fixture
def plugin(engine: str, tmp_path: Path) -> Iterator[provider_pb2_grpc.ResourceProviderStub]:
    """The plugin, started as Pulumi starts it: the folder, the engine's address; its port is its first line."""
    log = (tmp_path / "plugin.log").open("w")
    # Elsewhere than the project, so that it finds the components by its installation and not by chance.
    process = subprocess.Popen(
        [sys.executable, str(PLUGIN), engine], stdout=subprocess.PIPE, stderr=log, text=True, cwd=tmp_path
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
    """Have the plugin make a component; its URN and its state."""
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

    assert struct(answer.schema) == struct(host.SCHEMA.read_text())


def struct(text: str) -> struct_pb2.Struct:
    """JSON as protobuf has it, in which all numbers are alike."""
    return json_format.Parse(text, struct_pb2.Struct())


def test_makes_a_bucket_below_a_component(
    plugin: provider_pb2_grpc.ResourceProviderStub, engine: str, made: Record
) -> None:
    urn, state = construct(plugin, engine, "UploadBucket", {"protectData": True, "expirationDays": 30})

    assert urn.endswith("labelstack:index:UploadBucket::pictures")
    assert state == {"name": "pictures-0a1b2c3", "arn": "arn:aws:s3:::pictures-0a1b2c3"}
    assert made.one("aws:s3/bucket:Bucket").protect
    rules = made.one("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration").inputs["rules"]
    assert [rule["expiration"]["days"] for rule in rules if rule["id"] == "expire-uploads"] == [30]


def test_makes_a_function_with_what_it_may_do(
    plugin: provider_pb2_grpc.ResourceProviderStub, engine: str, made: Record, tmp_path: Path
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

    statements = made.one("aws:iam/rolePolicy:RolePolicy").policy()["Statement"]
    assert state["logGroupName"] == f"/aws/lambda/{state['name']}"
    assert [one["Action"] for one in statements[1:]] == [["rekognition:DetectText"]]
    assert made.one("aws:lambda/function:Function").inputs["memorySize"] == 512


def alarms_of_api(dimensions: dict[str, str]) -> dict[str, Any]:
    """The arguments of a Monitoring with an HTTP API."""
    return {
        "service": "pictures-dev",
        "functions": {"process-image": {"name": "labels-1", "timeoutSeconds": 60}},
        "processor": "process-image",
        "queueName": "events",
        "deadLetterQueueName": "dead-letters",
        "api": {"kind": "http", "dimensions": dimensions},
    }


def test_makes_alarms_from_structures(
    plugin: provider_pb2_grpc.ResourceProviderStub, engine: str, made: Record
) -> None:
    _, state = construct(plugin, engine, "Monitoring", alarms_of_api({"ApiId": "a1b2c3", "Stage": "v1"}))

    alarms = {alarm.name: alarm.inputs for alarm in made.of("aws:cloudwatch/metricAlarm:MetricAlarm")}
    assert alarms["pictures-process-image-errors"]["dimensions"] == {"FunctionName": "labels-1"}
    assert alarms["pictures-api-errors"]["dimensions"] == {"ApiId": "a1b2c3", "Stage": "v1"}
    assert state["dashboardName"] == "pictures-dev"


def test_dimensions_of_another_kind_of_api_are_refused(
    plugin: provider_pb2_grpc.ResourceProviderStub, engine: str
) -> None:
    with pytest.raises(grpc.RpcError, match="ApiName, Stage: expected ApiId and Stage, as of an API of kind http"):
        construct(plugin, engine, "Monitoring", alarms_of_api({"ApiName": "pictures", "Stage": "v1"}))


def test_announces_where_it_is_told_to(
    plugin: provider_pb2_grpc.ResourceProviderStub, engine: str, made: Record
) -> None:
    _, state = construct(plugin, engine, "Notifications", {"filterPolicy": {"status": ["FAILED"]}, "emails": ["a@b.c"]})

    assert made.one("aws:sns/topicSubscription:TopicSubscription").policy("filterPolicy") == {"status": ["FAILED"]}
    assert state["topicArn"].endswith(":pictures-0a1b2c3")


def test_wrong_argument_is_refused_with_the_settings_sentence(
    plugin: provider_pb2_grpc.ResourceProviderStub, engine: str, made: Record
) -> None:
    needed = dict.fromkeys(("bucketName", "bucketArn", "tableName", "tableArn"), "given")

    with pytest.raises(grpc.RpcError, match=r"maxLabels is 60.*: expected a whole number from 1 to 49"):
        construct(plugin, engine, "ImageProcessor", {**needed, "maxLabels": 60})

    assert made.of("aws:lambda/function:Function") == []


def test_missing_argument_is_refused(plugin: provider_pb2_grpc.ResourceProviderStub, engine: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        construct(plugin, engine, "UploadBucket", {})

    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
