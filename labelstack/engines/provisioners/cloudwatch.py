"""CloudWatch: log groups, alarms on metrics, dashboards."""

from __future__ import annotations

import json
from typing import Any

from labelstack.engines import requests
from labelstack.engines.inputs import Inputs
from labelstack.engines.naming import AutoName
from labelstack.engines.provisioners.base import (
    Provisioner,
    Recorded,
    Resource,
    Setting,
    Target,
    ignore_missing,
    provisions,
    retag,
)
from labelstack.errors import DeployError

ALARM_NAMES = {"name": "AlarmName", "metricQueries": "Metrics"}
# Properties of a metric in an alarm's query; the rest of `metric` says which metric it is.
STATISTIC_NAMES = {"period": "Period", "stat": "Stat", "unit": "Unit"}


@provisions("aws:cloudwatch/logGroup:LogGroup")
class LogGroup(Provisioner):
    """A log group; its id is its name."""

    tagged = "logs"
    auto_name = AutoName("name", 512)
    replaced_by = frozenset({"name", "logGroupClass", "kmsKeyId"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        logs, name, tags = target.client("logs"), inputs.require("name"), target.tags(inputs)
        request: dict[str, Any] = {"logGroupName": name, "tags": tags}
        for property in ("kmsKeyId", "logGroupClass"):
            if (value := inputs.get(property)) is not None:
                request[property] = value
        logs.create_log_group(**request)
        return self._configured(inputs, target)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change retention."""
        return self._configured(inputs, target)

    def delete(self, old: Recorded, target: Target) -> None:
        """Remove the group with its events."""
        target.client("logs").delete_log_group(logGroupName=old.id)

    def find(self, inputs: Inputs, target: Target) -> str | None:
        """Find the resource by its name."""
        name = inputs.require("name")
        answer = target.client("logs").describe_log_groups(logGroupNamePrefix=name)
        return next((str(name) for group in answer["logGroups"] if group["logGroupName"] == name), None)

    @staticmethod
    def _configured(inputs: Inputs, target: Target) -> Resource:
        logs, name = target.client("logs"), inputs.require("name")
        if days := inputs.get("retentionInDays"):  # 0: for ever
            logs.put_retention_policy(logGroupName=name, retentionInDays=days)
        else:
            with ignore_missing():
                logs.delete_retention_policy(logGroupName=name)
        return Resource(name, {"arn": target.arn("logs", f"log-group:{name}"), "name": name})


@provisions("aws:cloudwatch/metricAlarm:MetricAlarm")
class MetricAlarm(Provisioner):
    """An alarm on a metric or on an expression of several; its id is its name."""

    tagged = "cloudwatch"
    auto_name = AutoName("name", 255)
    replaced_by = frozenset({"name"})
    api_names = ALARM_NAMES

    def create(self, inputs: Inputs, target: Target) -> Resource:
        resource = self.update(Recorded("", {}, {}), inputs, target)
        # LocalStack forgets the tags of the request that makes an alarm.
        retag(target.client("cloudwatch"), resource.outputs, target.tags(inputs))
        return resource

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Replace the alarm by one of the same name."""
        cloudwatch = target.client("cloudwatch")
        cloudwatch.put_metric_alarm(**self._request(inputs, target))
        name = str(inputs.require("name"))
        arn = target.arn("cloudwatch", f"alarm:{name}")
        return Resource(name, {"arn": arn, "name": name})

    def delete(self, old: Recorded, target: Target) -> None:
        target.client("cloudwatch").delete_alarms(AlarmNames=[old.id])

    def find(self, inputs: Inputs, target: Target) -> str | None:
        """Find the resource by its name."""
        name = inputs.require("name")
        answer = target.client("cloudwatch").describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm"])
        return str(name) if answer.get("MetricAlarms") else None

    @staticmethod
    def _request(inputs: Inputs, target: Target) -> dict[str, Any]:
        by_hand = ("dimensions", "metricQueries", "tags")
        client = target.client("cloudwatch")
        request = requests.build(client, "PutMetricAlarm", inputs, names=ALARM_NAMES, by_hand=by_hand)
        if "dimensions" in inputs:
            request["Dimensions"] = _dimensions(inputs)
        if "metricQueries" in inputs:
            request["Metrics"] = [_query(query) for query in inputs.objects("metricQueries")]
        return request


@provisions("aws:cloudwatch/dashboard:Dashboard")
class Dashboard(Setting):
    """A dashboard; its id is its name. AWS gives it no tags."""

    replaced_by = frozenset({"dashboardName"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        """Put the dashboard. Raises DeployError for a body that CloudWatch refuses."""
        name, body = str(inputs.require("dashboardName")), str(inputs.require("dashboardBody"))
        try:
            json.loads(body)
        except ValueError as error:
            raise DeployError(f"property dashboardBody is not JSON: {error}", property="dashboardBody") from error
        answer = target.client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody=body)
        if messages := answer.get("DashboardValidationMessages"):
            said = "; ".join(
                f"{message.get('DataPath', '')} {message.get('Message', '')}".strip() for message in messages
            )
            raise DeployError(f"property dashboardBody: {said}", property="dashboardBody")
        return Resource(name, {"dashboardArn": target.arn("cloudwatch", f"dashboard/{name}", region=False)})

    def delete(self, old: Recorded, target: Target) -> None:
        target.client("cloudwatch").delete_dashboards(DashboardNames=[old.id])

    def find(self, inputs: Inputs, target: Target) -> str | None:
        """Find the resource by its name."""
        name = str(inputs.require("dashboardName"))
        target.client("cloudwatch").get_dashboard(DashboardName=name)
        return name


def _dimensions(inputs: Inputs) -> list[dict[str, str]]:
    return [{"Name": name, "Value": str(value)} for name, value in inputs.get("dimensions").items()]


def _query(query: Inputs) -> dict[str, Any]:
    """Return an entry of `metricQueries`: an expression, or a metric with its statistic."""
    names = {"accountId": "AccountId", "expression": "Expression", "id": "Id", "label": "Label", "period": "Period"}
    built: dict[str, Any] = {api: query.get(name) for name, api in names.items() if name in query}
    built["ReturnData"] = bool(query.get("returnData", False))
    if (metric := query.object("metric")) is not None:
        which: dict[str, Any] = {"MetricName": metric.require("metricName")}
        if "namespace" in metric:
            which["Namespace"] = metric.get("namespace")
        if "dimensions" in metric:
            which["Dimensions"] = _dimensions(metric)
        statistic = {api: metric.get(name) for name, api in STATISTIC_NAMES.items() if name in metric}
        built["MetricStat"] = {"Metric": which, **statistic}
    return built
