"""Identities: IAM's roles and their policies, Cognito's identity pools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labelstack.engines.inputs import Inputs
from labelstack.engines.provisioners.base import AutoName, Provisioner, Recorded, Resource, Target, provisions


@provisions("aws:iam/role:Role")
class Role(Provisioner):
    """A role; its id is its name. The engine removes its policies before it."""

    service, creates, deletes, finds = "iam", "CreateRole", "DeleteRole", "GetRole"
    id = "{inputs[name]}"
    outputs: Mapping[str, str] = {
        "arn": "{answer[Role][Arn]}",
        "name": "{inputs[name]}",
        "uniqueId": "{answer[Role][RoleId]}",
    }
    names: Mapping[str, str] = {"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument"}
    tagged = True
    auto_name = AutoName("name", 64)
    replaced_by = frozenset({"name", "description", "maxSessionDuration", "path", "permissionsBoundary"})

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change the trust policy."""
        policy = inputs.require("assumeRolePolicy")
        target.client("iam").update_assume_role_policy(RoleName=old.id, PolicyDocument=policy)
        return self.resource(old.id, {}, inputs, target, old)


@provisions("aws:iam/rolePolicy:RolePolicy")
class RolePolicy(Provisioner):
    """A policy inside a role; its id is `role:name`."""

    service, deletes, finds = "iam", "DeleteRolePolicy", "GetRolePolicy"
    creates = updates = "PutRolePolicy"
    id = "{inputs[role]}:{inputs[name]}"
    outputs: Mapping[str, str] = {"name": "{inputs[name]}"}
    names: Mapping[str, str] = {"name": "PolicyName", "role": "RoleName", "policy": "PolicyDocument"}
    auto_name = AutoName("name", 128)
    replaced_by = frozenset({"name", "role"})


@provisions("aws:iam/rolePolicyAttachment:RolePolicyAttachment")
class RolePolicyAttachment(Provisioner):
    """A managed policy attached to a role."""

    service, creates, deletes = "iam", "AttachRolePolicy", "DetachRolePolicy"
    id = "{inputs[role]}/{inputs[policyArn]}"
    names: Mapping[str, str] = {"role": "RoleName"}


@provisions("aws:cognito/identityPool:IdentityPool")
class IdentityPool(Provisioner):
    """A pool; its id has the region in it."""

    service, key, id = "cognito-identity", "IdentityPoolId", "{answer[IdentityPoolId]}"
    creates, updates, deletes = "CreateIdentityPool", "UpdateIdentityPool", "DeleteIdentityPool"
    outputs: Mapping[str, str] = {"arn": "arn:aws:cognito-identity:{target.region}:{target.account}:identitypool/{id}"}
    defaults: Mapping[str, Any] = {"AllowUnauthenticatedIdentities": False}
    tagged = True
    replaced_by = frozenset({"developerProviderName"})


@provisions("aws:cognito/identityPoolRoleAttachment:IdentityPoolRoleAttachment")
class IdentityPoolRoleAttachment(Provisioner):
    """The roles of a pool's identities; its id is the pool's."""

    service, id = "cognito-identity", "{inputs[identityPoolId]}"
    creates = updates = "SetIdentityPoolRoles"
    cleared: Mapping[str, Any] = {"Roles": {}}
    replaced_by = frozenset({"identityPoolId"})
