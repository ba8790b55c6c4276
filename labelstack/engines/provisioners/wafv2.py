"""AWS WAF: web ACLs of a region, and their associations."""

from __future__ import annotations

from typing import Any

from labelstack.engines import requests
from labelstack.engines.inputs import Inputs
from labelstack.engines.naming import AutoName
from labelstack.engines.provisioners.base import Provisioner, Recorded, Resource, Target, provisions, tag_list


@provisions("aws:wafv2/webAcl:WebAcl")
class WebAcl(Provisioner):
    """A web ACL; its id is AWS WAF's."""

    tagged = "wafv2"
    auto_name = AutoName("name", 128)
    replaced_by = frozenset({"name", "scope"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        tags = target.tags(inputs)
        request = _request("CreateWebACL", inputs, target) | ({"Tags": tag_list(tags)} if tags else {})
        summary = target.client("wafv2").create_web_acl(**request)["Summary"]
        return Resource(summary["Id"], {"arn": summary["ARN"], "name": summary["Name"]})

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change the rules."""
        request = _request("UpdateWebACL", inputs, target)
        target.client("wafv2").update_web_acl(**request, Id=old.id, LockToken=_lock(old, target))
        return Resource(old.id, old.outputs)

    def delete(self, old: Recorded, target: Target) -> None:
        """Remove the web ACL, after the engine has removed its associations."""
        target.client("wafv2").delete_web_acl(
            Name=old.outputs["name"], Scope=old.inputs["scope"], Id=old.id, LockToken=_lock(old, target)
        )


@provisions("aws:wafv2/webAclAssociation:WebAclAssociation")
class WebAclAssociation(Provisioner):
    """The association of a web ACL with a resource; its id consists of both ARNs, as Pulumi's."""

    replaced_by = frozenset({"resourceArn", "webAclArn"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        """Protect the resource."""
        resource, acl = str(inputs.require("resourceArn")), str(inputs.require("webAclArn"))
        target.client("wafv2").associate_web_acl(ResourceArn=resource, WebACLArn=acl)
        return Resource(f"{acl},{resource}")

    def delete(self, old: Recorded, target: Target) -> None:
        """Stop protecting the resource."""
        target.client("wafv2").disassociate_web_acl(ResourceArn=old.inputs["resourceArn"])


def _request(operation: str, inputs: Inputs, target: Target) -> dict[str, Any]:
    return requests.build(target.client("wafv2"), operation, inputs, by_hand=("tags",))


def _lock(old: Recorded, target: Target) -> str:
    """Return the token of the present version, without which AWS WAF changes nothing."""
    acl = target.client("wafv2").get_web_acl(Name=old.outputs["name"], Scope=old.inputs["scope"], Id=old.id)
    return str(acl["LockToken"])
