"""CloudFront: distributions of private buckets."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from labelstack.engines import requests
from labelstack.engines.inputs import Inputs
from labelstack.engines.naming import AutoName
from labelstack.engines.provisioners.base import Provisioner, Recorded, Resource, Target, provisions, retag, tag_list
from labelstack.errors import DeployError

HOSTED_ZONE = "Z2FDTNDATAQYW2"  # of every distribution


@provisions("aws:cloudfront/originAccessControl:OriginAccessControl")
class OriginAccessControl(Provisioner):
    """A distribution's signing of requests to an origin."""

    auto_name = AutoName("name", 64)
    replaced_by = frozenset({"name"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        """Make it."""
        client = target.client("cloudfront")
        control = client.create_origin_access_control(OriginAccessControlConfig=self._config(client, inputs))
        return self._resource(control)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change it."""
        client = target.client("cloudfront")
        etag = client.get_origin_access_control(Id=old.id)["ETag"]
        config = self._config(client, inputs)
        client.update_origin_access_control(Id=old.id, IfMatch=etag, OriginAccessControlConfig=config)
        return self._resource(client.get_origin_access_control(Id=old.id))

    def delete(self, old: Recorded, target: Target) -> None:
        """Remove it."""
        client = target.client("cloudfront")
        client.delete_origin_access_control(Id=old.id, IfMatch=client.get_origin_access_control(Id=old.id)["ETag"])

    @staticmethod
    def _config(client: Any, inputs: Inputs) -> dict[str, Any]:
        names = {"originAccessControlOriginType": "OriginAccessControlOriginType"}
        operation, member = "CreateOriginAccessControl", "OriginAccessControlConfig"
        return requests.build_member(client, operation, member, inputs, names)

    @staticmethod
    def _resource(answer: Mapping[str, Any]) -> Resource:
        return Resource(answer["OriginAccessControl"]["Id"], {"etag": answer["ETag"]})


@provisions("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy")
class ResponseHeadersPolicy(Provisioner):
    """Headers that a distribution adds."""

    auto_name = AutoName("name", 128)
    replaced_by = frozenset({"name"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        """Make it."""
        client = target.client("cloudfront")
        return self._resource(client.create_response_headers_policy(ResponseHeadersPolicyConfig=_headers(inputs)))

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change it."""
        client = target.client("cloudfront")
        etag = client.get_response_headers_policy(Id=old.id)["ETag"]
        changed = client.update_response_headers_policy(
            Id=old.id, IfMatch=etag, ResponseHeadersPolicyConfig=_headers(inputs)
        )
        return self._resource(changed)

    def delete(self, old: Recorded, target: Target) -> None:
        """Remove it."""
        client = target.client("cloudfront")
        etag = client.get_response_headers_policy(Id=old.id)["ETag"]
        client.delete_response_headers_policy(Id=old.id, IfMatch=etag)

    @staticmethod
    def _resource(answer: Mapping[str, Any]) -> Resource:
        return Resource(answer["ResponseHeadersPolicy"]["Id"], {"etag": answer["ETag"]})


@provisions("aws:cloudfront/distribution:Distribution")
class Distribution(Provisioner):
    """A distribution; an emulator's is ready at once."""

    replaced_by = frozenset({"staging"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        """Make it."""
        client, tags = target.client("cloudfront"), target.tags(inputs)
        config = _distribution(inputs, f"labelstack-{secrets.token_hex(8)}")
        answer = client.create_distribution_with_tags(
            DistributionConfigWithTags={"DistributionConfig": config, "Tags": {"Items": tag_list(tags)}}
        )
        return self._resource(answer, config, tags)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change it."""
        client, tags = target.client("cloudfront"), target.tags(inputs)
        config = _distribution(inputs, old.outputs["callerReference"])
        etag = client.get_distribution(Id=old.id)["ETag"]
        changed = client.update_distribution(Id=old.id, IfMatch=etag, DistributionConfig=config)
        retag(client, changed["Distribution"]["ARN"], old, tags)
        return self._resource(changed, config, tags)

    def delete(self, old: Recorded, target: Target) -> None:
        """Switch it off, as AWS wants it, and remove it."""
        client = target.client("cloudfront")
        current = client.get_distribution_config(Id=old.id)
        config = {**current["DistributionConfig"], "Enabled": False}
        off = client.update_distribution(Id=old.id, IfMatch=current["ETag"], DistributionConfig=config)
        client.delete_distribution(Id=old.id, IfMatch=off["ETag"])

    @staticmethod
    def _resource(answer: Mapping[str, Any], config: Mapping[str, Any], tags: dict[str, str]) -> Resource:
        distribution = answer["Distribution"]
        outputs = {
            "arn": distribution["ARN"],
            "callerReference": config["CallerReference"],
            "domainName": distribution["DomainName"],
            "etag": answer["ETag"],
            "hostedZoneId": HOSTED_ZONE,
            "status": distribution["Status"],
            "tagsAll": tags,
        }
        return Resource(distribution["Id"], outputs)


def _headers(inputs: Inputs) -> dict[str, Any]:
    """Return CloudFront's form of a response headers policy. Supported are security headers and custom headers."""
    config: dict[str, Any] = {"Name": inputs.require("name"), "Comment": inputs.get("comment", "")}
    if security := inputs.object("securityHeadersConfig"):
        config["SecurityHeadersConfig"] = {
            member: {target: part.require(property) for property, target in properties.items() if property in part}
            for name, (member, properties) in _SECURITY_HEADERS.items()
            if (part := security.object(name)) is not None
        }
    if custom := inputs.object("customHeadersConfig"):
        items = [
            {
                "Header": header.require("header"),
                "Value": header.require("value"),
                "Override": header.require("override"),
            }
            for header in custom.objects("items")
        ]
        config["CustomHeadersConfig"] = {"Quantity": len(items), "Items": items}
    return config


_SECURITY_HEADERS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "contentSecurityPolicy": (
        "ContentSecurityPolicy",
        {"override": "Override", "contentSecurityPolicy": "ContentSecurityPolicy"},
    ),
    "contentTypeOptions": ("ContentTypeOptions", {"override": "Override"}),
    "frameOptions": ("FrameOptions", {"override": "Override", "frameOption": "FrameOption"}),
    "referrerPolicy": ("ReferrerPolicy", {"override": "Override", "referrerPolicy": "ReferrerPolicy"}),
    "strictTransportSecurity": (
        "StrictTransportSecurity",
        {
            "override": "Override",
            "accessControlMaxAgeSec": "AccessControlMaxAgeSec",
            "includeSubdomains": "IncludeSubdomains",
            "preload": "Preload",
        },
    ),
}


def _distribution(inputs: Inputs, caller_reference: str) -> dict[str, Any]:
    """Return CloudFront's form of a distribution. Supported are S3 origins with one cache behaviour."""
    behavior, certificate = inputs.object("defaultCacheBehavior"), inputs.object("viewerCertificate")
    restrictions = inputs.object("restrictions")
    geography = restrictions.object("geoRestriction") if restrictions else None
    if behavior is None or certificate is None or geography is None:
        raise DeployError("defaultCacheBehavior, viewerCertificate and restrictions.geoRestriction are required")
    inputs.get("waitForDeployment")  # there is nothing to wait for
    origins = [
        {
            "Id": origin.require("originId"),
            "DomainName": origin.require("domainName"),
            "OriginPath": origin.get("originPath", ""),
            "OriginAccessControlId": origin.get("originAccessControlId", ""),
            "CustomHeaders": {"Quantity": 0},
            "S3OriginConfig": {"OriginAccessIdentity": ""},
        }
        for origin in inputs.objects("origins")
    ]
    allowed, cached = _listed(behavior.require("allowedMethods")), _listed(behavior.require("cachedMethods"))
    cache_behavior = {
        "TargetOriginId": behavior.require("targetOriginId"),
        "ViewerProtocolPolicy": behavior.require("viewerProtocolPolicy"),
        "AllowedMethods": {**allowed, "CachedMethods": cached},
        "Compress": bool(behavior.get("compress", False)),
        "CachePolicyId": behavior.require("cachePolicyId"),
    }
    if policy := behavior.get("responseHeadersPolicyId"):
        cache_behavior["ResponseHeadersPolicyId"] = policy
    return {
        "CallerReference": caller_reference,
        "Comment": inputs.get("comment", ""),
        "Enabled": bool(inputs.require("enabled")),
        "IsIPV6Enabled": bool(inputs.get("isIpv6Enabled", False)),
        "HttpVersion": inputs.get("httpVersion", "http2"),
        "PriceClass": inputs.get("priceClass", "PriceClass_All"),
        "DefaultRootObject": inputs.get("defaultRootObject", ""),
        "Origins": {"Quantity": len(origins), "Items": origins},
        "DefaultCacheBehavior": cache_behavior,
        "Restrictions": {
            "GeoRestriction": {"RestrictionType": geography.require("restrictionType"), "Quantity": 0},
        },
        "ViewerCertificate": {
            "CloudFrontDefaultCertificate": bool(certificate.require("cloudfrontDefaultCertificate"))
        },
    }


def _listed(items: list[str]) -> dict[str, Any]:
    return {"Quantity": len(items), "Items": items}
