"""ResultsStore: the table of results."""

import pulumi
import pulumi_aws as aws

from .component import Component, ProtectedArgs

INDEXES = ("gsi1", "gsi2")
KEYS = ("pk", "sk", *(f"{index}{part}" for index in INDEXES for part in ("pk", "sk")))


ResultsStoreArgs = ProtectedArgs


class ResultsStore(Component):
    """One table on demand, with point-in-time recovery, encryption, expiry by `expiresAt`, and two indexes.

    gsi1 finds by label and confidence, gsi2 by time; each has its own key attributes (`gsi1pk`, `gsi1sk`, …).
    """

    name_limit = 200

    name: pulumi.Output[str]
    """The table's name."""
    arn: pulumi.Output[str]
    """The table's ARN."""

    def __init__(
        self, name: str, args: ResultsStoreArgs | None = None, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        checked = self._start(name, args, opts)
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
            deletion_protection_enabled=checked["protect_data"],
            opts=pulumi.ResourceOptions(parent=self, protect=checked["protect_data"]),
        )
        self.name, self.arn = self.table.name, self.table.arn
        self.register_outputs({"name": self.name, "arn": self.arn})
