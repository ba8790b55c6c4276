"""S3: buckets and the resources beside them that configure them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore import xform_name
from botocore.exceptions import ClientError

from labelstack.engines import archives, requests
from labelstack.engines.inputs import Inputs
from labelstack.engines.naming import AutoName
from labelstack.engines.provisioners.base import (
    Provisioner,
    Recorded,
    Resource,
    Setting,
    Target,
    error_code,
    provisions,
    tag_list,
)
from labelstack.errors import DeployError
from labelstack.xml_characters import NOT_XML

# All at once: LocalStack cannot tell where the next page begins if that key has a control character.
MOST_VERSIONS = 2**31 - 1
MOST_DELETED = 1000  # by one DeleteObjects


@provisions("aws:s3/bucket:Bucket")
class Bucket(Provisioner):
    """A bucket. Other resources configure it."""

    auto_name = AutoName("bucket", 63, lower=True)
    replaced_by = frozenset({"bucket"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        request: dict[str, Any] = {"Bucket": inputs.require("bucket")}
        if target.region != "us-east-1":
            request["CreateBucketConfiguration"] = {"LocationConstraint": target.region}
        target.client("s3").create_bucket(**request)
        return self._configured(inputs, target)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change the tags, or whether a removal empties the bucket."""
        return self._configured(inputs, target)

    def delete(self, old: Recorded, target: Target) -> None:
        """Remove the bucket, with its contents if `forceDestroy` says so."""
        s3 = target.client("s3")
        if old.inputs.get("forceDestroy"):
            empty(s3, old.id)
        try:
            s3.delete_bucket(Bucket=old.id)
        except ClientError as error:
            if error_code(error) == "BucketNotEmpty":
                raise DeployError(
                    f"the bucket {old.id} is not empty: empty it first, or set forceDestroy", property="forceDestroy"
                ) from error
            raise

    def find(self, inputs: Inputs, target: Target) -> str | None:
        """Find the resource by its name."""
        target.client("s3").head_bucket(Bucket=inputs.require("bucket"))
        return str(inputs.require("bucket"))

    def _configured(self, inputs: Inputs, target: Target) -> Resource:
        name, tags, s3 = inputs.require("bucket"), target.tags(inputs), target.client("s3")
        inputs.get("forceDestroy")  # is read from the record when it is removed
        if tags:
            s3.put_bucket_tagging(Bucket=name, Tagging={"TagSet": tag_list(tags)})
        else:
            s3.delete_bucket_tagging(Bucket=name)
        return Resource(
            name,
            {
                "arn": f"arn:aws:s3:::{name}",
                "bucket": name,
                "bucketDomainName": f"{name}.s3.amazonaws.com",
                "bucketRegion": target.region,
                "bucketRegionalDomainName": f"{name}.s3.{target.region}.amazonaws.com",
                "tagsAll": tags,
            },
        )


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


class BucketSetting(Setting):
    """A configuration of a bucket, put and deleted as a whole; its id is the bucket's name."""

    replaced_by = frozenset({"bucket"})
    operation, member = "", ""  # that puts it, and its parameter
    names: Mapping[str, str] = {}
    forget = ""  # the client's method that removes it; empty when AWS has none

    def create(self, inputs: Inputs, target: Target) -> Resource:
        bucket = str(inputs.require("bucket"))
        self.put(target.client("s3"), bucket, inputs)
        return Resource(bucket)

    def put(self, s3: Any, bucket: str, inputs: Inputs) -> None:
        """Put the configuration: all properties but the bucket's name."""
        body = requests.build_member(s3, self.operation, self.member, inputs, self.names)
        getattr(s3, xform_name(self.operation))(Bucket=bucket, **{self.member: body})

    def delete(self, old: Recorded, target: Target) -> None:
        """Remove the configuration, if S3 can."""
        if self.forget:
            getattr(target.client("s3"), self.forget)(Bucket=old.id)


@provisions("aws:s3/bucketVersioning:BucketVersioning")
class BucketVersioning(BucketSetting):
    """A bucket's versioning."""

    def put(self, s3: Any, bucket: str, inputs: Inputs) -> None:
        s3.put_bucket_versioning(
            **requests.build(s3, "PutBucketVersioning", inputs, names={"mfaDelete": "MFADelete"}),
        )

    def delete(self, old: Recorded, target: Target) -> None:
        """Suspend versioning: a versioned bucket can never be unversioned again."""
        if old.inputs.get("versioningConfiguration", {}).get("status") == "Enabled":
            target.client("s3").put_bucket_versioning(Bucket=old.id, VersioningConfiguration={"Status": "Suspended"})


@provisions("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")
class BucketEncryption(BucketSetting):
    """A bucket's encryption."""

    operation, member = "PutBucketEncryption", "ServerSideEncryptionConfiguration"
    names: Mapping[str, str] = {"kmsMasterKeyId": "KMSMasterKeyID"}
    forget = "delete_bucket_encryption"


@provisions("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")
class BucketPublicAccessBlock(BucketSetting):
    """The kinds of public access that a bucket refuses."""

    operation, member = "PutPublicAccessBlock", "PublicAccessBlockConfiguration"
    forget = "delete_public_access_block"


@provisions("aws:s3/bucketOwnershipControls:BucketOwnershipControls")
class BucketOwnershipControls(BucketSetting):
    """The ownership of a bucket's objects."""

    forget = "delete_bucket_ownership_controls"

    def put(self, s3: Any, bucket: str, inputs: Inputs) -> None:
        rule = inputs.object("rule")
        rules = [{"ObjectOwnership": rule.require("objectOwnership")}] if rule else []
        s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls={"Rules": rules})


