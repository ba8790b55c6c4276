"""`simulate`: what changed rules of labels would do."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

import settings
from handlers.results.document import Label
from labelstack.cli import repair
from tests.labelstack.cli.conftest import Run
from tests.labelstack.cli.fakes import make_result
from tests.labelstack.cli.repair_cloud import RepairBackend

LEAST = {"name": "zoo", "protectData": False}


def labels(**confidences: float) -> list[Label]:
    return [
        {"name": name, "confidence": Decimal(value), "parents": [], "aliases": [], "categories": [], "instances": []}
        for name, value in confidences.items()
    ]


@pytest.fixture
def backend() -> RepairBackend:
    fake = RepairBackend()
    for number in range(4):
        fake.table.put(make_result(f"in/cat-{number}.jpg", labels=labels(Cat=98, Pet=90)))
    fake.table.put(make_result("blur.jpg", labels=labels(Blur=90)))
    fake.table.put(make_result("blocked.jpg", labels=labels(Cat=80)))
    fake.table.all_labels["blocked.jpg"] = labels(Cat=80, Dog=75)
    fake.table.put(make_result("text.txt", "REJECTED"))
    return fake


@pytest.fixture
def rules(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return settings of the stack's file, for a test to change."""
    values: dict[str, Any] = dict(LEAST)
    monkeypatch.setattr(repair, "read_settings", lambda stack: settings.parse(values))
    return values


def test_counts_what_is_lost_and_gained_by_example(run: Run, backend: RepairBackend, rules: dict[str, Any]) -> None:
    rules |= {"labelBlocklist": ["blur"], "labelAliases": {"Pet": "Animal"}}

    done = run("simulate", "--json")

    simulation = json.loads(done.stdout)
    assert simulation["pictures"] == 6
    assert simulation["changed"]["pictures"] == 6
    assert simulation["unlabeled"] == {"pictures": 1, "examples": ["blur.jpg"]}
    assert simulation["lost"] == {
        "Blur": {"pictures": 1, "examples": ["blur.jpg"]},
        "Pet": {"pictures": 4, "examples": [f"in/cat-{number}.jpg" for number in range(3)]},
    }
    assert {name: change["pictures"] for name, change in simulation["gained"].items()} == {"Animal": 4, "Dog": 1}
    assert backend.requested() == []


def test_the_table_says_it_to_a_person(run: Run, backend: RepairBackend, rules: dict[str, Any]) -> None:
    rules |= {"labelBlocklist": ["Cat"], "minConfidenceByLabel": {"Dog": 99}}

    done = run("simulate", "--prefix", "in/")

    assert "Cat" in done.stdout
    assert "lost" in done.stdout
    assert "in/cat-0.jpg" in done.stdout
    assert "4 pictures, of which 4 would change." in done.stderr


def test_a_blocklist_may_leave_no_label_and_that_is_said(
    run: Run, backend: RepairBackend, rules: dict[str, Any]
) -> None:
    rules |= {"labelAllowlist": ["unicorn"]}

    done = run("simulate")

    assert "6 pictures, of which 6 would change; 6 would show no label at all, for example in/cat-0.jpg." in done.stderr


def test_no_rules_change_nothing(run: Run, backend: RepairBackend, rules: dict[str, Any]) -> None:
    del backend.table.all_labels["blocked.jpg"]

    assert run("simulate").stderr == "6 pictures, of which 0 would change.\n"
