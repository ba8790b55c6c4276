"""Cognito identity pools."""

from __future__ import annotations

from typing import Any

from labelstack.engines import requests
from labelstack.engines.inputs import Inputs
from labelstack.engines.provisioners.base import Provisioner, Recorded, Resource, Setting, Target, provisions


@provisions("aws:cognito/identityPool:IdentityPool")
class IdentityPool(Provisioner):
    """A pool; its id has the region in it."""

    tagged = "cognito-identity"
    replaced_by = frozenset({"developerProviderName"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        client, tags = target.client("cognito-identity"), target.tags(inputs)
        pool = client.create_identity_pool(**self._request(client, "CreateIdentityPool", inputs), IdentityPoolTags=tags)
        return self._resource(pool["IdentityPoolId"], target)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        client = target.client("cognito-identity")
        request = self._request(client, "UpdateIdentityPool", inputs)
        client.update_identity_pool(IdentityPoolId=old.id, **request)
        return self._resource(old.id, target)

    def delete(self, old: Recorded, target: Target) -> None:
        target.client("cognito-identity").delete_identity_pool(IdentityPoolId=old.id)

    @staticmethod
    def _request(client: Any, operation: str, inputs: Inputs) -> dict[str, Any]:
        request = requests.build(client, operation, inputs, by_hand=("tags", "allowUnauthenticatedIdentities"))
        return request | {"AllowUnauthenticatedIdentities": bool(inputs.get("allowUnauthenticatedIdentities", False))}

    @staticmethod
    def _resource(pool_id: str, target: Target) -> Resource:
        return Resource(pool_id, {"arn": target.arn("cognito-identity", f"identitypool/{pool_id}")})


@provisions("aws:cognito/identityPoolRoleAttachment:IdentityPoolRoleAttachment")
class IdentityPoolRoleAttachment(Setting):
    """The roles of a pool's identities; its id is the pool's."""

    replaced_by = frozenset({"identityPoolId"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        pool_id = str(inputs.require("identityPoolId"))
        target.client("cognito-identity").set_identity_pool_roles(IdentityPoolId=pool_id, Roles=inputs.require("roles"))
        return Resource(pool_id)

    def delete(self, old: Recorded, target: Target) -> None:
        """Remove the roles."""
        target.client("cognito-identity").set_identity_pool_roles(IdentityPoolId=old.id, Roles={})
