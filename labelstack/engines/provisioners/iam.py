"""IAM: roles and policies."""

from __future__ import annotations

from typing import Any

from labelstack.engines.inputs import Inputs
from labelstack.engines.naming import AutoName
from labelstack.engines.provisioners.base import Provisioner, Recorded, Resource, Setting, Target, provisions, tag_list


@provisions("aws:iam/role:Role")
class Role(Provisioner):
    """A role; its id is its name."""

    tagged = "iam"
    auto_name = AutoName("name", 64)
    replaced_by = frozenset({"name"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        tags = target.tags(inputs)
        role = target.client("iam").create_role(
            RoleName=inputs.require("name"),
            AssumeRolePolicyDocument=inputs.require("assumeRolePolicy"),
            Tags=tag_list(tags),
        )
        return self._resource(role["Role"])

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change the trust policy."""
        iam, name = target.client("iam"), inputs.require("name")
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=inputs.require("assumeRolePolicy"))
        return self._resource(iam.get_role(RoleName=name)["Role"])

    def delete(self, old: Recorded, target: Target) -> None:
        """Remove the role, after the engine has removed its policies."""
        target.client("iam").delete_role(RoleName=old.id)

    def find(self, inputs: Inputs, target: Target) -> str | None:
        """Find the resource by its name."""
        return str(target.client("iam").get_role(RoleName=inputs.require("name"))["Role"]["RoleName"])

    @staticmethod
    def _resource(role: dict[str, Any]) -> Resource:
        outputs = {"arn": role["Arn"], "name": role["RoleName"], "uniqueId": role["RoleId"]}
        return Resource(role["RoleName"], outputs)


@provisions("aws:iam/rolePolicy:RolePolicy")
class RolePolicy(Setting):
    """A policy inside a role; its id is `role:name`."""

    auto_name = AutoName("name", 128)
    replaced_by = frozenset({"name", "role"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        role, name = inputs.require("role"), inputs.require("name")
        target.client("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=inputs.require("policy"))
        return Resource(f"{role}:{name}", {"name": name})

    def delete(self, old: Recorded, target: Target) -> None:
        role, _, name = old.id.partition(":")
        target.client("iam").delete_role_policy(RoleName=role, PolicyName=name)

    def find(self, inputs: Inputs, target: Target) -> str | None:
        """Find the resource by its role and name."""
        role, name = inputs.require("role"), inputs.require("name")
        target.client("iam").get_role_policy(RoleName=role, PolicyName=name)
        return f"{role}:{name}"


@provisions("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
class RolePolicyAttachment(Provisioner):
    """A managed policy attached to a role."""

    def create(self, inputs: Inputs, target: Target) -> Resource:
        role, arn = inputs.require("role"), inputs.require("policyArn")
        target.client("iam").attach_role_policy(RoleName=role, PolicyArn=arn)
        return Resource(f"{role}/{arn}")

    def delete(self, old: Recorded, target: Target) -> None:
        target.client("iam").detach_role_policy(RoleName=old.inputs["role"], PolicyArn=old.inputs["policyArn"])
