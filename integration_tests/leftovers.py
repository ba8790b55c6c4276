"""Lists the resources that a stack can leave behind on a cloud."""

from __future__ import annotations

from functools import reduce
from typing import Any

from labelstack.clouds import Cloud


def everything_on(cloud: Cloud) -> dict[str, set[str]]:
    """Name all that is on a cloud, by kind."""

    def names(service: str, operation: str, member: str, *path: str) -> set[str]:
        client: Any = cloud.client(service)
        whole = client.can_paginate(operation)
        pages = client.get_paginator(operation).paginate() if whole else [getattr(client, operation)()]
        listed = (reduce(lambda answer, part: answer.get(part) or {}, path, page) for page in pages)
        return {item[member] if member else item for items in listed for item in items}

    on_cloud = {
        "buckets": names("s3", "list_buckets", "Name", "Buckets"),
        "queues": names("sqs", "list_queues", "", "QueueUrls"),
        "tables": names("dynamodb", "list_tables", "", "TableNames"),
        "functions": names("lambda", "list_functions", "FunctionName", "Functions"),
        "mappings": names("lambda", "list_event_source_mappings", "UUID", "EventSourceMappings"),
        "roles": names("iam", "list_roles", "RoleName", "Roles"),
        "log groups": names("logs", "describe_log_groups", "logGroupName", "logGroups"),
        "topics": names("sns", "list_topics", "TopicArn", "Topics"),
        "subscriptions": names("sns", "list_subscriptions", "SubscriptionArn", "Subscriptions"),
        "alarms": names("cloudwatch", "describe_alarms", "AlarmName", "MetricAlarms"),
        "dashboards": names("cloudwatch", "list_dashboards", "DashboardName", "DashboardEntries"),
        "state machines": names("stepfunctions", "list_state_machines", "stateMachineArn", "stateMachines"),
        "rules": names("events", "list_rules", "Name", "Rules"),
        "REST APIs": names("apigateway", "get_rest_apis", "id", "items"),
        "API keys": names("apigateway", "get_api_keys", "id", "items"),
        "usage plans": names("apigateway", "get_usage_plans", "id", "items"),
    }
    if cloud.capabilities.http_api:
        on_cloud["HTTP APIs"] = names("apigatewayv2", "get_apis", "ApiId", "Items")
    if cloud.capabilities.cloudfront:
        on_cloud["distributions"] = names("cloudfront", "list_distributions", "Id", "DistributionList", "Items")
    if cloud.capabilities.cognito:
        pools = cloud.client("cognito-identity").list_identity_pools(MaxResults=60)["IdentityPools"]
        on_cloud["identity pools"] = {pool["IdentityPoolId"] for pool in pools}
    return on_cloud
