"""Arguments of components: described once, in an `…Args`, and read from there by everything that needs them.

An `…Args` is a TypedDict whose members carry their type, default, limits, environment variable and description::

    max_labels: Annotated[pulumi.Input[int], Field(10, ge=1, le=49), Variable("MAX_LABELS")]
    \"\"\"Labels that a picture keeps, the most certain first.\"\"\"

The component checks its arguments by it, and the functions' environment, the plugin's schema, the settings of
Labelstack's own stacks and their documentation are derived from it. `Field` is pydantic's; its `description` says what
a value has to be, where type and limits do not say it.
"""

import ast
import contextlib
import difflib
import inspect
import itertools
import json
import os
import sys
import textwrap
import types
import typing
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import annotated_types
import pulumi
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from .errors import Problem

T = TypeVar("T")
# The unit of a number, by the end of its name.
UNITS = {"seconds": "seconds", "days": "days", "mb": "megabytes", "usd": "US dollars"}
SEVERAL = 5  # choices that a sentence can name; more are a list
# Not recorded as a component's inputs: paths differ from machine to machine. A function's own resources show its
# environment and rights, and to record them here would make resources wait for each other.
UNRECORDED = {"source_dir", "build_dir", "folder", "environment", "statements"}


@dataclass(frozen=True)
class Variable:
    """The environment variable by which a function gets an argument."""

    name: str


@dataclass(frozen=True)
class Configured:
    """The key of the stack's configuration, `labelstack:<key>`, that says what an argument is where it is absent.

    For what depends on where a program is deployed and not on the program, as an emulator's addresses.
    """

    key: str


@dataclass(frozen=True)
class Member:
    """One argument of an `…Args`; `type` is without `Annotated`, `Required` and `pulumi.Input`."""

    name: str
    type: Any
    late: bool
    """True if the value may be an output."""
    required: bool
    field: FieldInfo | None
    variable: str | None
    description: str
    unit: str = ""
    key: str | None = None
    """The key of the stack's configuration that replaces an absent value."""

    @property
    def default(self) -> Any:
        """Return the default value, or None."""
        default = self.field.default if self.field is not None else None
        return None if default is PydanticUndefined else default

    @property
    def expected(self) -> str:
        """Return the allowed values in words."""
        described = self.field.description if self.field is not None else None
        return described or _expected(self.type, self.unit, self.limits)

    @property
    def limits(self) -> Sequence[Any]:
        """Return pydantic's limits of the value."""
        return self.field.metadata if self.field is not None else ()


Rule = Callable[[Mapping[str, Any]], Iterator[Problem]]
Refusal = Callable[[Problem], Exception]
"""The error that refuses a late value, once it is known."""


@cache
def members(args_type: type) -> Mapping[str, Member]:
    """Read the members of an `…Args`, by name, those of its bases first."""
    required, documented = typing.cast(Any, args_type).__required_keys__, docstrings(args_type)
    by_name = {}
    for name, annotation in inspect.get_annotations(args_type).items():
        plain, metadata, late = strip(annotation)
        variable = next((entry.name for entry in metadata if isinstance(entry, Variable)), None)
        key = next((entry.key for entry in metadata if isinstance(entry, Configured)), None)
        about = documented.get(name, ""), UNITS.get(name.rpartition("_")[2], ""), key
        by_name[name] = Member(name, plain, late, name in required, _field(metadata), variable, *about)
    return by_name


def _field(metadata: Sequence[Any]) -> FieldInfo | None:
    return next((entry for entry in metadata if isinstance(entry, FieldInfo)), None)


def check(
    known: Mapping[str, Member], values: Mapping[str, Any], refusal: Refusal = lambda problem: problem
) -> tuple[dict[str, Any], list[Problem]]:
    """Convert the values of arguments and fill in defaults: late ones when they are known, or raise their `refusal`.

    Returns the arguments, None for each absent one, and their problems.
    """
    problems = [
        Problem(name, None, "", near=next(iter(difflib.get_close_matches(name, known, 1)), ""))
        for name in values
        if name not in known
    ]
    checked: dict[str, Any] = {}
    for name, member in known.items():
        value = values.get(name)
        if value is None:
            if member.required:
                problems.append(Problem.missing(name, member.expected))
            value = member.default
        try:
            checked[name] = None if value is None else _converted(member, value, refusal)
        except Problem as problem:
            problems.append(problem)
    return checked, problems


