"""DynamoDB: tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from labelstack.engines.inputs import Inputs
from labelstack.engines.provisioners.base import AutoName, Provisioner, Recorded, Resource, Target, provisions

POLLING = {"Delay": 0.05, "MaxAttempts": 1200}  # seconds; a minute


@provisions("aws:dynamodb/table:Table")
class Table(Provisioner):
    """A table; its id is its name."""

    service, id, creates = "dynamodb", "{inputs[name]}", "CreateTable"
    deletes, finds = "DeleteTable", "DescribeTable"
    outputs: Mapping[str, Any] = {"arn": "{answer[TableDescription][TableArn]}", "name": "{inputs[name]}"}
    names: Mapping[str, str] = {"name": "TableName", "serverSideEncryption": "SSESpecification"}
    defaults: Mapping[str, Any] = {"DeletionProtectionEnabled": False}
    by_hand = ("globalSecondaryIndexes",)
    tagged = True
    auto_name = AutoName("name", 255)
    # On AWS, indexes and keys of a table with data change by careful steps; on an emulator the table is replaced.
    replaced_by = frozenset(
        {
            *("name", "attributes", "billingMode", "hashKey", "rangeKey"),
            *("globalSecondaryIndexes", "serverSideEncryption"),
        }
    )

    def create(self, inputs: Inputs, target: Target) -> Resource:
        """Create the table, and wait until it is active."""
        attributes = [
            {"AttributeName": attribute.require("name"), "AttributeType": attribute.require("type")}
            for attribute in inputs.objects("attributes")
        ]
        parameters: dict[str, Any] = {"AttributeDefinitions": attributes, "KeySchema": _keys(inputs)}
        if indexes := [_index(index) for index in inputs.objects("globalSecondaryIndexes")]:
            parameters["GlobalSecondaryIndexes"] = indexes
        table = self.create_by(self.request(self.creates, inputs, target, **parameters), inputs, target)
        self._configure(inputs, target, {})
        return table

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change protection, expiry and recovery."""
        protected = inputs.get("deletionProtectionEnabled", False)
        target.client("dynamodb").update_table(TableName=old.id, DeletionProtectionEnabled=protected)
        self._configure(inputs, target, old.inputs.get("ttl") or {})
        return self.resource(old.id, {}, inputs, target, old)

    def delete(self, old: Recorded, target: Target) -> None:
        """Remove the table with its items."""
        super().delete(old, target)
        target.client("dynamodb").get_waiter("table_not_exists").wait(TableName=old.id, WaiterConfig=POLLING)

    @staticmethod
    def _configure(inputs: Inputs, target: Target, ttl_before: Mapping[str, Any]) -> None:
        """Wait until the table is active, and set its expiry and recovery."""
        dynamodb, name = target.client("dynamodb"), inputs.require("name")
        dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig=POLLING)
        if (ttl := inputs.object("ttl")) is not None:
            specification = {"Enabled": ttl.get("enabled", False), "AttributeName": ttl.get("attributeName", "")}
            if specification["Enabled"] != bool(ttl_before.get("enabled")):
                dynamodb.update_time_to_live(TableName=name, TimeToLiveSpecification=specification)
        if (recovery := inputs.object("pointInTimeRecovery")) is not None:
            specification = {"PointInTimeRecoveryEnabled": recovery.require("enabled")}
            dynamodb.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=specification)


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
