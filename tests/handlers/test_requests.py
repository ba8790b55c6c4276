"""The requests of pictures, counted at the SDK's door: `labelstack cost` multiplies them by prices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest

from handlers.labelling.events import ObjectEvent, Outcome
from handlers.labelling.metrics import Metrics
from handlers.labelling.outbox import DeliveringOutbox
from handlers.labelling.pipeline import Pipeline
from handlers.labelling.s3_objects import S3Objects
from handlers.results import keys
from handlers.results.table import Rows
from labelstack.clouds import EmbeddedCloud
from labelstack.pricing import ANNOUNCED_PICTURE, KNOWN_PICTURE, PICTURE, Requests
from tests.handlers.assembling import assembled_pipeline, process_batch
from tests.handlers.factories import BUCKET, event, jpeg, time_of
from tests.handlers.fakes import FakeRekognition

LABELS = [(name, 90.0) for name in ("Animal", "Cat", "Mammal", "Pet", "Plant")]
BATCH = 10
MOST_REQUESTS = 3.3
"""Of a new picture in a batch of ten, beside Rekognition."""


class SamePicture(FakeRekognition):
    """Says the same of every picture."""

    def detect(self, *_: Any) -> Mapping[str, Any]:
        return {"Labels": [{"Name": name, "Confidence": confidence} for name, confidence in LABELS]}


@dataclass
class Counted:
    """Every request to S3, DynamoDB and SNS, and the items that those to DynamoDB are about."""

    operations: Counter[str] = field(default_factory=Counter)
    items: Counter[tuple[str, str]] = field(default_factory=Counter)
    transactions: list[int] = field(default_factory=list)

    def note(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        """Count a call, by botocore's `provide-client-params`, which comes once for each."""
        self.operations[model.name] += 1
        for request in params.get("RequestItems", {}).values():
            for place in request["Keys"] if "Keys" in request else (put["PutRequest"]["Item"] for put in request):
                self.items[model.name, place["pk"]["S"].partition("#")[0]] += 1
        if model.name == "TransactWriteItems":
            self.transactions.append(len(params["TransactItems"]))

    def of_one_picture(self) -> Requests:
        """Return the requests in the estimate's categories. Any other request fails the test."""
        counted = Requests(
            s3_reads=self.operations.pop("GetObject", 0),
            image_reads=self.items.pop(("BatchGetItem", "IMAGE"), 0),
            content_reads=self.items.pop(("BatchGetItem", "CONTENT"), 0),
            content_writes=self.items.pop(("BatchWriteItem", "CONTENT"), 0),
            transactions=self.operations.pop("TransactWriteItems", 0),
            documents=self.operations.pop("PutObject", 0),
            messages=self.operations.pop("Publish", 0),
            notes=self.operations.pop("UpdateItem", 0),
        )
        assert not self.items
        assert set(self.operations) <= {"BatchGetItem", "BatchWriteItem"}
        return counted


@dataclass
class World:
    """The pipeline's own adapters on the embedded cloud; Rekognition alone is a fake."""

    s3: Any
    pipeline: Pipeline
    counted: Counted

    def upload(self, key: str, content: bytes) -> ObjectEvent:
        """Put a picture; the event that S3 sends of it."""
        answer = self.s3.put_object(Bucket=BUCKET, Key=key, Body=content)
        etag = answer["ETag"].strip('"')
        return replace(event(key, version_id=answer["VersionId"]), etag=etag, size_bytes=len(content))

    def label(self, *events: ObjectEvent) -> None:
        """Label the pictures of a batch, and count from there."""
        self.counted.operations.clear()
        self.counted.items.clear()
        assert set(process_batch(self.pipeline, events)) == {Outcome.LABELED}


