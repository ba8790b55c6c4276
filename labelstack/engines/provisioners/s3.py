"""S3: buckets and the resources beside them that configure them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from labelstack.engines import archives
from labelstack.engines.inputs import Inputs
from labelstack.engines.provisioners.base import (
    AutoName,
    Provisioner,
    Recorded,
    Resource,
    Target,
    error_code,
    provisions,
)
from labelstack.errors import DeployError
from labelstack.xml_characters import NOT_XML

# All at once: LocalStack cannot tell where the next page begins if that key has a control character.
MOST_VERSIONS = 2**31 - 1
MOST_DELETED = 1000  # by one DeleteObjects


@provisions("aws:s3/bucket:Bucket")
class Bucket(Provisioner):
    """A bucket. Other resources configure it."""

    service, deletes, finds, id = "s3", "DeleteBucket", "HeadBucket", "{inputs[bucket]}"
    outputs: Mapping[str, Any] = {
        "arn": "arn:aws:s3:::{id}",
        "bucket": "{id}",
        "bucketDomainName": "{id}.s3.amazonaws.com",
        "bucketRegion": "{target.region}",
        "bucketRegionalDomainName": "{id}.s3.{target.region}.amazonaws.com",
    }
    auto_name = AutoName("bucket", 63, lower=True)
    replaced_by = frozenset({"bucket"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        request: dict[str, Any] = {"Bucket": inputs.require("bucket")}
        if target.region != "us-east-1":
            request["CreateBucketConfiguration"] = {"LocationConstraint": target.region}
        self.send("CreateBucket", request, target)
        return self._configured(inputs, target)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change the tags, or whether a removal empties the bucket."""
        return self._configured(inputs, target)

    def delete(self, old: Recorded, target: Target) -> None:
        """Remove the bucket, with its contents if `forceDestroy` says so."""
        if old.inputs.get("forceDestroy"):
            empty(target.client("s3"), old.id)
        try:
            super().delete(old, target)
        except ClientError as error:
            if error_code(error) == "BucketNotEmpty":
                raise DeployError(
                    f"the bucket {old.id} is not empty: empty it first, or set forceDestroy", property="forceDestroy"
                ) from error
            raise

    def _configured(self, inputs: Inputs, target: Target) -> Resource:
        name, tags, s3 = inputs.require("bucket"), target.tags(inputs), target.client("s3")
        inputs.get("forceDestroy")  # is read from the record when it is removed
        if tags:
            s3.put_bucket_tagging(Bucket=name, Tagging=_tagging(tags))
        else:
            s3.delete_bucket_tagging(Bucket=name)
        bucket = self.resource(name, {}, inputs, target)
        bucket.outputs["tagsAll"] = tags
        return bucket


def _tagging(tags: Mapping[str, str]) -> dict[str, Any]:
    return {"TagSet": [{"Key": name, "Value": value} for name, value in tags.items()]}


def empty(s3: Any, bucket: str) -> None:
    """Delete every object, version and delete marker of a bucket, and abort unfinished uploads.

    Raises:
        DeployError: S3 does not delete one, or says that it has and still lists it.
    """
    before: list[dict[str, str]] = []
    # Always the first page: one that begins behind a version that was deleted meanwhile may leave others out.
    while doomed := _first_versions(s3, bucket):
        if doomed == before:
            raise DeployError(f"{bucket} still lists {doomed[0]['Key']!r} after its deletion: try again")
        _delete_versions(s3, bucket, doomed)
        before = doomed
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])


def _first_versions(s3: Any, bucket: str) -> list[dict[str, str]]:
    page = s3.list_object_versions(Bucket=bucket, MaxKeys=MOST_VERSIONS)
    versions = page.get("Versions", []) + page.get("DeleteMarkers", [])
    return [{"Key": version["Key"], "VersionId": version["VersionId"]} for version in versions]