@provisions("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration")
class BucketLifecycleConfiguration(BucketSetting):
    """The lifecycle rules of a bucket."""

    operation, member = "PutBucketLifecycleConfiguration", "LifecycleConfiguration"
    forget = "delete_bucket_lifecycle"


@provisions("aws:s3/bucketCorsConfiguration:BucketCorsConfiguration")
class BucketCorsConfiguration(BucketSetting):
    """The CORS rules of a bucket."""

    operation, member = "PutBucketCors", "CORSConfiguration"
    forget = "delete_bucket_cors"


@provisions("aws:s3/bucketPolicy:BucketPolicy")
class BucketPolicy(BucketSetting):
    """The policy of a bucket."""

    forget = "delete_bucket_policy"

    def put(self, s3: Any, bucket: str, inputs: Inputs) -> None:
        s3.put_bucket_policy(Bucket=bucket, Policy=inputs.require("policy"))


@provisions("aws:s3/bucketWebsiteConfiguration:BucketWebsiteConfiguration")
class BucketWebsiteConfiguration(BucketSetting):
    """A bucket as a web site."""

    operation, member = "PutBucketWebsite", "WebsiteConfiguration"
    forget = "delete_bucket_website"

    def create(self, inputs: Inputs, target: Target) -> Resource:
        bucket = super().create(inputs, target)
        domain = f"s3-website-{target.region}.amazonaws.com"
        return Resource(bucket.id, {"websiteDomain": domain, "websiteEndpoint": f"{bucket.id}.{domain}"})


@provisions("aws:s3/bucketNotification:BucketNotification")
class BucketNotification(BucketSetting):
    """A bucket's notification of its events."""

    _KINDS = (
        ("queues", "queueArn", "QueueConfigurations", "QueueArn"),
        ("topics", "topicArn", "TopicConfigurations", "TopicArn"),
        ("lambdaFunctions", "lambdaFunctionArn", "LambdaFunctionConfigurations", "LambdaFunctionArn"),
    )

    def put(self, s3: Any, bucket: str, inputs: Inputs) -> None:
        """Put the notification. The cloud tests that it may send to each destination."""
        body: dict[str, Any] = {"EventBridgeConfiguration": {}} if inputs.get("eventbridge") else {}
        for name, arn, member, arn_member in self._KINDS:
            if configurations := [
                self._target_configuration(target, arn, arn_member) for target in inputs.objects(name)
            ]:
                body[member] = configurations
        s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration=body)

    def read(self, id: str, target: Target) -> dict[str, Any]:
        """Return where the events of a bucket go already."""
        answer = target.client("s3").get_bucket_notification_configuration(Bucket=id)
        return {
            "bucket": id,
            "eventbridge": "EventBridgeConfiguration" in answer,
            **{
                name: [{arn: configuration[of]} for configuration in answer.get(member, ())]
                for name, arn, member, of in self._KINDS
            },
        }

    def delete(self, old: Recorded, target: Target) -> None:
        """Send events nowhere."""
        target.client("s3").put_bucket_notification_configuration(Bucket=old.id, NotificationConfiguration={})

    @staticmethod
    def _target_configuration(inputs: Inputs, arn: str, arn_member: str) -> dict[str, Any]:
        body = {arn_member: inputs.require(arn), "Events": inputs.require("events")}
        if (identifier := inputs.get("id")) is not None:
            body["Id"] = identifier
        parts = (("prefix", inputs.get("filterPrefix")), ("suffix", inputs.get("filterSuffix")))
        if rules := [{"Name": name, "Value": value} for name, value in parts if value]:
            body["Filter"] = {"Key": {"FilterRules": rules}}
        return body


@provisions("aws:s3/bucketObjectv2:BucketObjectv2")
class BucketObject(Setting):
    """An object that the program puts, such as a page of a web site."""

    replaced_by = frozenset({"bucket", "key"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        s3 = target.client("s3")
        request = requests.build(s3, "PutObject", inputs, by_hand=("source", "content", "tags", "sourceHash"))
        inputs.get("sourceHash")  # only makes a change visible
        tags = target.tags(inputs)
        answer = s3.put_object(**request, Body=self._body(inputs))
        if tags:
            where = {"Bucket": request["Bucket"], "Key": request["Key"]}
            s3.put_object_tagging(**where, Tagging={"TagSet": tag_list(tags)})
        outputs = {
            "arn": f"arn:aws:s3:::{request['Bucket']}/{request['Key']}",
            "etag": answer["ETag"].strip('"'),
            "versionId": answer.get("VersionId", ""),
            "tagsAll": tags,
        }
        return Resource(str(request["Key"]), outputs)

    def delete(self, old: Recorded, target: Target) -> None:
        """Delete the object's versions."""
        s3, bucket = target.client("s3"), old.inputs["bucket"]
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=old.id):
            for version in page.get("Versions", []) + page.get("DeleteMarkers", []):
                if version["Key"] == old.id:
                    s3.delete_object(Bucket=bucket, Key=old.id, VersionId=version["VersionId"])

    @staticmethod
    def _body(inputs: Inputs) -> bytes:
        source, content = inputs.get("source"), inputs.get("content")
        return str(content or "").encode() if source is None else archives.asset_bytes(source)
