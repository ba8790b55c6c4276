"""ResultsStore: the table of results."""

from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.tagging import tags

INDEXES = ("gsi1", "gsi2")
KEYS = ("pk", "sk", *(f"{index}{part}" for index in INDEXES for part in ("pk", "sk")))


@dataclass(frozen=True)
class ResultsStoreArgs:
    """Arguments of ResultsStore; `protect_data` refuses the table's deletion, at AWS and in Pulumi."""

    protect_data: bool


class ResultsStore(pulumi.ComponentResource):
    """One table on demand, with point-in-time recovery, encryption, expiry by `expiresAt`, and two indexes.

    gsi1 finds by label and confidence, gsi2 by time; each has its own key attributes (`gsi1pk`, `gsi1sk`, …).
    """

    table: aws.dynamodb.Table
    name: pulumi.Output[str]
    arn: pulumi.Output[str]

    def __init__(self, name: str, args: ResultsStoreArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("labelstack:components:ResultsStore", name, None, opts)
        self.table = aws.dynamodb.Table(
            name,
            billing_mode="PAY_PER_REQUEST",
            hash_key="pk",
            range_key="sk",
            attributes=[{"name": key, "type": "S"} for key in KEYS],
            global_secondary_indexes=[
                {"name": index, "hash_key": f"{index}pk", "range_key": f"{index}sk", "projection_type": "ALL"}
                for index in INDEXES
            ],
            ttl={"attribute_name": "expiresAt", "enabled": True},
            point_in_time_recovery={"enabled": True},
            server_side_encryption={"enabled": True},
            deletion_protection_enabled=args.protect_data,
            tags=tags(name),
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect_data),
        )
        self.name, self.arn = self.table.name, self.table.arn
        self.register_outputs({"name": self.name, "arn": self.arn})
