"""IAM: roles and policies."""

from __future__ import annotations

from typing import Any

from labelstack.engines.inputs import Inputs
from labelstack.engines.naming import AutoName
from labelstack.engines.provisioners.base import (
    Provisioner,
    Recorded,
    Resource,
    Setting,
    Target,
    provisions,
    retag,
    tag_list,
    tolerate,
)

GONE = ("NoSuchEntity",)


@provisions("aws:iam/role:Role")
class Role(Provisioner):
    """A role; its id is its name."""

    auto_name = AutoName("name", 64, prefix_property="namePrefix")
    replaced_by = frozenset({"name", "namePrefix", "path"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        """Make it, with its inline policies and attachments."""
        iam, name, tags = target.client("iam"), inputs.require("name"), target.tags(inputs)
        request: dict[str, Any] = {
            "RoleName": name,
            "AssumeRolePolicyDocument": inputs.require("assumeRolePolicy"),
            "Tags": tag_list(tags),
        }
        for property, member in (
            ("path", "Path"),
            ("description", "Description"),
            ("maxSessionDuration", "MaxSessionDuration"),
            ("permissionsBoundary", "PermissionsBoundary"),
        ):
            if (value := inputs.get(property)) is not None:
                request[member] = value
        role = iam.create_role(**request)["Role"]
        self._attach(inputs, iam, name)
        return self._resource(inputs, role, tags)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change what may change in place."""
        iam, name, tags = target.client("iam"), inputs.require("name"), target.tags(inputs)
        inputs.get("path")
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=inputs.require("assumeRolePolicy"))
        iam.update_role(
            RoleName=name,
            Description=inputs.get("description", ""),
            MaxSessionDuration=inputs.get("maxSessionDuration", 3600),
        )
        if boundary := inputs.get("permissionsBoundary"):
            iam.put_role_permissions_boundary(RoleName=name, PermissionsBoundary=boundary)
        elif old.inputs.get("permissionsBoundary"):
            iam.delete_role_permissions_boundary(RoleName=name)
        for arn in set(old.inputs.get("managedPolicyArns") or ()) - set(inputs.get("managedPolicyArns") or ()):
            iam.detach_role_policy(RoleName=name, PolicyArn=arn)
        kept = {policy.get("name") for policy in inputs.objects("inlinePolicies")}
        for policy in old.inputs.get("inlinePolicies") or ():
            if policy["name"] not in kept:
                iam.delete_role_policy(RoleName=name, PolicyName=policy["name"])
        self._attach(inputs, iam, name)
        retag(iam, name, old, tags, "role")
        return self._resource(inputs, iam.get_role(RoleName=name)["Role"], tags)

    def delete(self, old: Recorded, target: Target) -> None:
        """Remove it with what the role itself attached, or all if `forceDetachPolicies` says so."""
        iam = target.client("iam")
        with tolerate(*GONE):
            force = old.inputs.get("forceDetachPolicies")
            names = [policy["name"] for policy in old.inputs.get("inlinePolicies") or ()]
            arns = list(old.inputs.get("managedPolicyArns") or ())
            if force:
                names = iam.list_role_policies(RoleName=old.id)["PolicyNames"]
                attached = iam.list_attached_role_policies(RoleName=old.id)["AttachedPolicies"]
                arns = [policy["PolicyArn"] for policy in attached]
            for name in names:
                iam.delete_role_policy(RoleName=old.id, PolicyName=name)
            for arn in arns:
                iam.detach_role_policy(RoleName=old.id, PolicyArn=arn)
            iam.delete_role(RoleName=old.id)

    def find(self, inputs: Inputs, target: Target) -> Resource | None:
        """By its name."""
        with tolerate(*GONE):
            return Resource(target.client("iam").get_role(RoleName=inputs.require("name"))["Role"]["RoleName"])
        return None

    @staticmethod
    def _attach(inputs: Inputs, iam: Any, name: str) -> None:
        inputs.get("namePrefix"), inputs.get("forceDetachPolicies")  # in the name; read from the record
        for policy in inputs.objects("inlinePolicies"):
            iam.put_role_policy(
                RoleName=name, PolicyName=policy.require("name"), PolicyDocument=policy.require("policy")
            )
        for arn in inputs.get("managedPolicyArns") or ():
            iam.attach_role_policy(RoleName=name, PolicyArn=arn)

    @staticmethod
    def _resource(inputs: Inputs, role: dict[str, Any], tags: dict[str, str]) -> Resource:
        outputs = {
            "arn": role["Arn"],
            "name": role["RoleName"],
            "path": role["Path"],
            "uniqueId": role["RoleId"],
            "createDate": role["CreateDate"].isoformat(),
            "maxSessionDuration": inputs.get("maxSessionDuration", 3600),
            "tagsAll": tags,
        }
        return Resource(role["RoleName"], outputs)


@provisions("aws:iam/rolePolicy:RolePolicy")
class RolePolicy(Setting):
    """A policy inside a role; its id is `role:name`."""

    auto_name = AutoName("name", 128, prefix_property="namePrefix")
    replaced_by = frozenset({"name", "namePrefix", "role"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        """Put it."""
        inputs.get("namePrefix")  # is in the name
        role, name = inputs.require("role"), inputs.require("name")
        target.client("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=inputs.require("policy"))
        return Resource(f"{role}:{name}", {"name": name})

    def delete(self, old: Recorded, target: Target) -> None:
        """Remove it."""
        role, _, name = old.id.partition(":")
        with tolerate(*GONE):
            target.client("iam").delete_role_policy(RoleName=role, PolicyName=name)

    def find(self, inputs: Inputs, target: Target) -> Resource | None:
        """By its role and name."""
        role, name = inputs.require("role"), inputs.require("name")
        with tolerate(*GONE):
            target.client("iam").get_role_policy(RoleName=role, PolicyName=name)
            return Resource(f"{role}:{name}")
        return None


@provisions("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
class RolePolicyAttachment(Provisioner):
    """A managed policy attached to a role."""

    def create(self, inputs: Inputs, target: Target) -> Resource:
        """Attach it."""
        role, arn = inputs.require("role"), inputs.require("policyArn")
        target.client("iam").attach_role_policy(RoleName=role, PolicyArn=arn)
        return Resource(f"{role}/{arn}")

    def delete(self, old: Recorded, target: Target) -> None:
        """Detach it."""
        with tolerate(*GONE):
            target.client("iam").detach_role_policy(RoleName=old.inputs["role"], PolicyArn=old.inputs["policyArn"])


@provisions("aws:iam/policy:Policy")
class Policy(Provisioner):
    """A managed policy; its id is its ARN."""

    auto_name = AutoName("name", 128, prefix_property="namePrefix")
    replaced_by = frozenset({"name", "namePrefix", "path", "description"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        """Make it."""
        inputs.get("namePrefix")  # is in the name
        tags = target.tags(inputs)
        request = {
            "PolicyName": inputs.require("name"),
            "PolicyDocument": inputs.require("policy"),
            "Path": inputs.get("path", "/"),
            "Description": inputs.get("description", ""),
            "Tags": tag_list(tags),
        }
        policy = target.client("iam").create_policy(**request)["Policy"]
        outputs = {
            "arn": policy["Arn"],
            "name": policy["PolicyName"],
            "path": policy["Path"],
            "policyId": policy["PolicyId"],
            "tagsAll": tags,
        }
        return Resource(policy["Arn"], outputs)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Make a new version the default one and drop the others."""
        iam, tags = target.client("iam"), target.tags(inputs)
        for name in ("name", "namePrefix", "path", "description"):
            inputs.get(name)
        iam.create_policy_version(PolicyArn=old.id, PolicyDocument=inputs.require("policy"), SetAsDefault=True)
        self._drop_versions(iam, old.id)
        retag(iam, old.id, old, tags, "policy")
        return Resource(old.id, {**old.outputs, "tagsAll": tags})

    def delete(self, old: Recorded, target: Target) -> None:
        """Remove it with all versions."""
        iam = target.client("iam")
        with tolerate(*GONE):
            self._drop_versions(iam, old.id)
            iam.delete_policy(PolicyArn=old.id)

    def find(self, inputs: Inputs, target: Target) -> Resource | None:
        """By its name."""
        arn = target.arn("iam", f"policy{inputs.get('path', '/')}{inputs.require('name')}", region=False)
        with tolerate(*GONE):
            return Resource(target.client("iam").get_policy(PolicyArn=arn)["Policy"]["Arn"])
        return None

    @staticmethod
    def _drop_versions(iam: Any, arn: str) -> None:
        for version in iam.list_policy_versions(PolicyArn=arn)["Versions"]:
            if not version["IsDefaultVersion"]:
                iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
