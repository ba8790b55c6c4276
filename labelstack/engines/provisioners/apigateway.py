"""API Gateway's REST APIs, their stages and keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labelstack.engines import requests
from labelstack.engines.inputs import Inputs
from labelstack.engines.naming import AutoName
from labelstack.engines.provisioners.base import Provisioner, Recorded, Resource, Setting, Target, provisions, text


@provisions("aws:apigateway/restApi:RestApi")
class RestApi(Provisioner):
    """A REST API from an OpenAPI document; its id is API Gateway's."""

    tagged = "apigateway"
    auto_name = AutoName("name", 255)
    replaced_by = frozenset({"endpointConfiguration"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        """Create the API with everything in its body."""
        client, tags = target.client("apigateway"), target.tags(inputs)
        api = client.create_rest_api(
            name=inputs.require("name"),
            endpointConfiguration={"types": _endpoint_types(inputs)},
            tags=tags,
        )
        if body := inputs.get("body"):
            client.put_rest_api(restApiId=api["id"], mode="overwrite", body=body.encode())
        return self._resource(api["id"], api["rootResourceId"], target)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change the API's name, and rebuild it if its body has changed."""
        client = target.client("apigateway")
        change = {"op": "replace", "path": "/name", "value": inputs.require("name")}
        client.update_rest_api(restApiId=old.id, patchOperations=[change])
        if (body := inputs.get("body")) != old.inputs.get("body"):
            client.put_rest_api(restApiId=old.id, mode="overwrite", body=(body or '{"paths":{}}').encode())
        return self._resource(old.id, old.outputs["rootResourceId"], target)

    def delete(self, old: Recorded, target: Target) -> None:
        target.client("apigateway").delete_rest_api(restApiId=old.id)

    def find(self, inputs: Inputs, target: Target) -> str | None:
        """Find the resource by its name."""
        pages = target.client("apigateway").get_paginator("get_rest_apis").paginate()
        apis = (api for page in pages for api in page["items"])
        return next((str(api["id"]) for api in apis if api["name"] == inputs.require("name")), None)

    @staticmethod
    def _resource(api_id: str, root_id: str, target: Target) -> Resource:
        outputs = {
            "arn": f"arn:aws:apigateway:{target.region}::/restapis/{api_id}",
            "executionArn": target.arn("execute-api", api_id),
            "rootResourceId": root_id,
        }
        return Resource(api_id, outputs)


@provisions("aws:apigateway/deployment:Deployment")
class Deployment(Provisioner):
    """A snapshot of a REST API; `triggers` says when a new one is needed."""

    replaced_by = frozenset({"restApi", "triggers"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        inputs.get("triggers")  # only triggers another deployment
        deployment = target.client("apigateway").create_deployment(restApiId=inputs.require("restApi"))
        return Resource(deployment["id"])

    def delete(self, old: Recorded, target: Target) -> None:
        target.client("apigateway").delete_deployment(restApiId=old.inputs["restApi"], deploymentId=old.id)


@provisions("aws:apigateway/stage:Stage")
class Stage(Provisioner):
    """A deployment under a name; the id is `ags-<api>-<stage>`."""

    tagged = "apigateway"
    replaced_by = frozenset({"restApi", "stageName"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        client, tags = target.client("apigateway"), target.tags(inputs)
        api, name = inputs.require("restApi"), inputs.require("stageName")
        client.create_stage(
            restApiId=api,
            stageName=name,
            deploymentId=inputs.require("deployment"),
            tags=tags,
        )
        return self._configured(inputs, target)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Point the stage to another deployment, and change its log."""
        client = target.client("apigateway")
        patch = [{"op": "replace", "path": "/deploymentId", "value": inputs.require("deployment")}]
        if old.inputs.get("accessLogSettings") and not inputs.object("accessLogSettings"):
            patch.append({"op": "remove", "path": "/accessLogSettings"})
        client.update_stage(
            restApiId=inputs.require("restApi"), stageName=inputs.require("stageName"), patchOperations=patch
        )
        return self._configured(inputs, target)

    def delete(self, old: Recorded, target: Target) -> None:
        target.client("apigateway").delete_stage(restApiId=old.inputs["restApi"], stageName=old.inputs["stageName"])

    @staticmethod
    def _configured(inputs: Inputs, target: Target) -> Resource:
        api, name = inputs.require("restApi"), inputs.require("stageName")
        if log := inputs.object("accessLogSettings"):
            patch = [
                {"op": "replace", "path": "/accessLogSettings/destinationArn", "value": log.require("destinationArn")},
                {"op": "replace", "path": "/accessLogSettings/format", "value": log.require("format")},
            ]
            target.client("apigateway").update_stage(restApiId=api, stageName=name, patchOperations=patch)
        outputs = {
            "arn": f"arn:aws:apigateway:{target.region}::/restapis/{api}/stages/{name}",
            "executionArn": target.arn("execute-api", f"{api}/{name}"),
            "invokeUrl": f"{target.cloud.endpoint_url}/_aws/execute-api/{api}/{name}",
        }
        return Resource(f"ags-{api}-{name}", outputs)


@provisions("aws:apigateway/methodSettings:MethodSettings")
class MethodSettings(Setting):
    """Throttling and logging of a stage's methods; the id is `<api>-<stage>-<methods>`."""

    replaced_by = frozenset({"restApi", "stageName", "methodPath"})
    _PATHS: Mapping[str, str] = {
        "throttlingRateLimit": "throttling/rateLimit",
        "throttlingBurstLimit": "throttling/burstLimit",
        "metricsEnabled": "metrics/enabled",
        "loggingLevel": "logging/loglevel",
        "dataTraceEnabled": "logging/dataTrace",
    }

    def create(self, inputs: Inputs, target: Target) -> Resource:
        api, stage = inputs.require("restApi"), inputs.require("stageName")
        methods, settings = inputs.require("methodPath"), inputs.object("settings")
        assert settings is not None  # Pulumi requires it
        patch = [
            {"op": "replace", "path": f"/{methods}/{path}", "value": text(settings.get(name))}
            for name, path in self._PATHS.items()
            if name in settings
        ]
        target.client("apigateway").update_stage(restApiId=api, stageName=stage, patchOperations=patch)
        return Resource(f"{api}-{stage}-{methods}")

    def delete(self, old: Recorded, target: Target) -> None:
        """Remove the settings, if the stage still exists."""
        target.client("apigateway").update_stage(
            restApiId=old.inputs["restApi"],
            stageName=old.inputs["stageName"],
            patchOperations=[{"op": "remove", "path": f"/{old.inputs['methodPath']}"}],
        )


@provisions("aws:apigateway/account:Account")
class Account(Setting):
    """The account's settings, of which there is one: the role by which API Gateway writes logs."""

    def create(self, inputs: Inputs, target: Target) -> Resource:
        """Set the role."""
        self._set(target, str(inputs.get("cloudwatchRoleArn", "")))
        return Resource("api-gateway-account")

    def delete(self, old: Recorded, target: Target) -> None:
        """Remove the role, as the real provider does."""
        self._set(target, "")

    @staticmethod
    def _set(target: Target, role_arn: str) -> None:
        target.client("apigateway").update_account(
            patchOperations=[{"op": "replace", "path": "/cloudwatchRoleArn", "value": role_arn}]
        )


@provisions("aws:apigateway/apiKey:ApiKey")
class ApiKey(Provisioner):
    """A key; its id is not the key itself."""

    tagged = "apigateway"
    auto_name = AutoName("name", 255)
    replaced_by = frozenset({"value"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        client, tags = target.client("apigateway"), target.tags(inputs)
        request = requests.build(client, "CreateApiKey", inputs, by_hand=("tags", "enabled"))
        api_key = client.create_api_key(**request, enabled=bool(inputs.get("enabled", True)), tags=tags)
        return self._resource(api_key, target)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change the key's description, and whether it is enabled."""
        client = target.client("apigateway")
        values = {
            "name": inputs.require("name"),
            "description": inputs.get("description", ""),
            "enabled": inputs.get("enabled", True),
        }
        patch = [{"op": "replace", "path": f"/{name}", "value": text(value)} for name, value in values.items()]
        client.update_api_key(apiKey=old.id, patchOperations=patch)
        return self._resource(client.get_api_key(apiKey=old.id, includeValue=True), target)

    def delete(self, old: Recorded, target: Target) -> None:
        target.client("apigateway").delete_api_key(apiKey=old.id)

    def find(self, inputs: Inputs, target: Target) -> str | None:
        """Find the resource by its name."""
        api_keys = target.client("apigateway").get_api_keys(nameQuery=inputs.require("name"))["items"]
        return str(api_keys[0]["id"]) if api_keys else None

    @staticmethod
    def _resource(api_key: Mapping[str, Any], target: Target) -> Resource:
        arn = f"arn:aws:apigateway:{target.region}::/apikeys/{api_key['id']}"
        return Resource(api_key["id"], {"arn": arn, "value": api_key["value"]})


@provisions("aws:apigateway/usagePlan:UsagePlan")
class UsagePlan(Provisioner):
    """A usage plan: the stages that its keys open, with quota and throttle."""

    tagged = "apigateway"
    auto_name = AutoName("name", 255)
    replaced_by = frozenset({"name", "apiStages", "throttleSettings", "quotaSettings", "description"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        client, tags = target.client("apigateway"), target.tags(inputs)
        names = {"throttleSettings": "throttle", "quotaSettings": "quota"}
        request = requests.build(client, "CreateUsagePlan", inputs, names=names, by_hand=("tags",))
        plan_id = client.create_usage_plan(**request, tags=tags)["id"]
        return Resource(plan_id, {"arn": f"arn:aws:apigateway:{target.region}::/usageplans/{plan_id}"})

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Keep the plan: any change but of its tags creates another."""
        return Resource(old.id, old.outputs)

    def delete(self, old: Recorded, target: Target) -> None:
        """Remove the plan, after its stages, as AWS requires."""
        client = target.client("apigateway")
        stages = [f"{api_stage['apiId']}:{api_stage['stage']}" for api_stage in old.inputs.get("apiStages") or ()]
        patch = [{"op": "remove", "path": "/apiStages", "value": stage} for stage in stages]
        if patch:
            client.update_usage_plan(usagePlanId=old.id, patchOperations=patch)
        client.delete_usage_plan(usagePlanId=old.id)


@provisions("aws:apigateway/usagePlanKey:UsagePlanKey")
class UsagePlanKey(Provisioner):
    """A key in a plan."""

    def create(self, inputs: Inputs, target: Target) -> Resource:
        client = target.client("apigateway")
        plan_key = client.create_usage_plan_key(**requests.build(client, "CreateUsagePlanKey", inputs))
        return Resource(plan_key["id"], {"name": plan_key.get("name", ""), "value": plan_key.get("value", "")})

    def delete(self, old: Recorded, target: Target) -> None:
        target.client("apigateway").delete_usage_plan_key(usagePlanId=old.inputs["usagePlanId"], keyId=old.id)


def _endpoint_types(inputs: Inputs) -> list[str]:
    endpoint = inputs.object("endpointConfiguration")
    types = endpoint.get("types", "REGIONAL") if endpoint else "REGIONAL"
    return types if isinstance(types, list) else [types]
