"""ResultsBucket alone; what all private buckets have is in test_upload_bucket.py."""

from typing import Any, cast

import pytest

from components.buckets import ResultsBucket, ResultsBucketArgs, UploadBucket, UploadBucketArgs
from tests.recording import Record, once, record


@once
def record_store(**arguments: Any) -> Record:
    args = cast(ResultsBucketArgs, {"protect_data": False, **arguments})
    return record(lambda: ResultsBucket("documents", args))


@pytest.mark.parametrize("protect_data", [True, False])
def test_is_as_private_and_lasting_as_the_bucket_of_uploads(protect_data: bool) -> None:
    uploads = record(lambda: UploadBucket("documents", UploadBucketArgs(protect_data=protect_data)))
    documents = record_store(protect_data=protect_data)

    assert {kind: value for kind, value in documents.inputs().items() if kind.startswith("aws:")} == {
        kind: value for kind, value in uploads.inputs().items() if kind.startswith("aws:")
    }
    assert documents.single("aws:s3/bucket:Bucket").protect is protect_data


def test_expires_documents_when_asked() -> None:
    rules = record_store(expiration_days=30).single("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")

    assert rules.inputs["rules"][-1] == {
        "id": "expire-documents",
        "status": "Enabled",
        "filter": {"prefix": ""},
        "expiration": {"days": 30},
    }


def test_every_part_belongs_to_the_component() -> None:
    recorded = record_store()

    component = recorded.single("labelstack:index:ResultsBucket")
    assert {r.parent for r in recorded.resources if r is not component} == {"documents"}
