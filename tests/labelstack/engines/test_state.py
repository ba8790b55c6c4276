"""A stack's record: the file has the engine's knowledge after each change."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labelstack.engines.state import Entry, StackState
from labelstack.errors import StateError

CHANGES = ("put", "finish", "replace", "restore", "rename", "unprotect", "remove", "remove replaced", "outputs")


def entry(number: int, **values: str) -> Entry:
    return Entry(
        f"urn:{number}", "aws:s3/bucket:Bucket", f"bucket-{number}", "", dict(values), protect=True, creating=True
    )


@given(changes=st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 3)), max_size=30))
def test_file_has_what_the_engine_knows(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, int]]
) -> None:
    file = tmp_path_factory.mktemp("record") / "dev.json"
    state = StackState(file, "here")
    for number, (change, which) in enumerate([("outputs", 0), *changes]):
        known = state.entries.get(f"urn:{which}")
        if change == "put":
            state.put(entry(which, at=str(number)))
        elif change == "finish" and known:
            known.id, known.creating = f"id-{number}", False
            state.put(known)
        elif change == "replace" and known:
            state.replace(known, entry(which, at=str(number)))
        elif change == "restore" and state.replaced:
            state.restore(state.replaced[-1])
        elif change == "rename":
            state.rename(f"urn:{which}", f"urn:{which + 1}")
        elif change == "unprotect" and known:
            state.unprotect([known])
        elif change == "remove" and known:
            state.remove(known)
        elif change == "remove replaced" and state.replaced:
            state.remove(state.replaced[0])
        elif change == "outputs":
            state.set_outputs({"number": number})

        read = StackState.load(file, "here")
        assert list(read.entries.items()) == list(state.entries.items())
        assert (read.replaced, read.outputs) == (state.replaced, state.outputs)


def test_record_of_an_instance_that_is_gone_is_empty(tmp_path: Path) -> None:
    StackState(tmp_path / "dev.json", "yesterday's").put(entry(1))

    assert StackState.load(tmp_path / "dev.json", "today's").entries == {}


def test_record_is_for_its_owner_alone(tmp_path: Path) -> None:
    StackState(tmp_path / "dev.json", "here").put(entry(1, secret="inputs may hold one"))

    assert (tmp_path / "dev.json").stat().st_mode & 0o077 == 0


def test_damaged_record_is_told(tmp_path: Path) -> None:
    (tmp_path / "dev.json").write_text('{"format": 1, "entries": [')

    with pytest.raises(StateError, match="repair or delete it"):
        StackState.load(tmp_path / "dev.json", "here")
