"""Every key that S3 takes, on the embedded cloud: listed, read, named in errors, allowed by policies, deleted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from labelstack.clouds import EmbeddedCloud
from labelstack.engines.provisioners.s3 import empty
from labelstack.errors import DeployError

ODD_KEYS = [
    *("control\x01\x1f.jpg", "line\nbreak.jpg", "a\rb", "tab\t", "\x7f\x9b31m", "\u202egpj.exe", "\ufffe\uffff"),
    *("../up/./x.jpg", "./a", "a//b", "/", "%2F%00", "+ &<>\"'", "a b+c", "${aws:x}*?[a]", "🐈", "ü" * 512),
]
LAST = "ends with a line break\n"


@pytest.fixture
def bucket(cloud: EmbeddedCloud, numbers: Iterator[int]) -> Iterator[str]:
    """Yield a bucket with versions, and an object of each odd key."""
    name, s3 = f"odd-keys-{next(numbers)}", cloud.client("s3")
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for key in [*ODD_KEYS, LAST]:
        s3.put_object(Bucket=name, Key=key, Body=b"x")
    yield name
    empty(s3, name)
    s3.delete_bucket(Bucket=name)


def test_lists_have_them_as_they_are(cloud: EmbeddedCloud, bucket: str) -> None:
    s3 = cloud.client("s3")

    objects = {entry["Key"] for entry in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    versions = {entry["Key"] for entry in s3.list_object_versions(Bucket=bucket)["Versions"]}

    assert objects == versions == {*ODD_KEYS, LAST}


def test_each_is_read_and_missed(cloud: EmbeddedCloud, bucket: str) -> None:
    s3 = cloud.client("s3")
    for key in [*ODD_KEYS, LAST]:
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == b"x"
        s3.delete_object(Bucket=bucket, Key=key)
        with pytest.raises(ClientError, match="NoSuchKey"):
            s3.get_object(Bucket=bucket, Key=key)


def test_policies_fit_any_character_and_no_more(cloud: EmbeddedCloud, bucket: str, numbers: Iterator[int]) -> None:
    iam, user = cloud.client("iam"), f"reader-{next(numbers)}"
    iam.create_user(UserName=user)
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/?*"}
    denied = {"Effect": "Deny", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/ends with a line break"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement, denied]})
    iam.put_user_policy(UserName=user, PolicyName="read", PolicyDocument=policy)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    session: Any = boto3.Session(key["AccessKeyId"], key["SecretAccessKey"], region_name=cloud.region)
    config = Config(s3={"addressing_style": "path"}, proxies={})
    reader = session.client("s3", endpoint_url=cloud.endpoint_url, config=config)
    try:
        for name in [*ODD_KEYS, LAST]:
            assert reader.get_object(Bucket=bucket, Key=name)["Body"].read() == b"x", name
        with pytest.raises(ClientError, match="AccessDenied"):
            reader.get_object(Bucket=bucket, Key=LAST.rstrip())
    finally:
        iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
        iam.delete_user_policy(UserName=user, PolicyName="read")
        iam.delete_user(UserName=user)


class PagingS3:
    """A versioned bucket that lists as LocalStack does: it fails at a next page that begins with an odd key."""

    def __init__(self, versions: list[tuple[str, str]], deletes: bool = True) -> None:
        self.versions, self.deletes = versions, deletes
        self.one_by_one: list[str] = []

    def list_object_versions(self, *, Bucket: str, MaxKeys: int) -> dict[str, Any]:  # boto3's
        assert MaxKeys > len(self.versions), "500 Internal Server Error"
        entries = [{"Key": key, "VersionId": version} for key, version in self.versions]
        return {"Versions": entries[::2], "DeleteMarkers": entries[1::2]}

    def delete_objects(self, *, Bucket: str, Delete: dict[str, Any]) -> dict[str, Any]:  # boto3's
        assert len(Delete["Objects"]) <= 1000
        gone = {(entry["Key"], entry["VersionId"]) for entry in Delete["Objects"]} if self.deletes else set()
        self.versions = [version for version in self.versions if version not in gone]
        return {}

    def delete_object(self, *, Bucket: str, Key: str, VersionId: str) -> None:  # boto3's
        self.one_by_one.append(Key)
        self.versions.remove((Key, VersionId))

    def get_paginator(self, operation: str) -> PagingS3:
        return self

    def paginate(self, *, Bucket: str) -> Iterator[dict[str, Any]]:  # boto3's
        yield {}


def test_twelve_thousand_versions_of_two_keys_are_emptied() -> None:
    counts = {"a.jpg": 11_900, "b\x01.jpg": 100}
    s3 = PagingS3([(key, str(number)) for key, count in counts.items() for number in range(count)])

    empty(s3, "bucket")

    assert s3.versions == []
    assert s3.one_by_one == ["b\x01.jpg"] * 100


def test_a_version_that_stays_is_named() -> None:
    with pytest.raises(DeployError, match=r"bucket still lists 'a\.jpg'"):
        empty(PagingS3([("a.jpg", "1")], deletes=False), "bucket")