def _delete_versions(s3: Any, bucket: str, doomed: list[dict[str, str]]) -> None:
    """Delete versions at once. DeleteObjects names them in XML: keys that it cannot carry take a request each."""
    together: list[dict[str, str]] = []
    for version in doomed:
        if NOT_XML.search(version["Key"]):
            s3.delete_object(Bucket=bucket, **version)
        else:
            together.append(version)
    for start in range(0, len(together), MOST_DELETED):
        objects = together[start : start + MOST_DELETED]
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
        if errors := answer.get("Errors"):
            reason = f"{errors[0].get('Message')} ({errors[0].get('Key')!r})"
            raise DeployError(f"{bucket} keeps {len(errors)} objects, because S3 refused to delete them: {reason}")


class BucketSetting(Provisioner):
    """A configuration of a bucket, put and deleted as a whole; its id is the bucket's name."""

    service, id, replaced_by = "s3", "{inputs[bucket]}", frozenset({"bucket"})


@provisions("aws:s3/bucketVersioning:BucketVersioning")
class BucketVersioning(BucketSetting):
    """A bucket's versioning."""

    creates = updates = "PutBucketVersioning"
    names: Mapping[str, str] = {"mfaDelete": "MFADelete"}

    def delete(self, old: Recorded, target: Target) -> None:
        """Suspend versioning: a versioned bucket can never be unversioned again."""
        if old.inputs.get("versioningConfiguration", {}).get("status") == "Enabled":
            target.client("s3").put_bucket_versioning(Bucket=old.id, VersioningConfiguration={"Status": "Suspended"})


@provisions("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")
class BucketEncryption(BucketSetting):
    """A bucket's encryption."""

    creates = updates = "PutBucketEncryption"
    body, deletes = "ServerSideEncryptionConfiguration", "DeleteBucketEncryption"
    names: Mapping[str, str] = {"kmsMasterKeyId": "KMSMasterKeyID"}