def environment(args_type: type, args: Any) -> dict[str, pulumi.Input[str]]:
    """Return the environment variables of the arguments that have one, by name, without absent arguments."""
    return {
        member.variable: derive(as_text, args[name])
        for name, member in members(args_type).items()
        if member.variable is not None and args[name] is not None
    }


def as_text(value: Any) -> str:
    """Write a value as an environment variable has it: `true`, `72.5`, `labels,faces`."""
    if isinstance(value, list | tuple):
        return ",".join(map(as_text, value))
    return value if isinstance(value, str) else json.dumps(value)


def recorded(known: Mapping[str, Member], args: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs that a component records of itself, so that a preview shows what has changed."""
    return {
        to_camel(name): plain_inputs(args[name]) for name in known if args[name] is not None and name not in UNRECORDED
    }


def plain_inputs(value: Any) -> Any:
    """Write references and nested structures as Pulumi records inputs: mappings with camelCase keys."""
    if isinstance(value, pulumi.Resource):
        return value.urn
    if isinstance(value, Mapping):
        return {key: plain_inputs(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_inputs(item) for item in value]
    return str(value) if isinstance(value, os.PathLike) else value


def is_late(value: object) -> bool:
    """Return whether a value is known only later, as an output is."""
    return isinstance(value, pulumi.Output) or inspect.isawaitable(value)


def derive(function: Callable[..., T], *values: Any) -> Any:
    """Apply `function` at once to plain values, and later where one of them is, or holds, an output."""
    if any(map(_holds_late, values)):
        return pulumi.Output.all(*values).apply(lambda known: function(*known))
    return function(*values)


def strip(annotation: Any) -> tuple[Any, list[Any], bool]:
    """Take `Required`, `Annotated`, `pulumi.Input` and `| None` off an annotation.

    Returns the plain type, the metadata, and whether the value may be an output.
    """
    metadata: list[Any] = []
    late = False
    while True:
        origin, parts = typing.get_origin(annotation), typing.get_args(annotation)
        if origin in (typing.Required, typing.NotRequired):
            annotation = parts[0]
        elif origin is typing.Annotated:
            annotation, metadata = parts[0], [*metadata, *parts[1:]]
        elif is_union(annotation):
            present = [part for part in parts if part is not types.NoneType and not _is_late_type(part)]
            late = late or any(map(_is_late_type, parts))
            if len(present) != 1:
                return typing.Union[tuple(present)], metadata, late  # noqa: UP007 - built, not written
            annotation = present[0]
        else:
            return annotation, metadata, late


def is_union(annotation: Any) -> bool:
    """Return whether an annotation is `X | Y`, in either spelling."""
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)


def structure(annotation: Any) -> Any | None:
    """Return the TypedDict of an annotation, itself or one part of a union, or None."""
    parts = typing.get_args(annotation) if is_union(annotation) else (annotation,)
    return next((part for part in parts if typing.is_typeddict(part)), None)


def is_sequence(annotation: Any) -> bool:
    """Return whether an annotation is a sequence."""
    return typing.get_origin(annotation) in (Sequence, list, tuple)


def is_mapping(annotation: Any) -> bool:
    """Return whether an annotation is a mapping from texts."""
    return typing.get_origin(annotation) in (Mapping, dict)


# --- conversion ------------------------------------------------------------------------------------------------------


def _converted(member: Member, value: Any, refusal: Refusal) -> Any:
    """Convert a value to its member's type, a late one when it is known. Raises Problem."""
    if is_late(value) and structure(member.type) is None:
        if member.late:
            return pulumi.Output.from_input(value).apply(lambda known: _converted_late(member, known, refusal))
        raise Problem(member.name, "an output", f"a value that is known when the program runs, {member.expected}")
    wrong = Problem(member.name, value, member.expected)
    if (parts := structure(member.type)) is not None:
        return _structured(member, parts, value, refusal)
    if is_sequence(member.type):
        if not isinstance(value, list | tuple):
            raise wrong
        item = _item(member, typing.get_args(member.type)[0])
        present = [each for each in value if each is not None]
        items = [
            _converted(replace(item, name=f"{member.name}[{at}]"), each, refusal) for at, each in enumerate(present)
        ]
        plain = [each for each in items if not is_late(each)]
        least = next((limit.min_length for limit in member.limits if isinstance(limit, annotated_types.MinLen)), 0)
        if len(items) < least or any(each in plain[:at] for at, each in enumerate(plain)):
            raise wrong
        return tuple(items)
    if is_mapping(member.type):
        if not isinstance(value, Mapping):
            raise wrong
        key_member, item = (_item(member, annotation) for annotation in typing.get_args(member.type))
        return {
            _converted(replace(key_member, name=f"{member.name}.{key}"), key, refusal): _converted(
                replace(item, name=f"{member.name}.{key}"), each, refusal
            )
            for key, each in value.items()
        }
    return _scalar(member, value, wrong)


def _converted_late(member: Member, value: Any, refusal: Refusal) -> Any:
    if value is None and not member.required:
        return member.default
    try:
        if value is None:
            raise Problem.missing(member.name, member.expected)
        return _converted(member, value, refusal)
    except Problem as problem:
        raise refusal(problem) from None


def _scalar(member: Member, value: Any, wrong: Problem) -> Any:
    if member.type is typing.Any:
        return value
    if isinstance(value, bool) and member.type is not bool:
        raise wrong
    if member.type is str and isinstance(value, int):  # as YAML reads a name of digits
        value = str(value)
    if _is_choice(member.type) and isinstance(typing.get_args(member.type)[0], int):
        # A whole number that is written as a text or, as from the plugin, as a float.
        with contextlib.suppress(ValidationError):
            value = _adapter(int, ()).validate_python(value)
    try:
        converted = _adapter(member.type, tuple(member.limits)).validate_python(value)
    except ValidationError:
        raise wrong from None
    return int(converted) if isinstance(converted, float) and converted.is_integer() else converted


def _structured(member: Member, parts: Any, value: Any, refusal: Refusal) -> Any:
    """Return a checked TypedDict, or the resource or object that stands for it."""
    if is_late(value):
        whole = pulumi.Output.from_input(value)
        required = {name: part for name, part in members(parts).items() if part.required}
        return {
            name: _converted(replace(part, name=f"{member.name}.{name}", late=True), _part(whole, name), refusal)
            for name, part in required.items()
        }
    others = typing.get_args(member.type) if is_union(member.type) else ()
    if isinstance(value, tuple(part for part in others if isinstance(part, type) and part is not parts)):
        return value
    if not isinstance(value, Mapping):
        raise Problem(member.name, value, member.expected)
    checked, problems = check(members(parts), value, lambda problem: refusal(problem.below(member.name)))
    for problem in problems:
        raise problem.below(member.name)
    return {key: each for key, each in checked.items() if each is not None}


def _part(whole: pulumi.Output[Any], name: str) -> pulumi.Output[Any]:
    """Return a required part of a structure that is known later as a whole, as another language may hand it over."""
    return whole.apply(lambda known: known.get(name, known.get(to_camel(name))) if isinstance(known, Mapping) else None)


def _item(member: Member, annotation: Any) -> Member:
    """Return the items of a list or mapping as a member of their own."""
    plain, metadata, late = strip(annotation)
    field = _field(metadata)
    limits = field.metadata if field else []
    tells = plain in (int, float) or _is_choice(plain) or structure(plain) is not None
    expected = (field and field.description) or (_expected(plain, "", limits) if tells else member.expected)
    described = FieldInfo(annotation=plain, description=expected)
    described.metadata = limits
    return replace(member, type=plain, late=late, field=described)


@cache
def _adapter(annotation: Any, limits: tuple[Any, ...]) -> TypeAdapter[Any]:
    limited: Any = typing.Annotated[annotation, *limits] if limits else annotation
    config = ConfigDict(allow_inf_nan=False) if annotation in (int, float) else ConfigDict(arbitrary_types_allowed=True)
    return TypeAdapter(limited, config=config)


class _Plain(dict[str, Any]):
    """Arguments as rules read them: a value that is known only later ends the rule that reads it."""

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        if _holds_late(value):
            raise _LateError
        return value


class _LateError(Exception):
    """A rule read a value that is not known yet."""


def broken(rules: Rule, checked: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the problems that the rules find in checked arguments."""
    try:
        yield from rules(_Plain(checked))
    except _LateError:
        return


def _holds_late(value: object) -> bool:
    if isinstance(value, list | tuple):
        return any(map(_holds_late, value))
    return is_late(value)


def _is_late_type(part: Any) -> bool:
    """Return whether a part of a union is `Output[…]`, also as a name, or `Awaitable[…]`."""
    forward = isinstance(part, typing.ForwardRef) and part.__forward_arg__.startswith("Output")
    return forward or typing.get_origin(part) in (Awaitable, pulumi.Output)


# --- expected values and purpose -------------------------------------------------------------------------------------


def _expected(annotation: Any, unit: str, limits: Sequence[Any]) -> str:
    if typing.get_origin(annotation) is typing.Literal:
        *others, last = map(str, typing.get_args(annotation))
        if len(others) > SEVERAL:
            return f"one of {', '.join(others)}, {last}"
        return f"{', '.join(others)} or {last}" if others else last
    if is_sequence(annotation):
        inner, metadata, _ = strip(typing.get_args(annotation)[0])
        if (field := _field(metadata)) and field.description:
            return f"a list of different items, each {field.description}"
        several = _expected(inner, unit, ()).replace(" or ", " and ") if _is_choice(inner) else "texts"
        least = ", at least one" if any(isinstance(limit, annotated_types.MinLen) for limit in limits) else ""
        return f"a list of {several}{least}, each at most once"
    if annotation is bool:
        return "true or false"
    if annotation in (int, float):
        number = "a whole number" if annotation is int else "a number"
        return f"{number}{f' of {unit}' if unit else ''}{_range(limits)}"
    if (reference := structure(annotation)) is not None:
        required = ", ".join(name for name, part in members(reference).items() if part.required)
        union = typing.get_args(annotation) if is_union(annotation) else ()
        kinds = ", ".join(_class_name(kind) for kind in union if isinstance(kind, type) and kind is not reference)
        return f"{kinds}, or a mapping with {required}" if kinds else f"a mapping with {required}"
    if is_mapping(annotation):
        return "a mapping"
    return "a path" if Path in typing.get_args(annotation) else "a text"


def _class_name(kind: type) -> str:
    """Return a class as a program names it: `UploadBucket`, `aws.s3.Bucket`."""
    package, _, rest = kind.__module__.partition(".")
    return f"aws.{rest.partition('.')[0]}.{kind.__name__}" if package == "pulumi_aws" else kind.__name__


def _is_choice(annotation: Any) -> bool:
    return typing.get_origin(annotation) is typing.Literal


def _range(limits: Sequence[Any]) -> str:
    bounds = {key: getattr(limit, key) for limit in limits for key in ("ge", "gt", "le") if hasattr(limit, key)}
    if "gt" in bounds:
        return f" above {bounds['gt']}" + (f" and up to {bounds['le']}" if "le" in bounds else "")
    if "ge" in bounds:
        return f" from {bounds['ge']} " + (f"to {bounds['le']}" if "le" in bounds else "on")
    return ""


@cache
def docstrings(owner: type) -> Mapping[str, str]:
    """Read the docstrings below the members of a class and its bases, as one line each.

    From the source, as Python keeps none of them, and a TypedDict forgets its bases.
    """
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(owner))).body
    assert isinstance(tree, ast.ClassDef)
    by_name: dict[str, str] = {}
    for base in tree.bases:
        inherited = vars(sys.modules[owner.__module__]).get(base.id) if isinstance(base, ast.Name) else None
        if isinstance(inherited, type):
            by_name |= docstrings(inherited)
    for node, after in itertools.pairwise(tree.body):
        match node, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                by_name[name] = " ".join(text.split())
    return by_name
