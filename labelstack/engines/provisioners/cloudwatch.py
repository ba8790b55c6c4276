"""CloudWatch: log groups, alarms on metrics, dashboards."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from labelstack.engines import requests
from labelstack.engines.inputs import Inputs
from labelstack.engines.provisioners.base import (
    AutoName,
    Provisioner,
    Recorded,
    Resource,
    Target,
    ignore_missing,
    provisions,
    retag,
)
from labelstack.errors import DeployError


@provisions("aws:cloudwatch/logGroup:LogGroup")
class LogGroup(Provisioner):
    """A log group; its id is its name."""

    service, creates, deletes, id = "logs", "CreateLogGroup", "DeleteLogGroup", "{inputs[name]}"
    outputs: Mapping[str, Any] = {
        "arn": "arn:aws:logs:{target.region}:{target.account}:log-group:{inputs[name]}",
        "name": "{inputs[name]}",
    }
    names: Mapping[str, str] = {"name": "logGroupName"}
    tagged = True
    auto_name = AutoName("name", 512)
    replaced_by = frozenset({"name", "logGroupClass", "kmsKeyId"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        group = super().create(inputs, target)
        self._retain(inputs, target)
        return group

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change retention."""
        self._retain(inputs, target)
        return self.resource(old.id, {}, inputs, target)

    def find(self, inputs: Inputs, target: Target) -> str | None:
        """Find the resource by its name."""
        name = inputs.require("name")
        answer = target.client("logs").describe_log_groups(logGroupNamePrefix=name)
        return next((str(name) for group in answer["logGroups"] if group["logGroupName"] == name), None)

    @staticmethod
    def _retain(inputs: Inputs, target: Target) -> None:
        logs, name = target.client("logs"), inputs.require("name")
        if days := inputs.get("retentionInDays"):  # 0: for ever
            logs.put_retention_policy(logGroupName=name, retentionInDays=days)
        else:
            with ignore_missing():
                logs.delete_retention_policy(logGroupName=name)


@provisions("aws:cloudwatch/metricAlarm:MetricAlarm")
class MetricAlarm(Provisioner):
    """An alarm on a metric or on an expression of several; its id is its name."""

    service, updates = "cloudwatch", "PutMetricAlarm"
    outputs: Mapping[str, Any] = {
        "arn": "arn:aws:cloudwatch:{target.region}:{target.account}:alarm:{inputs[name]}",
        "name": "{inputs[name]}",
    }
    names: Mapping[str, str] = {"name": "AlarmName", "metricQueries": "Metrics"}
    by_hand = ("metricQueries",)
    tagged = True
    auto_name = AutoName("name", 255)
    replaced_by = frozenset({"name"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        alarm = self.update(Recorded(str(inputs.require("name")), {}, {}), inputs, target)
        # LocalStack forgets the tags of the request that makes an alarm.
        retag(target.client("cloudwatch"), alarm.outputs, target.tags(inputs))
        return alarm

    def delete(self, old: Recorded, target: Target) -> None:
        target.client("cloudwatch").delete_alarms(AlarmNames=[old.id])

    def find(self, inputs: Inputs, target: Target) -> str | None:
        """Find the resource by its name."""
        name = inputs.require("name")
        answer = target.client("cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm"])
        return str(name) if answer.get("MetricAlarms") else None

    def request(self, operation: str, inputs: Inputs, target: Target, **parameters: Any) -> dict[str, Any]:
        """Return the parameters, with `metricQueries`, each an expression, or a metric with its statistic."""
        if "metricQueries" in inputs:
            query = requests.shape_of(target.client("cloudwatch"), operation).members["Metrics"].member
            parameters["Metrics"] = [_query(each, query) for each in inputs.objects("metricQueries")]
        return super().request(operation, inputs, target, **parameters)


def _query(query: Inputs, shape: Any) -> dict[str, Any]:
    built = {"ReturnData": False, **requests.structure(query, shape)}
    if (metric := query.object("metric")) is not None:
        statistic = shape.members["MetricStat"]
        which = requests.structure(metric, statistic.members["Metric"])
        built["MetricStat"] = {"Metric": which, **requests.structure(metric, statistic)}
    return built


@provisions("aws:cloudwatch/dashboard:Dashboard")
class Dashboard(Provisioner):
    """A dashboard; its id is its name. AWS gives it no tags."""

    service, finds, id = "cloudwatch", "GetDashboard", "{inputs[dashboardName]}"
    creates = updates = "PutDashboard"
    outputs: Mapping[str, Any] = {"dashboardArn": "arn:aws:cloudwatch::{target.account}:dashboard/{id}"}
    replaced_by = frozenset({"dashboardName"})

    def send(self, operation: str, request: Mapping[str, Any], target: Target) -> dict[str, Any]:
        """Send a request. Raises DeployError for a body that CloudWatch refuses."""
        try:
            json.loads(request.get("DashboardBody", "{}"))
        except ValueError as error:
            raise DeployError(f"property dashboardBody is not JSON: {error}", property="dashboardBody") from error
        answer = super().send(operation, request, target)
        if messages := answer.get("DashboardValidationMessages"):
            said = "; ".join(
                f"{message.get('DataPath', '')} {message.get('Message', '')}".strip() for message in messages
            )
            raise DeployError(f"property dashboardBody: {said}", property="dashboardBody")
        return answer

    def delete(self, old: Recorded, target: Target) -> None:
        target.client("cloudwatch").delete_dashboards(DashboardNames=[old.id])
