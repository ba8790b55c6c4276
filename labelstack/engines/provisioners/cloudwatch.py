"""CloudWatch: log groups."""

from __future__ import annotations

from typing import Any

from labelstack.engines.inputs import Inputs
from labelstack.engines.naming import AutoName
from labelstack.engines.provisioners.base import (
    Provisioner,
    Recorded,
    Resource,
    Target,
    provisions,
    stale_tags,
    tolerate,
)

GONE = ("ResourceNotFoundException",)


@provisions("aws:cloudwatch/logGroup:LogGroup")
class LogGroup(Provisioner):
    """A log group; its id is its name."""

    auto_name = AutoName("name", 512, prefix_property="namePrefix")
    replaced_by = frozenset({"name", "namePrefix", "logGroupClass", "kmsKeyId"})

    def create(self, inputs: Inputs, target: Target) -> Resource:
        """Make it."""
        logs, name, tags = target.client("logs"), inputs.require("name"), target.tags(inputs)
        request: dict[str, Any] = {"logGroupName": name, "tags": tags}
        for property in ("kmsKeyId", "logGroupClass"):
            if (value := inputs.get(property)) is not None:
                request[property] = value
        logs.create_log_group(**request)
        return self._configured(inputs, target, tags)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change retention and tags."""
        tags = target.tags(inputs)
        for name in ("kmsKeyId", "logGroupClass"):
            inputs.get(name)
        arn = target.arn("logs", f"log-group:{old.id}")
        if stale := stale_tags(old, tags):
            target.client("logs").untag_resource(resourceArn=arn, tagKeys=stale)
        if tags:
            target.client("logs").tag_resource(resourceArn=arn, tags=tags)
        return self._configured(inputs, target, tags)

    def delete(self, old: Recorded, target: Target) -> None:
        """Remove it with its events, unless `skipDestroy` says no."""
        if not old.inputs.get("skipDestroy"):
            with tolerate(*GONE):
                target.client("logs").delete_log_group(logGroupName=old.id)

    def find(self, inputs: Inputs, target: Target) -> Resource | None:
        """By its name."""
        name = inputs.require("name")
        answer = target.client("logs").describe_log_groups(logGroupNamePrefix=name)
        return next((Resource(name) for group in answer["logGroups"] if group["logGroupName"] == name), None)

    @staticmethod
    def _configured(inputs: Inputs, target: Target, tags: dict[str, str]) -> Resource:
        inputs.get("namePrefix"), inputs.get("skipDestroy")  # in the name; read from the record
        logs, name = target.client("logs"), inputs.require("name")
        if days := inputs.get("retentionInDays"):  # 0: for ever
            logs.put_retention_policy(logGroupName=name, retentionInDays=days)
        else:
            with tolerate(*GONE):
                logs.delete_retention_policy(logGroupName=name)
        return Resource(name, {"arn": target.arn("logs", f"log-group:{name}"), "name": name, "tagsAll": tags})
