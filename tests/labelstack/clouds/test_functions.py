"""Python functions on the embedded cloud: their environment, failures and logs."""

from __future__ import annotations

import base64
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from integration_tests import stack
from labelstack.clouds import EmbeddedCloud
from labelstack.logs import read
from tests.labelstack.clouds.conftest import Deploy, invoke, wait_until

ROOT = Path(__file__).resolve().parents[3]


def test_error_has_its_own_type_message_and_trace(cloud: EmbeddedCloud, deploy: Deploy) -> None:
    name = deploy(
        "class PictureError(Exception): ...\ndef handle(event, context):\n    raise PictureError('no picture')\n"
    )

    kind, answer = invoke(cloud, name)

    assert kind == "Unhandled"
    assert (answer["errorType"], answer["errorMessage"]) == ("PictureError", "no picture")
    assert "m.py" in answer["stackTrace"][-1]


def test_worker_survives_a_failure(cloud: EmbeddedCloud, deploy: Deploy) -> None:
    name = deploy(
        "import os\ndef handle(event, context):\n    if event: raise ValueError(os.getpid())\n    return os.getpid()\n"
    )

    _, failed = invoke(cloud, name, "fail")
    _, pid = invoke(cloud, name)

    assert failed["errorMessage"] == str(pid)


def test_dependency_that_is_not_in_the_zip_is_missing_and_the_logs_say_so(cloud: EmbeddedCloud, deploy: Deploy) -> None:
    name = deploy("import click\ndef handle(event, context): ...\n")  # installed beside us

    kind, answer = invoke(cloud, name)

    assert kind == "Unhandled"
    assert answer["errorType"] == "Runtime.ImportModuleError"
    assert answer["errorMessage"] == "Unable to import module 'm': No module named 'click'"
    assert any("No module named 'click'" in event.message for event in read(cloud.client("logs"), [name], 0))


def test_a_wait_for_a_function_that_does_not_start_ends_within_seconds_with_the_cause(
    cloud: EmbeddedCloud, deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack, "DOUBT_S", 0.1)
    name = deploy("import click\ndef handle(event, context): ...\n")
    hopeless = stack.DeployedStack(cloud, {"processorFunction": name}).startup_failure()
    assert hopeless() == ""
    invoke(cloud, name)

    with pytest.raises(AssertionError, match=r"in vain for a result: a function does not start: .*No module named"):
        stack.wait_for("a result", lambda: None, bool, hopeless=hopeless)


def test_garbage_is_collected_after_the_first_invocation(cloud: EmbeddedCloud, deploy: Deploy) -> None:
    name = deploy("import gc\ndef handle(event, context): return gc.isenabled()\n")
    invoke(cloud, name)

    assert invoke(cloud, name) == (None, True)


def test_the_sdk_that_lambda_ships_is_there(cloud: EmbeddedCloud, deploy: Deploy) -> None:
    source = "import boto3\ndef handle(event, context):\n"
    source += "    return boto3.client('sts').get_caller_identity()['Arn']\n"
    name = deploy(source)

    assert invoke(cloud, name) == (None, f"arn:aws:sts::000000000000:assumed-role/{name}/{name}")


