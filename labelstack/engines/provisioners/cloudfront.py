"""CloudFront: distributions of private buckets."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from labelstack.engines.inputs import Inputs
from labelstack.engines.provisioners.base import AutoName, Provisioner, Recorded, Resource, Target, provisions


class Versioned(Provisioner):
    """A part of CloudFront, which changes or removes it only by requests with its current ETag.

    Attributes:
        kind: The part's name in operations, answers and parameters.
    """

    service = "cloudfront"
    kind: str = ""

    def __init_subclass__(cls) -> None:
        cls.creates, cls.updates, cls.deletes = (f"{verb}{cls.kind}" for verb in ("Create", "Update", "Delete"))
        cls.id, cls.body = f"{{answer[{cls.kind}][Id]}}", f"{cls.kind}Config"
        cls.outputs = {**cls.outputs, "etag": "{answer[ETag]}"}

    def key_of(self, old: Recorded, target: Target) -> dict[str, str]:
        """Return the id, and the ETag of the present version."""
        return {"Id": old.id, "IfMatch": self.send(f"Get{self.kind}", {"Id": old.id}, target)["ETag"]}


@provisions("aws:cloudfront/originAccessControl:OriginAccessControl")
class OriginAccessControl(Versioned):
    """A distribution's signing of requests to an origin."""

    kind = "OriginAccessControl"
    auto_name = AutoName("name", 64)
    replaced_by = frozenset({"name"})


@provisions("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy")
class ResponseHeadersPolicy(Versioned):
    """Headers that a distribution adds."""

    kind = "ResponseHeadersPolicy"
    auto_name = AutoName("name", 128)
    replaced_by = frozenset({"name"})


@provisions("aws:cloudfront/distribution:Distribution")
class Distribution(Versioned):
    """A distribution of S3 origins with one cache behaviour. An emulator's is ready at once."""

    kind = "Distribution"
    outputs: Mapping[str, Any] = {
        "arn": "{answer[Distribution][ARN]}",
        "callerReference": "{answer[Distribution][DistributionConfig][CallerReference]}",
        "domainName": "{answer[Distribution][DomainName]}",
        "hostedZoneId": "Z2FDTNDATAQYW2",  # of every distribution
        "status": "{answer[Distribution][Status]}",
    }
    names: Mapping[str, str] = {"originId": "Id"}
    unsent = ("waitForDeployment",)
    tagged = True
    replaced_by = frozenset({"staging"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        config = self._config(inputs, target, f"labelstack-{secrets.token_hex(8)}")
        tags = [{"Key": name, "Value": value} for name, value in target.tags(inputs).items()]
        request = {"DistributionConfigWithTags": {"DistributionConfig": config, "Tags": {"Items": tags}}}
        answer = self.send("CreateDistributionWithTags", request, target)
        return self.resource(answer["Distribution"]["Id"], answer, inputs, target)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        config = self._config(inputs, target, old.outputs["callerReference"])
        request = {**self.key_of(old, target), "DistributionConfig": config}
        answer = self.send("UpdateDistribution", request, target)
        return self.resource(old.id, answer, inputs, target, old)

    def delete(self, old: Recorded, target: Target) -> None:
        """Switch the distribution off, as AWS requires, and remove it."""
        client = target.client("cloudfront")
        current = client.get_distribution_config(Id=old.id)
        config = {**current["DistributionConfig"], "Enabled": False}
        off = client.update_distribution(Id=old.id, IfMatch=current["ETag"], DistributionConfig=config)
        client.delete_distribution(Id=old.id, IfMatch=off["ETag"])

    def _config(self, inputs: Inputs, target: Target, caller_reference: str) -> dict[str, Any]:
        """Return CloudFront's form of the distribution."""
        config: dict[str, Any] = self.request("CreateDistribution", inputs, target)["DistributionConfig"]
        for origin in config["Origins"]["Items"]:
            origin |= {"CustomHeaders": {"Quantity": 0}, "S3OriginConfig": {"OriginAccessIdentity": ""}}
        if (behavior := inputs.object("defaultCacheBehavior")) is not None:
            methods = behavior.require("cachedMethods")
            config["DefaultCacheBehavior"]["AllowedMethods"]["CachedMethods"] = {
                "Quantity": len(methods),
                "Items": methods,
            }
        return {"CallerReference": caller_reference, "Comment": "", **config}
