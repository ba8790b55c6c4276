"""CloudFront: distributions of private buckets."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from botocore import xform_name

from labelstack.engines import requests
from labelstack.engines.inputs import Inputs
from labelstack.engines.naming import AutoName
from labelstack.engines.provisioners.base import Provisioner, Recorded, Resource, Target, provisions, tag_list

HOSTED_ZONE = "Z2FDTNDATAQYW2"  # of every distribution


class Shared(Provisioner):
    """A setting that distributions share. CloudFront changes it only for requests with its current ETag."""

    replaced_by = frozenset({"name"})
    kind = ""

    def create(self, inputs: Inputs, target: Target) -> Resource:
        return self._resource(self._call(target, "create", **self._config(inputs, target)))

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        self._call(target, "update", Id=old.id, IfMatch=self._etag(old, target), **self._config(inputs, target))
        return self._resource(self._call(target, "get", Id=old.id))

    def delete(self, old: Recorded, target: Target) -> None:
        self._call(target, "delete", Id=old.id, IfMatch=self._etag(old, target))

    def _call(self, target: Target, verb: str, **request: Any) -> dict[str, Any]:
        method = getattr(target.client("cloudfront"), xform_name(f"{verb.title()}{self.kind}"))
        answer: dict[str, Any] = method(**request)
        return answer

    def _etag(self, old: Recorded, target: Target) -> str:
        return str(self._call(target, "get", Id=old.id)["ETag"])

    def _config(self, inputs: Inputs, target: Target) -> dict[str, Any]:
        member = f"{self.kind}Config"
        return {member: requests.build_member(target.client("cloudfront"), f"Create{self.kind}", member, inputs)}

    def _resource(self, answer: Mapping[str, Any]) -> Resource:
        return Resource(answer[self.kind]["Id"], {"etag": answer["ETag"]})


@provisions("aws:cloudfront/originAccessControl:OriginAccessControl")
class OriginAccessControl(Shared):
    """A distribution's signing of requests to an origin."""

    auto_name = AutoName("name", 64)
    kind = "OriginAccessControl"


@provisions("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy")
class ResponseHeadersPolicy(Shared):
    """Headers that a distribution adds."""

    auto_name = AutoName("name", 128)
    kind = "ResponseHeadersPolicy"


@provisions("aws:cloudfront/distribution:Distribution")
class Distribution(Provisioner):
    """A distribution; an emulator's is ready at once."""

    tagged = "cloudfront"
    replaced_by = frozenset({"staging"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        client, tags = target.client("cloudfront"), target.tags(inputs)
        config = _distribution(client, inputs, f"labelstack-{secrets.token_hex(8)}")
        answer = client.create_distribution_with_tags(
            DistributionConfigWithTags={"DistributionConfig": config, "Tags": {"Items": tag_list(tags)}}
        )
        return self._resource(answer, config)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        client = target.client("cloudfront")
        config = _distribution(client, inputs, old.outputs["callerReference"])
        etag = client.get_distribution(Id=old.id)["ETag"]
        changed = client.update_distribution(Id=old.id, IfMatch=etag, DistributionConfig=config)
        return self._resource(changed, config)

    def delete(self, old: Recorded, target: Target) -> None:
        """Switch the distribution off, as AWS requires, and remove it."""
        client = target.client("cloudfront")
        current = client.get_distribution_config(Id=old.id)
        config = {**current["DistributionConfig"], "Enabled": False}
        off = client.update_distribution(Id=old.id, IfMatch=current["ETag"], DistributionConfig=config)
        client.delete_distribution(Id=old.id, IfMatch=off["ETag"])

    @staticmethod
    def _resource(answer: Mapping[str, Any], config: Mapping[str, Any]) -> Resource:
        distribution = answer["Distribution"]
        outputs = {
            "arn": distribution["ARN"],
            "callerReference": config["CallerReference"],
            "domainName": distribution["DomainName"],
            "etag": answer["ETag"],
            "hostedZoneId": HOSTED_ZONE,
            "status": distribution["Status"],
        }
        return Resource(distribution["Id"], outputs)


def _distribution(client: Any, inputs: Inputs, caller_reference: str) -> dict[str, Any]:
    """Return CloudFront's form of a distribution. Supported are S3 origins with one cache behaviour."""
    inputs.get("waitForDeployment")  # there is nothing to wait for
    names = {"originId": "Id"}
    config = requests.build_member(client, "CreateDistribution", "DistributionConfig", inputs, names)
    for origin in config["Origins"]["Items"]:
        origin |= {"CustomHeaders": {"Quantity": 0}, "S3OriginConfig": {"OriginAccessIdentity": ""}}
    if (behavior := inputs.object("defaultCacheBehavior")) is not None:
        cached = behavior.require("cachedMethods")
        config["DefaultCacheBehavior"]["AllowedMethods"]["CachedMethods"] = {"Quantity": len(cached), "Items": cached}
    return {"CallerReference": caller_reference, "Comment": "", **config}
