"""UploadBucket and ResultsBucket alone."""

from typing import Any, cast

import pytest

from components.buckets import ResultsBucket, ResultsBucketArgs, UploadBucket, UploadBucketArgs
from tests.recording import Record, Resource, once, record

BUCKET = "pictures-0a1b2c3"
ARN = f"arn:aws:s3:::{BUCKET}"


@once
def record_bucket(**arguments: Any) -> Record:
    args = cast(UploadBucketArgs, {"protect_data": False, **arguments})
    return record(lambda: UploadBucket("pictures", args))


def part(recorded: Record, kind: str) -> Resource:
    return recorded.single(f"aws:s3/bucket{kind}:Bucket{kind}")


def test_blocks_all_public_access() -> None:
    assert part(record_bucket(), "PublicAccessBlock").inputs == {
        "bucket": BUCKET,
        "blockPublicAcls": True,
        "blockPublicPolicy": True,
        "ignorePublicAcls": True,
        "restrictPublicBuckets": True,
    }


def test_turns_access_lists_off() -> None:
    assert part(record_bucket(), "OwnershipControls").inputs["rule"] == {"objectOwnership": "BucketOwnerEnforced"}


def test_refuses_requests_without_tls_for_bucket_and_objects() -> None:
    policy = part(record_bucket(), "Policy")

    (statement,) = policy.policy()["Statement"]
    assert statement == {
        "Effect": "Deny",
        "Principal": "*",
        "Action": ["s3:*"],
        "Resource": [ARN, f"{ARN}/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    assert " " not in policy.inputs["policy"]


def test_changes_access_settings_one_after_the_other() -> None:
    recorded = record_bucket()

    assert "pictures-private" in part(recorded, "Policy").dependencies
    assert "pictures-private" in part(recorded, "OwnershipControls").dependencies


def test_encrypts_with_s3s_key() -> None:
    assert part(record_bucket(), "ServerSideEncryptionConfiguration").inputs["rules"] == [
        {"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}
    ]


def test_encrypts_with_a_key_of_the_users() -> None:
    recorded = record_bucket(kms_key_arn="arn:aws:kms:eu-central-1:1:key/k")

    assert part(recorded, "ServerSideEncryptionConfiguration").inputs["rules"] == [
        {
            "applyServerSideEncryptionByDefault": {
                "sseAlgorithm": "aws:kms",
                "kmsMasterKeyId": "arn:aws:kms:eu-central-1:1:key/k",
            }
        }
    ]


def test_keeps_versions() -> None:
    assert part(record_bucket(), "Versioning").inputs["versioningConfiguration"] == {"status": "Enabled"}


def test_tidies_up_after_versioning_is_on() -> None:
    lifecycle = part(record_bucket(noncurrent_version_days=9), "LifecycleConfiguration")

    assert lifecycle.inputs["rules"] == [
        {
            "id": "abort-incomplete-uploads",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "abortIncompleteMultipartUpload": {"daysAfterInitiation": 7},
        },
        {
            "id": "expire-noncurrent-versions",
            "status": "Enabled",
            "filter": {"prefix": ""},
            "noncurrentVersionExpiration": {"noncurrentDays": 9},
            "expiration": {"expiredObjectDeleteMarker": True},
        },
    ]
    assert "pictures-versioning" in lifecycle.dependencies


def test_expires_uploads_when_asked() -> None:
    rules = part(record_bucket(expiration_days=30), "LifecycleConfiguration").inputs["rules"]

    assert rules[-1] == {
        "id": "expire-uploads",
        "status": "Enabled",
        "filter": {"prefix": ""},
        "expiration": {"days": 30},
    }


def test_is_open_to_no_web_origin_unless_asked() -> None:
    assert not record_bucket().of("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration")


def test_opens_to_the_web_origins_given() -> None:
    (rule,) = part(record_bucket(cors_origins=["https://example.org"]), "CorsConfiguration").inputs["corsRules"]

    assert rule["allowedOrigins"] == ["https://example.org"]
    assert rule["allowedMethods"] == ["GET", "HEAD", "PUT"]


@pytest.mark.parametrize("protect_data", [True, False])
def test_protects_data_or_goes_with_it(protect_data: bool) -> None:
    bucket = record_bucket(protect_data=protect_data).single("aws:s3/bucket:Bucket")

    assert (bucket.protect, bucket.inputs["forceDestroy"]) == (protect_data, not protect_data)


# --- ResultsBucket ----------------------------------------------------------------------------------------------------


@once
def record_documents(**arguments: Any) -> Record:
    args = cast(ResultsBucketArgs, {"protect_data": False, **arguments})
    return record(lambda: ResultsBucket("documents", args))


@pytest.mark.parametrize("protect_data", [True, False])
def test_documents_are_as_private_and_lasting_as_the_bucket_of_uploads(protect_data: bool) -> None:
    uploads = record(lambda: UploadBucket("documents", UploadBucketArgs(protect_data=protect_data)))
    documents = record_documents(protect_data=protect_data)

    assert {kind: value for kind, value in documents.inputs().items() if kind.startswith("aws:")} == {
        kind: value for kind, value in uploads.inputs().items() if kind.startswith("aws:")
    }
    assert documents.single("aws:s3/bucket:Bucket").protect is protect_data


def test_expires_documents_when_asked() -> None:
    rules = record_documents(expiration_days=30).single(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration"
    )

    assert rules.inputs["rules"][-1] == {
        "id": "expire-documents",
        "status": "Enabled",
        "filter": {"prefix": ""},
        "expiration": {"days": 30},
    }
