"""The plugin's schema, written from the components: what programs in other languages are typed by."""

import inspect
import json
import typing
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pulumi
from pydantic.alias_generators import to_camel, to_pascal

import components
from components import label_api, pipeline, python_function, website
from components.arguments import Member, docstrings, is_mapping, is_sequence, is_union, members, strip, structure
from components.component import PACKAGE, Component, args_of, token

FILE = Path(__file__).with_name("schema.json")
COMPONENTS: Mapping[str, type[Component]] = {
    name: kind
    for name, kind in sorted(vars(components).items())
    if isinstance(kind, type) and issubclass(kind, Component)
}
TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}
# Names of choices that several components offer.
CHOICES: Mapping[Any, str] = {
    value: name
    for module in (label_api, pipeline, python_function, website)
    for name, value in vars(module).items()
    if typing.get_origin(value) is typing.Literal
}
LANGUAGES = ("nodejs", "python", "csharp", "java", "go")


def outputs_of(component: type[Component]) -> dict[str, Any]:
    """Return the annotations of a component's outputs by name: its members of type `pulumi.Output`."""
    annotations: dict[str, Any] = {}
    for owner in reversed(component.__mro__):
        if issubclass(owner, Component):
            annotations |= inspect.get_annotations(owner)
    return {name: annotation for name, annotation in annotations.items() if _output(annotation) is not None}


@cache
def text() -> str:
    """Write the schema as JSON."""
    types: dict[str, Any] = {}
    resources = {token(name): _resource(component, types) for name, component in COMPONENTS.items()}
    described = {
        "name": PACKAGE,
        "version": version(PACKAGE),
        "displayName": PACKAGE,
        "resources": resources,
        "types": dict(sorted(types.items())),
        "language": {language: {"respectSchemaVersion": True} for language in LANGUAGES},
    }
    return json.dumps(described, indent=2) + "\n"


def write() -> None:
    """Write `schema.json`."""
    FILE.write_text(text())


def _resource(component: type[Component], types: dict[str, Any]) -> dict[str, Any]:
    inputs, outputs = members(args_of(component)), outputs_of(component)
    descriptions = docstrings(typing.cast(Any, component))
    described = {
        "isComponent": True,
        "description": inspect.cleandoc(component.__doc__ or ""),
        "type": "object",
        "inputProperties": {
            to_camel(name): _input(component.__name__, member, types) for name, member in inputs.items()
        },
        "requiredInputs": [to_camel(name) for name, member in inputs.items() if member.required],
        "properties": {
            to_camel(name): {"description": descriptions[name], **_type("", _output(annotation), types)}
            for name, annotation in outputs.items()
        },
        "required": [to_camel(name) for name, annotation in outputs.items() if not is_union(annotation)],
    }
    return {key: value for key, value in described.items() if value}  # as Pulumi's CLI writes a schema


def _input(owner: str, member: Member, types: dict[str, Any]) -> dict[str, Any]:
    choice = strip(typing.get_args(member.type)[0])[0] if is_sequence(member.type) else member.type
    name = CHOICES.get(choice, owner + to_pascal(member.name))
    described = {"description": describe(member), **_type(name, member.type, types)}
    # Arguments that decide which resources exist must be known when the program runs. Parts of a structure say so
    # themselves.
    return described if member.late or structure(member.type) is not None else {**described, "plain": True}


def describe(member: Member) -> str:
    """Return the purpose of an argument, and its default."""
    default = member.default
    if default is None or default in ((), ""):
        return member.description
    shown = json.dumps(list(default) if isinstance(default, tuple) else default)
    return f"{member.description} Default: {shown}."


def _type(name: str, annotation: Any, types: dict[str, Any]) -> dict[str, Any]:
    """Return a type as the schema has it; `name` names a choice of texts."""
    annotation = strip(annotation)[0]
    if (parts := structure(annotation)) is not None:
        return _reference(parts.__name__, lambda: _structure(parts, types), types)
    if typing.get_origin(annotation) is typing.Literal:
        choices = typing.get_args(annotation)
        if not isinstance(choices[0], str):
            return {"type": "integer"}
        values = [{"name": to_pascal(choice.replace(".", "").replace("-", "_")), "value": choice} for choice in choices]
        return _reference(name, lambda: {"type": "string", "enum": values}, types)
    if is_sequence(annotation):
        plain, _, late = strip(typing.get_args(annotation)[0])
        choice = {"plain": True} if typing.get_origin(plain) is typing.Literal and not late else {}
        return {"type": "array", "items": _type(name, plain, types) | choice}
    if is_mapping(annotation):
        return {"type": "object", "additionalProperties": _type(name, typing.get_args(annotation)[1], types)}
    if is_union(annotation):  # a text or a path
        return {"type": "string"}
    return {"type": TYPES[annotation]} if annotation in TYPES else {"$ref": "pulumi.json#/Any"}


def _reference(name: str, build: Any, types: dict[str, Any]) -> dict[str, Any]:
    key = token(name)
    if key not in types:
        types[key] = {}
        types[key] = build()
    return {"$ref": f"#/types/{key}"}


def _structure(parts: Any, types: dict[str, Any]) -> dict[str, Any]:
    inner = members(parts)
    return {
        "type": "object",
        "description": inspect.cleandoc(parts.__doc__ or ""),
        "properties": {to_camel(name): _input(parts.__name__, member, types) for name, member in inner.items()},
        "required": [to_camel(name) for name, member in inner.items() if member.required],
    }


def _output(annotation: Any) -> Any | None:
    """Return the type of an output, optional or not; None for anything else."""
    options = typing.get_args(annotation) if is_union(annotation) else (annotation,)
    outputs = [option for option in options if typing.get_origin(option) is pulumi.Output]
    return typing.get_args(outputs[0])[0] if outputs else None
