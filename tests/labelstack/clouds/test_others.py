"""LocalStack and AWS: which endpoint, region and credentials are used."""

from __future__ import annotations

from pathlib import Path

import pytest

from labelstack.clouds import AwsCloud, LocalStackCloud
from labelstack.errors import CloudSettingsError


@pytest.fixture(autouse=True)
def no_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """None of the machine's own settings."""
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
