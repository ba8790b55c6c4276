"""LocalStack and AWS: which endpoint, region and credentials are used."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from labelstack.clouds import AwsCloud, LocalStackCloud
from labelstack.errors import CloudNotRunningError, CloudSettingsError


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove the machine's own settings."""
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_REKOGNITION", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def test_localstack_is_at_its_default_place() -> None:
    cloud = LocalStackCloud()

    assert cloud.endpoint_url == "http://localhost:4566"
    assert cloud.client("s3").meta.endpoint_url == "http://localhost:4566"
    assert cloud.region == "us-east-1"


def test_localstack_follows_the_standard_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://localhost:5000")
    monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", "http://localhost:5001")
    monkeypatch.setenv("AWS_REGION", "eu-west-1")

    cloud = LocalStackCloud()

    assert cloud.client("sqs").meta.endpoint_url == "http://localhost:5000"
    assert cloud.stack_config()["labelstack:rekognitionEndpoint"] == "http://localhost:5001"
    assert cloud.stack_config()["aws:region"] == "eu-west-1"


def test_an_emulator_s_clients_heed_nothing_of_the_person_s_aws(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("[profile x\nbroken", encoding="utf-8")
    for name in ("USE_FIPS_ENDPOINT", "USE_DUALSTACK_ENDPOINT"):
        monkeypatch.setenv(f"AWS_{name}", "true")
    for name in ("PROFILE", "RETRY_MODE", "MAX_ATTEMPTS", "DEFAULTS_MODE", "REQUEST_CHECKSUM_CALCULATION", "CA_BUNDLE"):
        monkeypatch.setenv(f"AWS_{name}", "nope")

    cloud = LocalStackCloud()

    for service in ("s3", "sqs", "dynamodb", "sts"):
        assert cloud.client(service).meta.endpoint_url == "http://localhost:4566"


@pytest.mark.parametrize("variable", ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_REKOGNITION"])
@pytest.mark.parametrize(
    "url", ["http://:4570", "localhost:4570", "http://", "http://host:port", "http://[::1", "4570"]
)
def test_an_address_without_a_host_is_refused(monkeypatch: pytest.MonkeyPatch, variable: str, url: str) -> None:
    monkeypatch.setenv(variable, url)

    with pytest.raises(CloudSettingsError, match=f"{variable} is .* which names no host"):
        LocalStackCloud()


@pytest.mark.parametrize("url", ["http://rekognition:4570", "https://10.0.0.3", "http://[::1]:4570/"])
def test_an_address_with_a_host_is_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_REKOGNITION", url)

    assert LocalStackCloud().rekognition_url == url


def test_localstack_is_not_sent_a_person_s_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "mine")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")

    request = LocalStackCloud().client("s3").generate_presigned_url("list_buckets")

    assert "mine" not in request


def test_localstack_lacks_what_its_free_edition_lacks() -> None:
    capabilities = LocalStackCloud.capabilities

    lacking = (capabilities.http_api, capabilities.cognito, capabilities.cloudfront, capabilities.iam_enforced)
    assert not any(lacking)


def test_aws_without_region_says_what_to_set() -> None:
    with pytest.raises(CloudSettingsError, match="AWS_REGION"):
        AwsCloud()


def test_aws_region_is_what_other_sdks_take_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")

    assert AwsCloud().region == "eu-west-1"


def test_aws_without_credentials_says_what_to_do() -> None:
    with pytest.raises(CloudSettingsError, match="AWS_PROFILE"):
        AwsCloud("eu-west-1")


def test_aws_has_no_endpoint_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")

    cloud = AwsCloud("eu-west-1")

    assert cloud.endpoint_url is None
    assert cloud.client("sqs").meta.endpoint_url == "https://sqs.eu-west-1.amazonaws.com"
    assert cloud.stack_config() == {"aws:region": "eu-west-1"}


def test_restarted_localstack_is_another_instance(localstack: str, sessions: list[str]) -> None:
    cloud = LocalStackCloud(localstack)
    first, again = cloud.instance, cloud.instance
    sessions.append("two")

    assert first == again
    assert cloud.instance != first


def test_localstack_that_has_gone_is_told() -> None:
    with socket.socket() as taken:  # bound, but not listening
        taken.bind(("127.0.0.1", 0))
        cloud = LocalStackCloud(f"http://127.0.0.1:{taken.getsockname()[1]}")

        with pytest.raises(CloudNotRunningError, match="no LocalStack answers"):
            _ = cloud.instance
        assert not cloud.is_running()


def serve_once(listening: socket.socket, answer: bytes) -> None:
    """Take one connection, say this, and end it."""
    connection, _ = listening.accept()
    with connection:
        connection.recv(4096)
        connection.sendall(answer)


@pytest.mark.parametrize(
    "answer",
    [
        b"220 mail.example.org ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>",
        b'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{"some": 1}',
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    ],
)
def test_what_is_no_localstack_is_told(answer: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        thread = threading.Thread(target=serve_once, args=(listening, answer))
        thread.start()

        with pytest.raises(CloudNotRunningError, match=f"the server at {url} is not LocalStack: stop it") as caught:
            LocalStackCloud(url).info()
        thread.join()

    assert "\n" not in str(caught.value)


def test_localstack_whose_port_is_open_before_it_is_up_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=serve_once, args=(listening, b""))  # as Docker's proxy does
        thread.start()

        with pytest.raises(CloudNotRunningError, match="no LocalStack answers"):
            LocalStackCloud(f"http://127.0.0.1:{listening.getsockname()[1]}").info()
        thread.join()


def test_rules_can_be_set_where_rekognition_s_address_on_this_machine_is_known() -> None:
    without = LocalStackCloud("http://localhost:1", "http://rekognition:4570")
    with_it = LocalStackCloud("http://localhost:1", "http://rekognition:4570", "http://localhost:4570", "token")

    assert (without.capabilities.rekognition_rules, with_it.capabilities.rekognition_rules) == (False, True)


def test_lacking_capabilities_are_told_in_words() -> None:
    assert LocalStackCloud.capabilities.lacks("cognito", "rekognition_rules") == ["Cognito identity pools"]


def test_unknown_capability_is_an_error() -> None:
    with pytest.raises(ValueError, match="no capability: htpp_api"):
        LocalStackCloud.capabilities.lacks("htpp_api")