def test_environment_is_the_function_s_and_lambda_s_alone(
    cloud: EmbeddedCloud, deploy: Deploy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_MACHINE", "1")
    name = deploy(
        "import os\ndef handle(event, context): return dict(os.environ)\n", Environment={"Variables": {"MINE": "yes"}}
    )

    _, environment = invoke(cloud, name)

    assert environment["MINE"] == "yes"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == name
    assert environment["AWS_ENDPOINT_URL"] == cloud.endpoint_url
    assert environment["AWS_EXECUTION_ENV"] == f"AWS_Lambda_{cloud.stack_config()['labelstack:runtime']}"
    foreign = {"SECRET_OF_THE_MACHINE", "VIRTUAL_ENV", "PYTHONPATH", "AUTH", "GATEWAY_PORT", "STATE_DIR"}
    assert foreign.isdisjoint(environment)


def test_a_function_s_own_endpoint_wins(cloud: EmbeddedCloud, deploy: Deploy) -> None:
    variables = {"AWS_ENDPOINT_URL_REKOGNITION": "http://127.0.0.1:1", "AWS_ENDPOINT_URL": "http://127.0.0.1:2"}
    source = "import os\ndef handle(event, context):\n"
    source += "    return [v for k, v in sorted(os.environ.items()) if k.startswith('AWS_ENDPOINT')]\n"
    name = deploy(source, Environment={"Variables": variables})

    assert invoke(cloud, name) == (None, ["http://127.0.0.1:2", "http://127.0.0.1:1"])


def test_search_path_holds_zip_runtime_and_standard_library(cloud: EmbeddedCloud, deploy: Deploy) -> None:
    name = deploy("import sys\ndef handle(event, context): return sys.path\n")

    _, path = invoke(cloud, name)

    assert path[1].endswith("function-runtime")
    assert not [entry for entry in path if "site-packages" in entry]


def test_everything_logged_belongs_to_its_invocation(cloud: EmbeddedCloud, deploy: Deploy) -> None:
    source = "import sys\ndef handle(event, context):\n    print('out', event)\n"
    source += "    print('no newline', event, end='', file=sys.stderr)\n"
    name = deploy(source)

    invoke(cloud, name, 1)
    invoke(cloud, name, 2)

    lines = [
        e.message for e in read(cloud.client("logs"), [name], 0) if not e.message.startswith(("START", "END", "REPORT"))
    ]
    assert lines == ["out 1", "no newline 1", "out 2", "no newline 2"]


def test_an_invocation_that_outlives_its_function_leaves_no_logs(
    cloud: EmbeddedCloud, deploy: Deploy, tmp_path: Path
) -> None:
    started = tmp_path / "started"
    source = f"import pathlib, time\ndef handle(event, context):\n    pathlib.Path({str(started)!r}).touch()\n"
    name = deploy(source + "    time.sleep(9)\n")
    with ThreadPoolExecutor(1) as pool:
        invocation = pool.submit(invoke, cloud, name)
        wait_until("the function to run", started.exists)
        cloud.client("lambda").delete_function(FunctionName=name)
        assert invocation.result()[0] == "Unhandled"

    groups = cloud.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{name}")["logGroups"]
    assert groups == []


def test_unknown_function_has_no_logs(cloud: EmbeddedCloud) -> None:
    assert read(cloud.client("logs"), ["no-such-function"], 0) == []


def test_time_out_is_told_as_such(cloud: EmbeddedCloud, deploy: Deploy) -> None:
    name = deploy("import time\ndef handle(event, context): time.sleep(30)\n", Timeout=1)

    kind, answer = invoke(cloud, name)

    assert kind == "Unhandled"
    assert answer["errorType"] == "Sandbox.Timedout"
    assert "timed out after 1.00 seconds" in answer["errorMessage"]


def test_context_tells_request_and_time_left(cloud: EmbeddedCloud, deploy: Deploy) -> None:
    source = "def handle(event, context):\n"
    source += "    return [bool(context.aws_request_id), context.get_remaining_time_in_millis()]\n"
    name = deploy(source, Timeout=10)

    _, (has_id, left_ms) = invoke(cloud, name)

    assert has_id
    assert 0 < left_ms <= 10_000


def test_role_is_enforced(cloud: EmbeddedCloud, deploy: Deploy) -> None:
    source = "import boto3\ndef handle(event, context): return boto3.client('sqs').list_queues().get('QueueUrls', [])\n"
    allow = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"}],
    }

    kind, refused = invoke(cloud, deploy(source))
    allowed = invoke(cloud, deploy(source, policy=allow))

    assert kind == "Unhandled"
    assert refused["errorType"] == "ClientError"
    assert "AccessDenied" in refused["errorMessage"]
    assert allowed[0] is None, allowed


@pytest.mark.parametrize("secure", ["true", "false"])
def test_loopback_counts_as_tls(cloud: EmbeddedCloud, deploy: Deploy, secure: str) -> None:
    s3, bucket = cloud.client("s3"), f"secure-transport-{secure}"
    s3.create_bucket(Bucket=bucket)
    denied = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": f"arn:aws:s3:::{bucket}/*",
        "Condition": {"Bool": {"aws:SecureTransport": secure}},
    }
    policy = {"Version": "2012-10-17", "Statement": [denied]}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    source = "import boto3\ndef handle(event, context):\n"
    source += f"    boto3.client('s3').put_object(Bucket='{bucket}', Key='k')\n"
    allow = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}]}

    kind, _ = invoke(cloud, deploy(source, policy=allow))

    assert kind == ("Unhandled" if secure == "true" else None)


def test_rekognition_is_for_whom_iam_allows_it(tmp_path: Path, deploy: Deploy) -> None:
    source = "import base64, boto3\ndef handle(event, context):\n"
    source += "    image = {'Bytes': base64.b64decode(event)}\n"
    source += "    return boto3.client('rekognition').detect_labels(Image=image)['LabelModelVersion']\n"
    allow = {"Effect": "Allow", "Action": "rekognition:DetectLabels", "Resource": "*"}
    picture = base64.b64encode((ROOT / "samples" / "cat.png").read_bytes()).decode()

    with EmbeddedCloud.start(tmp_path) as cloud:
        policy = {"Version": "2012-10-17", "Statement": [allow]}
        kind, refused = invoke(cloud, deploy(source, on=cloud), picture)
        allowed = invoke(cloud, deploy(source, on=cloud, policy=policy), picture)

    assert kind == "Unhandled"
    assert "AccessDeniedException" in refused["errorMessage"]
    assert "rekognition:DetectLabels" in refused["errorMessage"]
    assert allowed[0] is None, allowed
