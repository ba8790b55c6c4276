"""The table's keys."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.results import keys


@given(st.text(st.characters(exclude_categories=["Cs"])), st.integers(0, 50))
def test_cut_to_bytes_is_the_longest_beginning_that_fits(text: str, limit: int) -> None:
    cut = keys.cut_to_bytes(text, limit)

    assert text.startswith(cut)
    assert len(cut.encode()) <= limit
    rest = text[len(cut) :]
    assert not rest or len(cut.encode()) + len(rest[0].encode()) > limit


def test_sort_keys_of_the_longest_s3_key_fit() -> None:
    key = "é" * 512

    assert len(keys.sort_key("2026-11-20T12:00:00.000Z", key).encode()) <= 1024
    assert len(keys.sort_key(keys.confidence_sort(Decimal(100)), key).encode()) <= 1024


@given(st.decimals(0, 100, places=4), st.decimals(0, 100, places=4))
def test_confidence_sorts_as_text_like_the_number(first: Decimal, other: Decimal) -> None:
    assert (keys.confidence_sort(first) < keys.confidence_sort(other)) == (first < other)


def test_confidence_has_a_fixed_width() -> None:
    assert keys.confidence_sort(Decimal("98.7")) == "098.7000"


@pytest.mark.parametrize(("shorter", "longer"), [("FF", "0100"), ("a", "B"), ("9", "00A")])
def test_padded_sequencers_compare_as_numbers(shorter: str, longer: str) -> None:
    assert keys.pad_sequencer(shorter) < keys.pad_sequencer(longer)


def test_labels_are_found_without_regard_to_case() -> None:
    assert keys.label_sk("Palm Tree") == keys.label_sk("palm tree") == "LABEL#palm tree"


@pytest.mark.parametrize(
    ("key", "folder"), [("cat.jpg", ""), ("uploads/cat.jpg", "uploads/"), ("a/b/c", "a/"), ("/a", "/"), ("a#/b", "a#/")]
)
def test_pictures_are_counted_by_their_first_folder(key: str, folder: str) -> None:
    assert keys.folder_of(key) == folder
    assert keys.counter_sk(key).startswith(keys.counters_of(folder))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_counter_shard_is_two_hex_digits_below_the_number_of_shards(key: str) -> None:
    folder, _, shard = keys.counter_sk(key).rpartition("#")

    assert key.startswith(folder)
    assert len(shard) == 2
    assert int(shard, 16) < keys.COUNTER_SHARDS
