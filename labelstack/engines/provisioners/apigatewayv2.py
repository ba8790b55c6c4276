"""API Gateway's HTTP APIs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore import xform_name

from labelstack.engines import requests
from labelstack.engines.inputs import Inputs
from labelstack.engines.naming import AutoName
from labelstack.engines.provisioners.base import Provisioner, Recorded, Resource, Target, provisions


@provisions("aws:apigatewayv2/api:Api")
class Api(Provisioner):
    """An HTTP API without routes; its id is API Gateway's."""

    tagged = "apigatewayv2"
    auto_name = AutoName("name", 128)
    replaced_by = frozenset({"protocolType"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        client, tags = target.client("apigatewayv2"), target.tags(inputs)
        request = requests.build(client, "CreateApi", inputs, by_hand=("tags",))
        return self._resource(client.create_api(**request, Tags=tags), target)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change the name and CORS."""
        client = target.client("apigatewayv2")
        request = requests.build(client, "UpdateApi", inputs, by_hand=("tags",))
        if old.inputs.get("corsConfiguration") and "CorsConfiguration" not in request:
            client.delete_cors_configuration(ApiId=old.id)
        changed = client.update_api(ApiId=old.id, **request)
        return self._resource(changed, target)

    def delete(self, old: Recorded, target: Target) -> None:
        target.client("apigatewayv2").delete_api(ApiId=old.id)

    def find(self, inputs: Inputs, target: Target) -> str | None:
        """Find the resource by its name."""
        apis = target.client("apigatewayv2").get_apis()["Items"]
        return next((str(api["ApiId"]) for api in apis if api["Name"] == inputs.require("name")), None)

    @staticmethod
    def _resource(api: Mapping[str, Any], target: Target) -> Resource:
        api_id = str(api["ApiId"])
        outputs = {
            "arn": f"arn:aws:apigateway:{target.region}::/apis/{api_id}",
            "apiEndpoint": f"{target.cloud.endpoint_url}/_aws/execute-api/{api_id}",
            "executionArn": target.arn("execute-api", api_id),
        }
        return Resource(api_id, outputs)


class Part(Provisioner):
    """A part of an API; its id is API Gateway's."""

    kind = ""

    def create(self, inputs: Inputs, target: Target) -> Resource:
        return Resource(self._call(target, f"Create{self.kind}", inputs)[f"{self.kind}Id"])

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        self._call(target, f"Update{self.kind}", inputs, **{f"{self.kind}Id": old.id})
        return Resource(old.id)

    def delete(self, old: Recorded, target: Target) -> None:
        request = {"ApiId": old.inputs["apiId"], f"{self.kind}Id": old.id}
        getattr(target.client("apigatewayv2"), f"delete_{self.kind.lower()}")(**request)

    @staticmethod
    def _call(target: Target, operation: str, inputs: Inputs, **more: str) -> dict[str, Any]:
        client = target.client("apigatewayv2")
        answer: dict[str, Any] = getattr(client, xform_name(operation))(**_build(client, operation, inputs), **more)
        return answer


@provisions("aws:apigatewayv2/integration:Integration")
class Integration(Part):
    """The target of a route."""

    replaced_by = frozenset({"apiId", "integrationType"})
    kind = "Integration"


@provisions("aws:apigatewayv2/route:Route")
class Route(Part):
    """A route: requests that go to one integration."""

    replaced_by = frozenset({"apiId"})
    kind = "Route"


@provisions("aws:apigatewayv2/stage:Stage")
class Stage(Provisioner):
    """An API under a name; its id is the name."""

    tagged = "apigatewayv2"
    replaced_by = frozenset({"apiId", "name"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        client, tags = target.client("apigatewayv2"), target.tags(inputs)
        request = _build(client, "CreateStage", inputs)
        client.create_stage(**request, Tags=tags)
        return self._resource(inputs, target)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        client = target.client("apigatewayv2")
        client.update_stage(**_build(client, "UpdateStage", inputs))
        return self._resource(inputs, target)

    def delete(self, old: Recorded, target: Target) -> None:
        target.client("apigatewayv2").delete_stage(ApiId=old.inputs["apiId"], StageName=old.inputs["name"])

    @staticmethod
    def _resource(inputs: Inputs, target: Target) -> Resource:
        api, name = inputs.require("apiId"), inputs.require("name")
        outputs = {
            "arn": f"arn:aws:apigateway:{target.region}::/apis/{api}/stages/{name}",
            "executionArn": target.arn("execute-api", f"{api}/{name}"),
            "invokeUrl": f"{target.cloud.endpoint_url}/_aws/execute-api/{api}/{name}",
        }
        return Resource(str(name), outputs)


# Where Pulumi's provider has another name than the API.
_NAMES = {"name": "StageName", "timeoutMilliseconds": "TimeoutInMillis", "defaultRouteSettings": "DefaultRouteSettings"}


def _build(client: Any, operation: str, inputs: Inputs) -> dict[str, Any]:
    return requests.build(client, operation, inputs, names=_NAMES, by_hand=("tags",))
