"""A backend whose cloud has what repairs need: S3 with several buckets, SQS, and a table with an outbox."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from handlers.labelling.events import ObjectEvent, decode_message
from labelstack.clouds.base import Capabilities
from tests.labelstack.cli.fakes import OUTPUTS, FakeBackend, FakeCloud
from tests.labelstack.repair.fakes import BUCKET, DEAD_LETTERS, QUEUE, FakeQueues, FakeStorage, RepairResults

REPAIR_OUTPUTS: dict[str, Any] = {
    **OUTPUTS,
    "uploadBucket": BUCKET,
    "queueUrl": QUEUE,
    "deadLetterQueueUrl": DEAD_LETTERS,
    "detectors": ["labels", "faces"],
    "imageProperties": False,
}


@dataclass
class RepairCloud(FakeCloud):
    """A cloud of fakes with queues."""

    # Nobody takes messages from its queue: to wait for their end would be in vain.
    capabilities: Capabilities = field(
        default_factory=lambda: Capabilities(**{each.name: each.name == "fair_queues" for each in fields(Capabilities)})
    )
    storage: FakeStorage = field(default_factory=FakeStorage)
    sqs: FakeQueues = field(default_factory=FakeQueues)

    def client(self, service: str) -> Any:
        """Return one of the fakes."""
        return {"s3": self.storage, "sqs": self.sqs}.get(service) or super().client(service)


class RepairBackend(FakeBackend):
    """Stack `local` is deployed on it."""

    def __init__(self) -> None:
        super().__init__()
        self.table: RepairResults = RepairResults()
        self.cloud: RepairCloud = RepairCloud(self.s3)
        self.deployer.deployed["local"] = REPAIR_OUTPUTS

    @property
    def storage(self) -> FakeStorage:
        """Return the cloud's S3."""
        return self.cloud.storage

    @property
    def sqs(self) -> FakeQueues:
        """Return the cloud's queues."""
        return self.cloud.sqs

    def requested(self) -> list[ObjectEvent]:
        """Return the events that the processor will read."""
        return [event for body in self.sqs.bodies() for event in decode_message(body).events]

    def asked_keys(self) -> list[str]:
        """Return the pictures of the repair's requests."""
        return [event.key for event in self.requested()]
