"""The requests of one picture, counted at the SDK's door: `labelstack cost` multiplies them by prices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest

from handlers.labelling.announcing import Announcing
from handlers.labelling.pacing import Deadline
from handlers.labelling.processing import ImageProcessing, Outcome
from handlers.labelling.s3_objects import S3Objects
from handlers.labelling.tally import Tally
from handlers.labelling.targets import S3Documents, SnsPublisher
from handlers.results import ResultsTable
from handlers.results.outbox import Outbox
from handlers.results.rows import DynamoRows
from labelstack.clouds import EmbeddedCloud
from labelstack.pricing import ANNOUNCED_PICTURE, KNOWN_PICTURE, PICTURE, Requests
from tests.handlers.assembling import image_processing
from tests.handlers.factories import BUCKET, event, jpeg, time_of
from tests.handlers.fakes import FakeRecogniser

LABELS = [(name, 90.0) for name in ("Animal", "Cat", "Mammal", "Pet", "Plant")]
READS = ("GetItem", "Query", "BatchGetItem")


@dataclass
class Counted:
    """Every request to S3, DynamoDB and SNS, and how many items each transaction has."""

    operations: Counter[str] = field(default_factory=Counter)
    actions: list[int] = field(default_factory=list)

    def note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        """botocore's `provide-client-params`, which comes once for each call."""
        self.operations[model.name] += 1
        if model.name == "TransactWriteItems":
            self.actions.append(len(params["TransactItems"]))

    def requests(self) -> Requests:
        """As the estimate has them; nothing else may have been asked."""
        counted = Requests(
            s3_heads=self.operations.pop("HeadObject", 0),
            s3_reads=self.operations.pop("GetObject", 0),
            reads=sum(self.operations.pop(name, 0) for name in READS),
            cache_writes=self.operations.pop("PutItem", 0),
            transactions=self.operations.pop("TransactWriteItems", 0),
            documents=self.operations.pop("PutObject", 0),
            messages=self.operations.pop("Publish", 0),
            notes=self.operations.pop("UpdateItem", 0),
        )
        assert not self.operations, self.operations
        return counted


@dataclass
class World:
    """The functions' own adapters on the embedded cloud; Rekognition alone is a fake."""

    s3: Any
    processing: ImageProcessing
    counted: Counted

    def label(self, key: str, content: bytes) -> Outcome:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        self.counted.operations.clear()
        return self.processing.process(event(key=key, version_id=None), Deadline(1e12))


@pytest.fixture
def world(cloud: EmbeddedCloud, table_name: str) -> Iterator[World]:
    s3, dynamodb = cloud.client("s3"), cloud.client("dynamodb")
    s3.create_bucket(Bucket=BUCKET)
    counted, recogniser = Counted(), FakeRecogniser()
    handlers = [client.meta.events for client in (s3, dynamodb)]
    for events, service in zip(handlers, ("s3", "dynamodb"), strict=True):
        events.register(f"provide-client-params.{service}", counted.note, unique_id="counted")
    recogniser.detect = lambda *_: {"Labels": [{"Name": n, "Confidence": c} for n, c in LABELS]}  # type: ignore[method-assign]  # the same for every picture
    with ThreadPoolExecutor(4) as operations:
        yield World(
            s3,
            image_processing(
                DynamoRows(dynamodb, table_name),
                S3Objects(s3, BUCKET),
                recogniser,
                operations,
                lambda: time_of(100),
                results=ResultsTable(dynamodb, table_name),
            ),
            counted,
        )
    for events, service in zip(handlers, ("s3", "dynamodb"), strict=True):
        events.unregister(f"provide-client-params.{service}", unique_id="counted")
    there = s3.list_object_versions(Bucket=BUCKET)  # it may be another test's, with versions
    for stored in [*there.get("Versions", []), *there.get("DeleteMarkers", [])]:
        s3.delete_object(Bucket=BUCKET, Key=stored["Key"], VersionId=stored["VersionId"])
    s3.delete_bucket(Bucket=BUCKET)


def test_requests_of_a_new_picture(world: World) -> None:
    assert world.label("a.jpg", jpeg()) is Outcome.LABELED

    assert world.counted.requests() == PICTURE
    # The result, its labels, and one item of counters.
    assert world.counted.actions == [1 + len(LABELS) + 1]


def test_requests_of_a_picture_whose_bytes_are_known(world: World) -> None:
    world.label("a.jpg", jpeg())

    assert world.label("b.jpg", jpeg()) is Outcome.LABELED

    assert world.counted.requests() == KNOWN_PICTURE
    assert world.counted.actions[1] == 1 + len(LABELS) + 1


def test_requests_of_a_picture_whose_result_is_announced(world: World, cloud: EmbeddedCloud, table_name: str) -> None:
    sns = cloud.client("sns")
    topic = sns.create_topic(Name="counted")["TopicArn"]
    sns.meta.events.register("provide-client-params.sns", world.counted.note, unique_id="counted")
    outbox = Outbox(DynamoRows(cloud.client("dynamodb"), table_name), lambda: time_of(100))
    announcing = Announcing(
        outbox, S3Documents(world.s3, BUCKET), SnsPublisher(sns, topic), Decimal(0), Tally(), lambda text: None
    )
    world.processing = replace(world.processing, announcing=announcing)
    try:
        assert world.label("a.jpg", jpeg()) is Outcome.LABELED
    finally:
        sns.meta.events.unregister("provide-client-params.sns", unique_id="counted")
        sns.delete_topic(TopicArn=topic)

    assert world.counted.requests() == ANNOUNCED_PICTURE
