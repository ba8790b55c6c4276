"""Clients that others bring along: LocalStack's own session finds its way as boto3 does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.config import Config
from localstack_client.session import Session

from integration_tests.pictures import sample
from integration_tests.stack import DeployedStack, wait_for


@pytest.fixture
def session(stack: DeployedStack, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return a session of the package localstack-client for this cloud."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)  # it would override these arguments
    keys = stack.cloud.credentials()
    host = urlsplit(stack.cloud.endpoint_url).netloc
    return Session(keys.access_key, keys.secret_key, region_name=stack.cloud.region, localstack_host=host)


def test_localstack_client_uploads_and_reads_the_result(
    stack: DeployedStack, session: Any, key: Callable[[str], str]
) -> None:
    name = key("cat.png")
    s3 = session.client("s3", config=Config(s3={"addressing_style": "path"}))
    s3.put_object(Bucket=stack.outputs["uploadBucket"], Key=name, Body=sample("cat.png"))
    dynamodb = session.client("dynamodb")
    where = {"TableName": stack.outputs["resultsTable"], "Key": {"pk": {"S": f"IMAGE#{name}"}, "sk": {"S": "META"}}}

    item = wait_for("the result", lambda: dynamodb.get_item(**where).get("Item", {}), lambda result: "status" in result)

    assert item["status"] == {"S": "LABELED"}
