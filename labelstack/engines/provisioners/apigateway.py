"""API Gateway's REST and HTTP APIs, their stages and keys, and the firewall before them (AWS WAF)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labelstack.engines.inputs import Inputs
from labelstack.engines.provisioners.base import AutoName, Provisioner, Recorded, Resource, Target, provisions, text

ARN = "arn:aws:apigateway:{target.region}::"
EXECUTION_ARN = "arn:aws:execute-api:{target.region}:{target.account}:"
INVOKE_URL = "{target.cloud.endpoint_url}/_aws/execute-api/"


def _replace(values: Mapping[str, object]) -> list[dict[str, str]]:
    """Return the operations of a patch that set values by path."""
    return [{"op": "replace", "path": path, "value": text(value)} for path, value in values.items()]


@provisions("aws:apigateway/restApi:RestApi")
class RestApi(Provisioner):
    """A REST API from an OpenAPI document; its id is API Gateway's."""

    service, creates, deletes, key, id = "apigateway", "CreateRestApi", "DeleteRestApi", "restApiId", "{answer[id]}"
    outputs: Mapping[str, Any] = {
        "arn": ARN + "/restapis/{id}",
        "executionArn": EXECUTION_ARN + "{id}",
        "rootResourceId": "{answer[rootResourceId]}",
    }
    defaults: Mapping[str, Any] = {"endpointConfiguration": {"types": ["REGIONAL"]}}
    tagged = True
    auto_name = AutoName("name", 255)
    replaced_by = frozenset({"endpointConfiguration"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        """Create the API with everything in its body."""
        api = super().create(inputs, target)
        if body := inputs.get("body"):
            target.client("apigateway").put_rest_api(restApiId=api.id, mode="overwrite", body=body.encode())
        return api

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change the API's name, and rebuild it if its body has changed."""
        client = target.client("apigateway")
        client.update_rest_api(restApiId=old.id, patchOperations=_replace({"/name": inputs.require("name")}))
        if (body := inputs.get("body")) != old.inputs.get("body"):
            client.put_rest_api(restApiId=old.id, mode="overwrite", body=(body or '{"paths":{}}').encode())
        return self.resource(old.id, {}, inputs, target, old)

    def find(self, inputs: Inputs, target: Target) -> str | None:
        """Find the resource by its name."""
        pages = target.client("apigateway").get_paginator("get_rest_apis").paginate()
        apis = (api for page in pages for api in page["items"])
        return next((str(api["id"]) for api in apis if api["name"] == inputs.require("name")), None)


@provisions("aws:apigateway/deployment:Deployment")
class Deployment(Provisioner):
    """A snapshot of a REST API; `triggers` says when a new one is needed."""

    service, creates, deletes = "apigateway", "CreateDeployment", "DeleteDeployment"
    key, id = "deploymentId", "{answer[id]}"
    names: Mapping[str, str] = {"restApi": "restApiId"}
    unsent = ("triggers",)


@provisions("aws:apigateway/stage:Stage")
class Stage(Provisioner):
    """A deployment under a name; the id is `ags-<api>-<stage>`."""

    service, creates, deletes = "apigateway", "CreateStage", "DeleteStage"
    id = "ags-{inputs[restApi]}-{inputs[stageName]}"
    outputs: Mapping[str, Any] = {
        "arn": ARN + "/restapis/{inputs[restApi]}/stages/{inputs[stageName]}",
        "executionArn": EXECUTION_ARN + "{inputs[restApi]}/{inputs[stageName]}",
        "invokeUrl": INVOKE_URL + "{inputs[restApi]}/{inputs[stageName]}",
    }
    names: Mapping[str, str] = {"restApi": "restApiId", "deployment": "deploymentId"}
    tagged = True
    replaced_by = frozenset({"restApi", "stageName"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        stage = super().create(inputs, target)
        self._log(inputs, target)
        return stage

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Point the stage to another deployment, and change its log."""
        patch = _replace({"/deploymentId": inputs.require("deployment")})
        if old.inputs.get("accessLogSettings") and not inputs.object("accessLogSettings"):
            patch.append({"op": "remove", "path": "/accessLogSettings"})
        self._patch(inputs, target, patch)
        self._log(inputs, target)
        return self.resource(old.id, {}, inputs, target)

    def _log(self, inputs: Inputs, target: Target) -> None:
        if log := inputs.object("accessLogSettings"):
            values = {f"/accessLogSettings/{name}": log.require(name) for name in ("destinationArn", "format")}
            self._patch(inputs, target, _replace(values))

    @staticmethod
    def _patch(inputs: Inputs, target: Target, patch: list[dict[str, str]]) -> None:
        api, name = inputs.require("restApi"), inputs.require("stageName")
        target.client("apigateway").update_stage(restApiId=api, stageName=name, patchOperations=patch)


@provisions("aws:apigateway/methodSettings:MethodSettings")
class MethodSettings(Provisioner):
    """Throttling and logging of a stage's methods; the id is `<api>-<stage>-<methods>`."""

    service, id = "apigateway", "{inputs[restApi]}-{inputs[stageName]}-{inputs[methodPath]}"
    creates = updates = "UpdateStage"
    names: Mapping[str, str] = {"restApi": "restApiId"}
    by_hand = ("methodPath", "settings")
    replaced_by = frozenset({"restApi", "stageName", "methodPath"})
    _PATHS: Mapping[str, str] = {
        "throttlingRateLimit": "throttling/rateLimit",
        "throttlingBurstLimit": "throttling/burstLimit",
        "metricsEnabled": "metrics/enabled",
        "loggingLevel": "logging/loglevel",
        "dataTraceEnabled": "logging/dataTrace",
    }

    def request(self, operation: str, inputs: Inputs, target: Target, **parameters: Any) -> dict[str, Any]:
        """Return the parameters, with a patch of the settings."""
        methods, settings = inputs.require("methodPath"), inputs.object("settings")
        assert settings is not None  # Pulumi requires it
        paths = {name: f"/{methods}/{path}" for name, path in self._PATHS.items() if name in settings}
        patch = _replace({path: settings.get(name) for name, path in paths.items()})
        return super().request(operation, inputs, target, patchOperations=patch)

    def delete(self, old: Recorded, target: Target) -> None:
        """Remove the settings, if the stage still exists."""
        target.client("apigateway").update_stage(
            restApiId=old.inputs["restApi"],
            stageName=old.inputs["stageName"],
            patchOperations=[{"op": "remove", "path": f"/{old.inputs['methodPath']}"}],
        )


@provisions("aws:apigateway/account:Account")
class Account(Provisioner):
    """The account's settings, of which there is one: the role by which API Gateway writes logs."""

    service, id = "apigateway", "api-gateway-account"
    creates = updates = "UpdateAccount"
    cleared: Mapping[str, Any] = {"patchOperations": _replace({"/cloudwatchRoleArn": ""})}

    def request(self, operation: str, inputs: Inputs, target: Target, **parameters: Any) -> dict[str, Any]:
        """Return the parameters, with a patch of the role."""
        patch = _replace({"/cloudwatchRoleArn": inputs.get("cloudwatchRoleArn", "")})
        return super().request(operation, inputs, target, **{"patchOperations": patch, **parameters})


@provisions("aws:apigateway/apiKey:ApiKey")
class ApiKey(Provisioner):
    """A key; its id is not the key itself."""

    service, creates, deletes, key, id = "apigateway", "CreateApiKey", "DeleteApiKey", "apiKey", "{answer[id]}"
    outputs: Mapping[str, Any] = {"arn": ARN + "/apikeys/{id}", "value": "{answer[value]}"}
    defaults: Mapping[str, Any] = {"enabled": True}
    tagged = True
    auto_name = AutoName("name", 255)
    replaced_by = frozenset({"value"})

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change the key's description, and whether it is enabled."""
        values = {
            "/name": inputs.require("name"),
            "/description": inputs.get("description", ""),
            "/enabled": inputs.get("enabled", True),
        }
        target.client("apigateway").update_api_key(apiKey=old.id, patchOperations=_replace(values))
        return self.resource(old.id, {}, inputs, target, old)

    def find(self, inputs: Inputs, target: Target) -> str | None:
        """Find the resource by its name."""
        api_keys = target.client("apigateway").get_api_keys(nameQuery=inputs.require("name"))["items"]
        return str(api_keys[0]["id"]) if api_keys else None


@provisions("aws:apigateway/usagePlan:UsagePlan")
class UsagePlan(Provisioner):
    """A usage plan: the stages that its keys open, with quota and throttle."""

    service, creates, deletes = "apigateway", "CreateUsagePlan", "DeleteUsagePlan"
    key, id = "usagePlanId", "{answer[id]}"
    outputs: Mapping[str, Any] = {"arn": ARN + "/usageplans/{id}"}
    names: Mapping[str, str] = {"throttleSettings": "throttle", "quotaSettings": "quota"}
    tagged = True
    auto_name = AutoName("name", 255)
    replaced_by = frozenset({"name", "apiStages", "throttleSettings", "quotaSettings", "description"})

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Keep the plan: any change but of its tags creates another."""
        return self.resource(old.id, {}, inputs, target)

    def delete(self, old: Recorded, target: Target) -> None:
        """Remove the plan, after its stages, as AWS requires."""
        stages = [f"{api_stage['apiId']}:{api_stage['stage']}" for api_stage in old.inputs.get("apiStages") or ()]
        if patch := [{"op": "remove", "path": "/apiStages", "value": stage} for stage in stages]:
            target.client("apigateway").update_usage_plan(usagePlanId=old.id, patchOperations=patch)
        super().delete(old, target)


@provisions("aws:apigateway/usagePlanKey:UsagePlanKey")
class UsagePlanKey(Provisioner):
    """A key in a plan."""

    service, creates, deletes, id = "apigateway", "CreateUsagePlanKey", "DeleteUsagePlanKey", "{answer[id]}"
    outputs: Mapping[str, Any] = {"name": "{answer[name]}", "value": "{answer[value]}"}


@provisions("aws:apigatewayv2/api:Api")
class HttpApi(Provisioner):
    """An HTTP API without routes; its id is API Gateway's."""

    service, key, id = "apigatewayv2", "ApiId", "{answer[ApiId]}"
    creates, updates, deletes = "CreateApi", "UpdateApi", "DeleteApi"
    outputs: Mapping[str, Any] = {
        "arn": ARN + "/apis/{id}",
        "apiEndpoint": INVOKE_URL + "{id}",
        "executionArn": EXECUTION_ARN + "{id}",
    }
    tagged = True
    auto_name = AutoName("name", 128)
    replaced_by = frozenset({"protocolType"})

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change the name and CORS."""
        if old.inputs.get("corsConfiguration") and "corsConfiguration" not in inputs:
            target.client("apigatewayv2").delete_cors_configuration(ApiId=old.id)
        return super().update(old, inputs, target)

    def find(self, inputs: Inputs, target: Target) -> str | None:
        """Find the resource by its name."""
        apis = target.client("apigatewayv2").get_apis()["Items"]
        return next((str(api["ApiId"]) for api in apis if api["Name"] == inputs.require("name")), None)


@provisions("aws:apigatewayv2/integration:Integration")
class Integration(Provisioner):
    """The target of a route; its id is API Gateway's."""

    service, key, id = "apigatewayv2", "IntegrationId", "{answer[IntegrationId]}"
    creates, updates, deletes = "CreateIntegration", "UpdateIntegration", "DeleteIntegration"
    names: Mapping[str, str] = {"timeoutMilliseconds": "TimeoutInMillis"}
    replaced_by = frozenset({"apiId", "integrationType"})


@provisions("aws:apigatewayv2/route:Route")
class Route(Provisioner):
    """A route: requests that go to one integration; its id is API Gateway's."""

    service, key, id = "apigatewayv2", "RouteId", "{answer[RouteId]}"
    creates, updates, deletes = "CreateRoute", "UpdateRoute", "DeleteRoute"
    replaced_by = frozenset({"apiId"})


@provisions("aws:apigatewayv2/stage:Stage")
class HttpStage(Provisioner):
    """An HTTP API under a name; its id is the name."""

    service, id = "apigatewayv2", "{inputs[name]}"
    creates, updates, deletes = "CreateStage", "UpdateStage", "DeleteStage"
    outputs: Mapping[str, Any] = {
        "arn": ARN + "/apis/{inputs[apiId]}/stages/{inputs[name]}",
        "executionArn": EXECUTION_ARN + "{inputs[apiId]}/{inputs[name]}",
        "invokeUrl": INVOKE_URL + "{inputs[apiId]}/{inputs[name]}",
    }
    names: Mapping[str, str] = {"name": "StageName", "defaultRouteSettings": "DefaultRouteSettings"}
    tagged = True
    replaced_by = frozenset({"apiId", "name"})


@provisions("aws:wafv2/webAcl:WebAcl")
class WebAcl(Provisioner):
    """A web ACL; its id is AWS WAF's. The engine removes its associations before it."""

    service, id = "wafv2", "{answer[Summary][Id]}"
    creates, updates, deletes = "CreateWebACL", "UpdateWebACL", "DeleteWebACL"
    outputs: Mapping[str, Any] = {"arn": "{answer[Summary][ARN]}", "name": "{inputs[name]}"}
    tagged = True
    auto_name = AutoName("name", 128)
    replaced_by = frozenset({"name", "scope"})

    def key_of(self, old: Recorded, target: Target) -> dict[str, str]:
        """Return the id, and the token of the present version, without which AWS WAF changes nothing."""
        acl = target.client("wafv2").get_web_acl(Name=old.outputs["name"], Scope=old.inputs["scope"], Id=old.id)
        return {"Id": old.id, "LockToken": acl["LockToken"]}


@provisions("aws:wafv2/webAclAssociation:WebAclAssociation")
class WebAclAssociation(Provisioner):
    """The association of a web ACL with a resource; its id consists of both ARNs, as Pulumi's."""

    service, creates, deletes = "wafv2", "AssociateWebACL", "DisassociateWebACL"
    id = "{inputs[webAclArn]},{inputs[resourceArn]}"
