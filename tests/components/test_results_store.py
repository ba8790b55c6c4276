"""ResultsStore alone."""

import pytest

from components.results_store import ResultsStore, ResultsStoreArgs
from tests.recording import Resource, record


def table(protect_data: bool = False) -> Resource:
    recorded = record(lambda: ResultsStore("results", ResultsStoreArgs(protect_data=protect_data)))
    return recorded.single("aws:dynamodb/table:Table")


def test_keys_of_the_table_and_its_indexes() -> None:
    inputs = table().inputs

    assert (inputs["hashKey"], inputs["rangeKey"]) == ("pk", "sk")
    assert inputs["globalSecondaryIndexes"] == [
        {"name": "gsi1", "hashKey": "gsi1pk", "rangeKey": "gsi1sk", "projectionType": "ALL"},
        {"name": "gsi2", "hashKey": "gsi2pk", "rangeKey": "gsi2sk", "projectionType": "ALL"},
    ]
    assert {(key["name"], key["type"]) for key in inputs["attributes"]} == {
        (name, "S") for name in ("pk", "sk", "gsi1pk", "gsi1sk", "gsi2pk", "gsi2sk")
    }


def test_costs_by_use_recovers_expires_and_encrypts() -> None:
    inputs = table().inputs

    assert inputs["billingMode"] == "PAY_PER_REQUEST"
    assert inputs["pointInTimeRecovery"] == {"enabled": True}
    assert inputs["ttl"] == {"attributeName": "expiresAt", "enabled": True}
    assert inputs["serverSideEncryption"] == {"enabled": True}


@pytest.mark.parametrize("protect_data", [True, False])
def test_protects_data_or_goes_with_it(protect_data: bool) -> None:
    table_resource = table(protect_data)

    assert (table_resource.protect, table_resource.inputs["deletionProtectionEnabled"]) == (protect_data, protect_data)


def test_belongs_to_the_component() -> None:
    assert table().parent == "results"