@pytest.fixture
def world(cloud: EmbeddedCloud, table_name: str) -> Iterator[World]:
    s3, dynamodb = cloud.client("s3"), cloud.client("dynamodb")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    counted = Counted()
    handlers = [client.meta.events for client in (s3, dynamodb)]
    for events, service in zip(handlers, ("s3", "dynamodb"), strict=True):
        events.register(f"provide-client-params.{service}", counted.note, unique_id="counted")
    with ThreadPoolExecutor(4) as operations:
        rows, objects = Rows(dynamodb, table_name), S3Objects(s3, BUCKET)
        yield World(
            s3, assembled_pipeline(rows, objects, SamePicture().detect, operations, lambda: time_of(100)), counted
        )
    for events, service in zip(handlers, ("s3", "dynamodb"), strict=True):
        events.unregister(f"provide-client-params.{service}", unique_id="counted")
    there = s3.list_object_versions(Bucket=BUCKET)
    for stored in [*there.get("Versions", []), *there.get("DeleteMarkers", [])]:
        s3.delete_object(Bucket=BUCKET, Key=stored["Key"], VersionId=stored["VersionId"])
    s3.delete_bucket(Bucket=BUCKET)


def test_requests_of_a_new_picture(world: World) -> None:
    world.label(world.upload("a.jpg", jpeg()))

    assert world.counted.of_one_picture() == PICTURE
    # The result, its labels, one item of counters, and the entry of its year: a name of one letter has no term.
    assert world.counted.transactions == [1 + len(LABELS) + 1 + 1]


def test_requests_of_a_picture_whose_bytes_are_known(world: World) -> None:
    world.label(world.upload("a.jpg", jpeg()))

    world.label(world.upload("b.jpg", jpeg()))

    assert world.counted.of_one_picture() == KNOWN_PICTURE
    assert world.counted.transactions[1] == 1 + len(LABELS) + 1 + 1


def test_requests_of_a_batch_of_new_pictures(world: World) -> None:
    events = [world.upload(f"{number}.jpg", jpeg(seed=number)) for number in range(BATCH)]

    world.label(*events)

    assert world.counted.operations == {
        "BatchGetItem": 1,
        "GetObject": BATCH,
        "TransactWriteItems": BATCH,
        "BatchWriteItem": 1,
    }
    assert world.counted.operations.total() / BATCH <= MOST_REQUESTS


def test_what_a_batch_has_learned_is_known_to_the_next(world: World) -> None:
    world.label(*(world.upload(f"{number}.jpg", jpeg(seed=number)) for number in range(BATCH)))

    world.label(*(world.upload(f"copy {number}.jpg", jpeg(seed=number)) for number in range(BATCH)))

    assert world.counted.operations == {"BatchGetItem": 1, "TransactWriteItems": BATCH}
    image = world.pipeline.results.read("copy 3.jpg").image
    assert image is not None
    assert (image["reused"], [label["name"] for label in image["labels"]]) == (True, [name for name, _ in LABELS])
    assert keys.content_pk(image["etag"], image["sizeBytes"]).startswith("CONTENT#")


def test_requests_of_a_picture_whose_result_is_announced(world: World, cloud: EmbeddedCloud, table_name: str) -> None:
    sns = cloud.client("sns")
    topic = sns.create_topic(Name="counted")["TopicArn"]
    sns.meta.events.register("provide-client-params.sns", world.counted.note, unique_id="counted")
    outbox = DeliveringOutbox(
        rows=Rows(cloud.client("dynamodb"), table_name),
        documents=(world.s3, BUCKET),
        topic=(sns, topic),
        min_confidence=Decimal(0),
        metrics=Metrics(),
        now=lambda: time_of(100),
        warn=lambda text: None,
    )
    world.pipeline = replace(world.pipeline, outbox=outbox)
    try:
        world.label(world.upload("a.jpg", jpeg()))
    finally:
        sns.meta.events.unregister("provide-client-params.sns", unique_id="counted")
        sns.delete_topic(TopicArn=topic)

    assert world.counted.of_one_picture() == ANNOUNCED_PICTURE
