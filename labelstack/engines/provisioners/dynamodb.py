"""DynamoDB: tables."""

from __future__ import annotations

from typing import Any

from labelstack.engines.inputs import Inputs
from labelstack.engines.naming import AutoName
from labelstack.engines.provisioners.base import Provisioner, Recorded, Resource, Target, provisions, tag_list

POLLING = {"Delay": 0.05, "MaxAttempts": 1200}  # seconds; a minute


@provisions("aws:dynamodb/table:Table")
class Table(Provisioner):
    """A table; its id is its name."""

    tagged = "dynamodb"
    auto_name = AutoName("name", 255)
    # On AWS, indexes and keys of a table with data change by careful steps; on an emulator the table is replaced.
    replaced_by = frozenset(
        {
            "name",
            "attributes",
            "billingMode",
            "hashKey",
            "rangeKey",
            "globalSecondaryIndexes",
            "serverSideEncryption",
        }
    )

    def create(self, inputs: Inputs, target: Target) -> Resource:
        """Create the table, and wait until it is active."""
        dynamodb, name, tags = target.client("dynamodb"), inputs.require("name"), target.tags(inputs)
        request: dict[str, Any] = {
            "TableName": name,
            "AttributeDefinitions": [
                {"AttributeName": attribute.require("name"), "AttributeType": attribute.require("type")}
                for attribute in inputs.objects("attributes")
            ],
            "KeySchema": _keys(inputs),
            "BillingMode": inputs.require("billingMode"),
            "DeletionProtectionEnabled": inputs.get("deletionProtectionEnabled", False),
            "Tags": tag_list(tags),
        }
        if indexes := [_index(index) for index in inputs.objects("globalSecondaryIndexes")]:
            request["GlobalSecondaryIndexes"] = indexes
        if (encryption := inputs.object("serverSideEncryption")) is not None:
            request["SSESpecification"] = {"Enabled": encryption.require("enabled")}
        dynamodb.create_table(**request)
        dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig=POLLING)
        return self._configured(inputs, target, None)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change protection, expiry and recovery."""
        dynamodb = target.client("dynamodb")
        protected = inputs.get("deletionProtectionEnabled", False)
        dynamodb.update_table(TableName=old.id, DeletionProtectionEnabled=protected)
        dynamodb.get_waiter("table_exists").wait(TableName=old.id, WaiterConfig=POLLING)
        return self._configured(inputs, target, old)

    def delete(self, old: Recorded, target: Target) -> None:
        """Remove the table with its items."""
        dynamodb = target.client("dynamodb")
        dynamodb.delete_table(TableName=old.id)
        dynamodb.get_waiter("table_not_exists").wait(TableName=old.id, WaiterConfig=POLLING)

    def find(self, inputs: Inputs, target: Target) -> str | None:
        """Find the resource by its name."""
        answer = target.client("dynamodb").describe_table(TableName=inputs.require("name"))
        return str(answer["Table"]["TableName"])

    @staticmethod
    def _configured(inputs: Inputs, target: Target, old: Recorded | None) -> Resource:
        dynamodb, name = target.client("dynamodb"), inputs.require("name")
        if (ttl := inputs.object("ttl")) is not None:
            ttl_specification = {"Enabled": ttl.get("enabled", False), "AttributeName": ttl.get("attributeName", "")}
            before = (old.inputs.get("ttl") or {}) if old else {}
            if ttl_specification["Enabled"] != bool(before.get("enabled")):
                dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=ttl_specification)
        if (recovery := inputs.object("pointInTimeRecovery")) is not None:
            specification = {"PointInTimeRecoveryEnabled": recovery.require("enabled")}
            dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=specification)
        table = dynamodb.describe_table(TableName=name)["Table"]
        return Resource(name, {"arn": table["TableArn"], "name": name})


def _keys(inputs: Inputs) -> list[dict[str, str]]:
    keys = [{"AttributeName": inputs.require("hashKey"), "KeyType": "HASH"}]
    if (range_key := inputs.get("rangeKey")) is not None:
        keys.append({"AttributeName": range_key, "KeyType": "RANGE"})
    return keys


def _index(index: Inputs) -> dict[str, Any]:
    projection: dict[str, Any] = {"ProjectionType": index.require("projectionType")}
    if attributes := index.get("nonKeyAttributes"):
        projection["NonKeyAttributes"] = attributes
    return {"IndexName": index.require("name"), "KeySchema": _keys(index), "Projection": projection}
