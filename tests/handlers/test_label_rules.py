"""The rules of labels: which a result shows, and that other rules cost no call of Rekognition."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from handlers.environment import EnvironmentVariableError, Variables
from handlers.labelling.detectors import Detector, DetectorSettings
from handlers.labelling.events import ObjectEvent, Outcome, decode_message
from handlers.labelling.outbox import Outbox
from handlers.results import keys
from handlers.results.document import Label
from handlers.results.item import FACTS_LAYOUT, MAX_ANALYSIS_BYTES, TERMS_LAYOUT, document, size_bytes
from handlers.results.label_rules import LabelRules
from handlers.results.repair import repair_message
from tests.handlers.assembling import Fakes, process
from tests.handlers.factories import BUCKET, event, jpeg, label, png
from tests.handlers.fakes import comparable, counts_of_entries, stored_object

VARIABLES = {"DETECTORS": "labels", "MAX_LABELS": "10", "MIN_CONFIDENCE": "50"}
VARIABLES |= {"IMAGE_PROPERTIES": "false", "KEEP_LOCATION": "false"}
SEEN = [("Cat", 95.0), ("Human", 90.0), ("Person", 80.0), ("Pet", 70.0), ("Blur", 60.0)]


def labels(*pairs: tuple[str, float]) -> list[Label]:
    return [label(name, str(confidence)) for name, confidence in pairs]


def names(rules: LabelRules, least: int = 50) -> list[str]:
    return [each["name"] for each in rules.shown(labels(*SEEN), Decimal(least))]


@pytest.mark.parametrize(
    ("rules", "shown"),
    [
        (LabelRules(), ["Cat", "Human", "Person", "Pet", "Blur"]),
        (LabelRules.of(["bLUR", "unheard of"]), ["Cat", "Human", "Person", "Pet"]),
        (LabelRules.of(None, ["cat", "PET"]), ["Cat", "Pet"]),
        (LabelRules.of(["cat"], ["cat", "pet"]), ["Pet"]),
        (LabelRules.of(None, []), ["Cat", "Human", "Person", "Pet", "Blur"]),
        (LabelRules.of(None, ["Dog"]), []),
        (LabelRules.of([name for name, _ in SEEN]), []),
        (LabelRules.of(None, None, {"pet": "Animal"}), ["Cat", "Human", "Person", "Animal", "Blur"]),
        (LabelRules.of(None, None, {"human": "Person"}), ["Cat", "Person", "Pet", "Blur"]),
        (LabelRules.of(["Person"], None, {"human": "Person"}), ["Cat", "Pet", "Blur"]),
        (LabelRules.of(["human"], None, {"human": "Person"}), ["Cat", "Person", "Pet", "Blur"]),
        (LabelRules.of(None, ["Person"], {"human": "Person"}), ["Person"]),
        (LabelRules.of(None, None, {"cat": "CAT"}), ["CAT", "Human", "Person", "Pet", "Blur"]),
        (
            LabelRules.of(None, None, None, {"cat": Decimal(96), "Blur": Decimal(60)}),
            ["Human", "Person", "Pet", "Blur"],
        ),
        (LabelRules.of(None, None, {"pet": "Animal"}, {"Animal": Decimal(71)}), ["Cat", "Human", "Person", "Blur"]),
    ],
)
def test_shows_what_the_rules_say(rules: LabelRules, shown: list[str]) -> None:
    assert names(rules) == shown


def test_of_two_labels_with_one_name_the_surer_one_is_shown() -> None:
    joined = LabelRules.of(None, None, {"Person": "Somebody", "Human": "Somebody"}).shown(labels(*SEEN), Decimal(50))

    assert [each["confidence"] for each in joined if each["name"] == "Somebody"] == [Decimal("90.0")]


def test_parents_go_by_the_same_names() -> None:
    rules = LabelRules.of(["animal"], None, {"pet": "Companion", "cat": "Kitty"})
    cat: Label = {**labels(("Cat", 90))[0], "parents": ["Animal", "Pet", "Companion", "Mammal"]}

    (shown,) = rules.shown([cat], Decimal(50))

    assert (shown["name"], shown["parents"]) == ("Kitty", ["Companion", "Mammal"])


def test_a_label_may_need_less_than_the_others() -> None:
    rules = LabelRules.of(None, None, None, {"Blur": Decimal(55)})

    assert names(rules, least=75) == ["Cat", "Human", "Person", "Blur"]
    settings = DetectorSettings((Detector.LABELS, Detector.MODERATION), 10, Decimal(75), rules=rules)
    assert settings.parameters(Detector.LABELS)["MinConfidence"] == 55
    assert settings.parameters(Detector.MODERATION)["MinConfidence"] == 75


def test_rules_leave_what_is_known_of_content_valid() -> None:
    plain = DetectorSettings((Detector.LABELS,), 10, Decimal(50))
    ruled = DetectorSettings((Detector.LABELS,), 10, Decimal(50), rules=LabelRules.of(["Blur"]))

    assert plain.fingerprints == ruled.fingerprints
    assert plain.whole_fingerprint == f"{plain.detectors_fingerprint}..{FACTS_LAYOUT}"
    assert ruled.whole_fingerprint == plain.whole_fingerprint.replace("..", f".{LabelRules.of(['Blur']).fingerprint}.")


def test_reads_the_functions_variables() -> None:
    variables = Variables(
        VARIABLES
        | {
            "LABEL_BLOCKLIST": "Blur,Gray Area",
            "LABEL_ALLOWLIST": "Cat",
            "LABEL_ALIASES": '{"Human": "Person"}',
            "MIN_CONFIDENCE_BY_LABEL": '{"Cat": 91.5}',
        }
    )

    assert DetectorSettings.parse(variables).rules == LabelRules.of(
        ["blur", "gray area"], ["cat"], {"human": "Person"}, {"cat": Decimal("91.5")}
    )
    assert DetectorSettings.parse(Variables(VARIABLES)).rules is None
    with pytest.raises(EnvironmentVariableError, match=r"LABEL_ALIASES is '\{': expected a JSON object"):
        DetectorSettings.parse(Variables(VARIABLES | {"LABEL_ALIASES": "{"}))


# --- in the table


class World(Fakes):
    """The pipeline and all it sees."""

    def process(
        self,
        event: ObjectEvent,
        rules: LabelRules | None,
        min_confidence: int = 50,
        *,
        asks: bool = True,
        **options: Any,
    ) -> Outcome:
        settings = DetectorSettings((Detector.LABELS,), 10, Decimal(min_confidence), rules=rules)
        pipeline = self.assembled(settings=settings, **options)
        if not asks:  # as in the workflow's first step
            pipeline = replace(pipeline, rekognition=None)
        return process(pipeline, self.objects.with_header(event))

    def shown(self) -> list[str]:
        return [each["name"] for each in self.result()["labels"]]

    def counters_are_right(self) -> bool:
        counters = {place: item for place, item in comparable(self.rows.items).items() if place[0] == keys.COUNTERS_PK}
        return counters == counts_of_entries(self.rows.items)

    def result(self) -> dict[str, Any]:
        return self.rows.items[keys.image_place("cat.jpg")]


@pytest.fixture
def world() -> Iterator[World]:
    with ThreadPoolExecutor(2) as operations:
        world = World(operations)
        content = jpeg()
        world.objects.add("cat.jpg", content)
        world.rekognition.labels[stored_object("cat.jpg", content).etag] = SEEN
        yield world


def repair(**options: Any) -> ObjectEvent:
    """Return a request that `labelstack reprocess` sends."""
    [request] = decode_message(repair_message(BUCKET, "cat.jpg", **options)).events
    return request


BLOCKS_BLUR = LabelRules.of(["Blur"])
RENAMES = LabelRules.of(None, None, {"Human": "Person"}, {"Cat": Decimal(99)})


def test_a_result_its_entries_and_its_counters_are_of_the_labels_that_are_shown(world: World) -> None:
    assert world.process(event(), RENAMES) is Outcome.LABELED

    assert world.shown() == ["Person", "Pet", "Blur"]
    entries = [item for (_, sk), item in world.rows.items.items() if sk.startswith("LABEL#")]
    assert sorted(item["label"] for item in entries) == ["Blur", "Person", "Pet"]
    assert world.counters_are_right()
    assert "allLabels" not in document(world.result())


@pytest.mark.parametrize("asks", [True, False])
@pytest.mark.parametrize("labels_only", [True, False])
def test_other_rules_are_applied_to_what_is_stored(world: World, *, asks: bool, labels_only: bool) -> None:
    world.process(event(), BLOCKS_BLUR)
    before = world.result()
    for place in [place for place in world.rows.items if place[0].startswith("CONTENT#")]:
        del world.rows.items[place]  # which expires, unlike data stored with the result

    assert world.process(repair(labels_only=labels_only), RENAMES, asks=asks) is Outcome.LABELED

    assert world.shown() == ["Person", "Pet", "Blur"]
    assert len(world.rekognition.calls) == 1
    assert world.counters_are_right()
    assert position_of(world.result()) > position_of(before)
    assert world.process(repair(), None, asks=asks) is Outcome.LABELED
    assert world.shown() == [name for name, _ in SEEN]
    assert "allLabels" not in world.result()
    fresh = {**before, **{name: world.result()[name] for name in ("eventTime", "labels", "fingerprint")}}
    del fresh["allLabels"]
    assert world.result() == fresh


def test_rules_that_change_no_label_of_a_picture_announce_nothing(world: World) -> None:
    world.process(event(), BLOCKS_BLUR)

    outcome = world.process(repair(labels_only=True), LabelRules.of(["Blur", "Dog"]), outbox=Outbox())

    assert outcome is Outcome.UNCHANGED
    assert "unannounced" not in world.result()
    assert world.process(repair(), LabelRules.of(["Blur", "Dog"]), outbox=Outbox()) is Outcome.UNCHANGED


def test_labels_that_change_are_announced(world: World) -> None:
    world.process(event(), BLOCKS_BLUR)

    world.process(repair(labels_only=True), RENAMES, outbox=Outbox())

    assert "unannounced" in world.result()


def test_labels_alone_cost_no_call_whatever_else_has_changed(world: World) -> None:
    world.process(event(), BLOCKS_BLUR)

    assert world.process(repair(labels_only=True), RENAMES, min_confidence=75) is Outcome.LABELED

    assert world.shown() == ["Person"]
    assert len(world.rekognition.calls) == 1
    world.process(repair(), RENAMES, min_confidence=75)  # under other settings of the detector, this is another matter
    assert len(world.rekognition.calls) == 2


def test_a_picture_that_has_no_labels_yet_is_left_alone(world: World) -> None:
    assert world.process(repair(labels_only=True), RENAMES) is Outcome.UNCHANGED

    assert not world.rows.items
    assert not world.rekognition.calls


def test_a_rejected_picture_of_a_former_layout_is_counted_without_a_call(world: World) -> None:
    world.objects.add("cat.jpg", b"text", "v2")
    world.process(event(version_id="v2", sequencer=2), BLOCKS_BLUR)
    del world.result()["terms"], world.rows.items[keys.COUNTERS_PK, keys.counter_sk("cat.jpg")]

    assert world.process(repair(labels_only=True), BLOCKS_BLUR) is Outcome.UNCHANGED

    assert world.result()["status"] == "REJECTED"
    assert world.result()["terms"] == TERMS_LAYOUT
    assert world.counters_are_right()
    assert not world.rekognition.calls


def test_another_version_is_left_to_its_own_event(world: World) -> None:
    world.process(event(), BLOCKS_BLUR)
    world.objects.add("cat.jpg", png(), "v2")

    assert world.process(repair(labels_only=True), RENAMES) is Outcome.UNCHANGED

    assert world.shown() == ["Cat", "Human", "Person", "Pet"]


def test_the_item_has_room_for_the_labels_twice(world: World) -> None:
    instances = [{"Confidence": 99.5, "BoundingBox": {"Left": 0.123456, "Top": 0.1, "Width": 0.1, "Height": 0.1}}] * 900
    crowd = [{"Name": f"Label {number}", "Confidence": 90, "Instances": instances} for number in range(10)]
    world.rekognition.detect = lambda *_: {"Labels": crowd}  # type: ignore[method-assign]

    world.process(event(), LabelRules.of(["Label 1"]))

    assert len(world.shown()) == 9
    assert len(world.result()["allLabels"]) == 10
    assert world.result()["truncated"] == ["labels.instances"]
    assert size_bytes(world.result()) < MAX_ANALYSIS_BYTES + 5_000


def position_of(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["sequencer"], item["eventTime"]
