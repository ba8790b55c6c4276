"""Every argument of every component out of its limits: one sentence each, before anything is made."""

import asyncio
import json
import typing
from collections.abc import Iterator
from typing import Any

import annotated_types
import pulumi
import pytest

import components
from components import ArgumentError
from components.arguments import Member, check, is_mapping, is_sequence, is_union, members, structure
from components.component import Component, args_of
from components.errors import Problem
from tests.recording import Record, record

KINDS = sorted(
    (kind for kind in vars(components).values() if isinstance(kind, type) and issubclass(kind, Component)),
    key=lambda kind: kind.__name__,
)


def wrong_values(member: Member) -> Iterator[Any]:
    """Yield values of another type than the member's, and values beyond each of its limits."""
    kind = member.type
    if structure(kind) is not None:
        yield from ("a text", {"nme": "a typo"})
    elif is_sequence(kind):
        yield from ("a text", {"not": "a list"}, *([["twice", "twice"]] if not is_union(kind) else []))
    elif is_mapping(kind):
        yield from ("a text", ["a list"])
    elif typing.get_origin(kind) is typing.Literal:
        yield from ("neither", "", True)
    elif kind is bool:
        yield from ("perhaps", 2)
    elif kind in (int, float):
        yield from ("many", "", True, [1], *((2.5,) if kind is int else (float("nan"), float("inf"))))
    elif kind is str:
        yield from (["a list"], True)
    for limit in member.field.metadata if member.field else ():
        match limit:
            case annotated_types.Ge(ge=least):
                yield typing.cast(int, least) - 1
            case annotated_types.Gt(gt=above):
                yield above
            case annotated_types.Le(le=most):
                yield typing.cast(int, most) + 1
            case annotated_types.MinLen():
                yield []
            case annotated_types.MaxLen(max_length=longest):
                yield "a" * (longest + 1)
        if getattr(limit, "pattern", None) is not None:
            yield from ("", "no such\nthing")


CASES = [
    pytest.param(member, value, id=f"{kind.__name__}.{member.name}={json.dumps(value, default=str)[:30]}")
    for kind in KINDS
    for member in members(args_of(kind)).values()
    for value in wrong_values(member)
]


@pytest.mark.parametrize(("member", "value"), CASES)
def test_a_value_out_of_its_limits_is_named(member: Member, value: Any) -> None:
    _, problems = check({member.name: member}, {member.name: value})

    (problem,) = problems
    sentence = problem.sentence()
    assert sentence.startswith(f"{member.name}{sentence.removeprefix(member.name)[:1]}")
    assert "\n" not in sentence
    if isinstance(value, dict) and structure(member.type) is not None:
        assert sentence.startswith(f"{member.name}.nme is no argument")
    else:
        assert f" is {json.dumps(problem.value)}: expected " in sentence
        assert sentence.endswith(".")


class _RefusedError(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.sentence())


def test_a_late_value_is_judged_when_it_is_known() -> None:
    async def refused(member: Member, value: Any) -> str | None:
        checked, problems = check({member.name: member}, {member.name: pulumi.Output.from_input(value)}, _RefusedError)
        assert problems == []
        try:
            await pulumi.Output.from_input(checked[member.name]).future()
        except _RefusedError as error:
            return str(error)
        return None

    async def passed() -> list[str]:
        cases = [typing.cast(tuple[Member, Any], case.values) for case in CASES]
        late = [(member, value) for member, value in cases if member.late]
        assert len(late) > 100
        sentences = [(member.name, value, await refused(member, value)) for member, value in late]
        return [
            f"{name}={value!r}: {sentence}"
            for name, value, sentence in sentences
            if not sentence or not sentence.startswith(name)
        ]

    assert asyncio.run(passed()) == []


def test_there_are_cases_of_every_component() -> None:
    assert len(CASES) > 200
    assert len(KINDS) == 13


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_a_typo_is_refused_by_component_and_name(kind: type[Component]) -> None:
    last = list(members(args_of(kind)))[-1]
    recorded: list[Record] = []

    with pytest.raises(ArgumentError) as caught:
        record(lambda: kind("photos", {f"{last}x": 1}), keep=recorded)  # type: ignore[arg-type]

    sentences = str(caught.value).splitlines()
    assert f"{kind.__name__} photos: {last}x is no argument: did you mean {last}?" in sentences
    assert [r.type for r in recorded[0].resources if r.type != "pulumi:pulumi:Stack"] == []
