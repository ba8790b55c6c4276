"""The smoke test on AWS: its cost, the source of its outputs, and its clean-up."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials

from integration_tests import smoke
from labelstack.clouds import Capabilities
from labelstack.errors import NoOutputsError

PROJECT = Path(__file__).parents[2]
OUTPUTS = {"uploadBucket": "uploads", "resultsTable": "results"}


class FakeS3:
    """One bucket with versions: keeps them, and the order of deletions."""

    def __init__(self) -> None:
        self.versions: list[tuple[str, str, str]] = []  # kind, key, id
        self.purged: list[str] = []

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **_: str) -> dict[str, str]:
        self.versions.append(("Versions", Key, f"v{len(self.versions)}"))
        return {"VersionId": self.versions[-1][2], "ETag": '"e"'}

    def delete_object(self, *, Bucket: str, Key: str, VersionId: str | None = None) -> None:
        if VersionId is None:
            self.versions.append(("DeleteMarkers", Key, f"m{len(self.versions)}"))
        else:
            self.versions = [version for version in self.versions if version[2] != VersionId]
            self.purged.append(VersionId)

    def get_paginator(self, _: str) -> FakeS3:
        return self

    def paginate(self, *, Bucket: str, Prefix: str) -> list[dict[str, Any]]:
        matching = [version for version in self.versions if version[1].startswith(Prefix)]
        kinds = ("Versions", "DeleteMarkers")
        return [{kind: [{"Key": k, "VersionId": v} for what, k, v in matching if what == kind] for kind in kinds}]


class FakeDynamoDB:
    """A table in which everything has been deleted."""

    def get_item(self, **_: Any) -> dict[str, Any]:
        return {"Item": {"status": {"S": "DELETED"}}}


class FakeCloud:
    """AWS as far as the smoke test sees it."""

    name = "aws"
    capabilities = Capabilities()
    region = "eu-west-1"
    endpoint_url: str | None = None
    instance = "aws"

    def __init__(self, role: str | None = None) -> None:
        self.s3 = FakeS3()
        self.role = role

    def client(self, service: str) -> Any:
        return {"s3": self.s3, "dynamodb": FakeDynamoDB(), "apigateway": self}[service]

    def credentials(self) -> Credentials:
        return Credentials("test", "test")

    def get_account(self) -> dict[str, str]:
        return {"cloudwatchRoleArn": self.role} if self.role else {}

    def stack_config(self) -> dict[str, str]:
        return {}


def stack(pictures: int) -> tuple[smoke.SmokeStack, FakeS3]:
    cloud = FakeCloud()
    return smoke.SmokeStack(cloud, OUTPUTS, budget=smoke.Budget(pictures, 1)), cloud.s3


def test_bound_is_pictures_times_calls_times_price() -> None:
    budget = smoke.Budget(pictures=4, calls=3)

    assert budget.dollars == pytest.approx(0.012)
    assert "4 pictures x 3 Rekognition calls x $0.001 = $0.012" in str(budget)


def test_dev_s_pictures_cost_one_call_each() -> None:
    assert smoke.charged_calls(PROJECT, "dev") == 1


def test_region_is_the_stack_s() -> None:
    assert smoke.region(PROJECT, "dev") == "us-east-1"


def test_image_properties_cost_a_call_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: labelstack\nruntime: python\n")
    (tmp_path / "Pulumi.all.yaml").write_text(
        "config:\n  labelstack:detectors: [labels, faces]\n  labelstack:imageProperties: true\n"
    )

    assert smoke.charged_calls(tmp_path, "all") == 3


def test_stack_whose_file_does_not_say_is_taken_for_the_dearest(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: labelstack\nruntime: python\n")
    (tmp_path / "Pulumi.bare.yaml").write_text("config: {}\n")

    assert smoke.charged_calls(tmp_path, "bare") == smoke.MOST_CALLS


def test_nothing_is_uploaded_beyond_the_bound() -> None:
    deployed, s3 = stack(pictures=1)
    deployed.upload("a", b"1")

    with pytest.raises(smoke.OverBudgetError, match="1 pictures"):
        deployed.upload("b", b"2")

    assert len(s3.versions) == 1


def test_every_version_goes_and_the_markers_last() -> None:
    deployed, s3 = stack(pictures=3)
    s3.put_object(Bucket="uploads", Key="a/of somebody else", Body=b"")
    for key in ("a", "a", "b"):
        deployed.upload(key, b"x")

    deployed.clean_up()

    assert s3.versions == [("Versions", "a/of somebody else", "v0")]
    assert s3.purged == ["v1", "v2", "m4", "v3", "m5"]
    assert deployed.uploaded == []


def test_outputs_come_from_the_file_that_is_named(tmp_path: Path) -> None:
    file = tmp_path / "outputs.json"
    file.write_text('{"uploadBucket": "b", "resultsTable": "t"}')

    assert smoke.deployed_outputs(PROJECT, "dev", {"LABELSTACK_OUTPUTS": str(file)})["uploadBucket"] == "b"


def test_without_file_and_pulumi_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(NoOutputsError, match=r"LABELSTACK_OUTPUTS.*--engine pulumi"):
        smoke.deployed_outputs(PROJECT, "dev", {})


@pytest.mark.parametrize(("role", "sets_it"), [(None, "own"), ("arn:aws:iam::1:role/logs", "account")])
def test_log_role_of_the_account_is_left_alone_where_there_is_one(role: str | None, sets_it: str) -> None:
    assert smoke.settings_for(FakeCloud(role))["labelstack:apiLogRole"] == sets_it