@provisions("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
class BucketPublicAccessBlock(BucketSetting):
    """The kinds of public access that a bucket refuses."""

    creates = updates = "PutPublicAccessBlock"
    body, deletes = "PublicAccessBlockConfiguration", "DeletePublicAccessBlock"


@provisions("aws:s3/bucketOwnershipControls:BucketOwnershipControls")
class BucketOwnershipControls(BucketSetting):
    """The ownership of a bucket's objects."""

    creates = updates = "PutBucketOwnershipControls"
    deletes = "DeleteBucketOwnershipControls"

    def request(self, operation: str, inputs: Inputs, target: Target, **parameters: Any) -> dict[str, Any]:
        """Return the parameters, with the one rule."""
        if operation != self.deletes:
            rule = inputs.object("rule")
            parameters["OwnershipControls"] = {
                "Rules": [{"ObjectOwnership": rule.require("objectOwnership")}] if rule else []
            }
        return super().request(operation, inputs, target, **parameters)


@provisions("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")
class BucketLifecycleConfiguration(BucketSetting):
    """The lifecycle rules of a bucket."""

    creates = updates = "PutBucketLifecycleConfiguration"
    body, deletes = "LifecycleConfiguration", "DeleteBucketLifecycle"


@provisions("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration")
class BucketCorsConfiguration(BucketSetting):
    """The CORS rules of a bucket."""

    creates = updates = "PutBucketCors"
    body, deletes = "CORSConfiguration", "DeleteBucketCors"


@provisions("aws:s3/bucketPolicy:BucketPolicy")
class BucketPolicy(BucketSetting):
    """The policy of a bucket."""

    creates = updates = "PutBucketPolicy"
    deletes = "DeleteBucketPolicy"


@provisions("aws:s3/bucketWebsiteConfiguration:BucketWebsiteConfiguration")
class BucketWebsiteConfiguration(BucketSetting):
    """A bucket as a web site."""

    creates = updates = "PutBucketWebsite"
    body, deletes = "WebsiteConfiguration", "DeleteBucketWebsite"
    outputs: Mapping[str, Any] = {
        "websiteDomain": "s3-website-{target.region}.amazonaws.com",
        "websiteEndpoint": "{id}.s3-website-{target.region}.amazonaws.com",
    }


@provisions("aws:s3/bucketNotification:BucketNotification")
class BucketNotification(BucketSetting):
    """A bucket's notification of its events. The cloud tests that it may send to each destination."""

    creates = updates = "PutBucketNotificationConfiguration"
    body = "NotificationConfiguration"
    names: Mapping[str, str] = {
        "queues": "QueueConfigurations",
        "topics": "TopicConfigurations",
        "lambdaFunctions": "LambdaFunctionConfigurations",
    }
    cleared: Mapping[str, Any] = {"NotificationConfiguration": {}}

    def request(self, operation: str, inputs: Inputs, target: Target, **parameters: Any) -> dict[str, Any]:
        """Return the parameters, with the filters of keys, and EventBridge."""
        request = super().request(operation, inputs, target, **parameters)
        if parameters:
            return request
        body = request["NotificationConfiguration"]
        for name, member in self.names.items():
            for properties, configuration in zip(inputs.objects(name), body.get(member, ()), strict=True):
                parts = (("prefix", properties.get("filterPrefix")), ("suffix", properties.get("filterSuffix")))
                if rules := [{"Name": part, "Value": value} for part, value in parts if value]:
                    configuration["Filter"] = {"Key": {"FilterRules": rules}}
        if inputs.get("eventbridge"):
            body["EventBridgeConfiguration"] = {}
        return request

    def read(self, id: str, target: Target) -> dict[str, Any]:
        """Return where the events of a bucket go already."""
        answer = target.client("s3").get_bucket_notification_configuration(Bucket=id)
        arns = {"queues": "queueArn", "topics": "topicArn", "lambdaFunctions": "lambdaFunctionArn"}
        return {
            "bucket": id,
            "eventbridge": "EventBridgeConfiguration" in answer,
            **{
                name: [
                    {arn: configuration[arn[0].upper() + arn[1:]]} for configuration in answer.get(self.names[name], ())
                ]
                for name, arn in arns.items()
            },
        }


@provisions("aws:s3/bucketObjectv2:BucketObjectv2")
class BucketObject(Provisioner):
    """An object that the program puts, such as a page of a web site. `sourceHash` only makes a change visible."""

    service, id = "s3", "{inputs[key]}"
    creates = updates = "PutObject"
    outputs: Mapping[str, Any] = {"arn": "arn:aws:s3:::{inputs[bucket]}/{id}", "versionId": "{answer[VersionId]}"}
    unsent = ("source", "content", "sourceHash")
    replaced_by = frozenset({"bucket", "key"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        source, content = inputs.get("source"), inputs.get("content")
        body = str(content or "").encode() if source is None else archives.asset_bytes(source)
        request = self.request(self.creates, inputs, target, Body=body)
        answer, tags = self.send(self.creates, request, target), target.tags(inputs)
        if tags:
            where = {"Bucket": request["Bucket"], "Key": request["Key"]}
            target.client("s3").put_object_tagging(**where, Tagging=_tagging(tags))
        stored = self.resource(request["Key"], answer, inputs, target)
        stored.outputs.update(etag=answer["ETag"].strip('"'), tagsAll=tags)
        return stored

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Put the object again."""
        return self.create(inputs, target)

    def delete(self, old: Recorded, target: Target) -> None:
        """Delete the object's versions."""
        s3, bucket = target.client("s3"), old.inputs["bucket"]
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=old.id):
            for version in page.get("Versions", []) + page.get("DeleteMarkers", []):
                if version["Key"] == old.id:
                    s3.delete_object(Bucket=bucket, Key=old.id, VersionId=version["VersionId"])
