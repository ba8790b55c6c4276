"""Builds a request to AWS out of a resource's properties by botocore's own model of the operation.

Pulumi's AWS provider names most properties as the API does, in camelCase (`memorySize` is `MemorySize`). Matching
properties are sent; others stay unused in `Inputs`, so that the engine names them as not applied.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from labelstack.engines.inputs import Inputs
from labelstack.errors import DeployError

WHOLE_NUMBER = re.compile("-?[0-9]+")


def shape_of(client: Any, operation: str) -> Any:
    """Return botocore's model of an operation's parameters, by the API's name of the operation, `CreateFunction`."""
    return client.meta.service_model.operation_model(operation).input_shape


def structure(
    inputs: Inputs, shape: Any, names: Mapping[str, str] = MappingProxyType({}), by_hand: Collection[str] = ()
) -> dict[str, Any]:
    """Return the value of a structure, such as the parameters of an operation.

    Args:
        inputs: The resource's properties, or those of a nested object.
        shape: botocore's model of the structure.
        names: API names of properties that are called otherwise by Pulumi, at any depth.
        by_hand: Properties that the caller uses itself.
    """
    members = {name.lower(): name for name in shape.members}
    built = {}
    for name in inputs:
        if name in by_hand:
            continue
        member = names.get(name) or next((members[form] for form in _forms(name) if form in members), None)
        if member in shape.members:
            built[str(member)] = _value(inputs, name, shape.members[member], names)
    if "Quantity" in shape.members:  # CloudFront's lists
        built["Quantity"] = len(built.get("Items", ()))
    return built


def _forms(name: str) -> tuple[str, ...]:
    lower = name.lower()
    return lower, lower + "s", lower.removesuffix("s"), lower.removesuffix("ies") + "y"


def _value(inputs: Inputs, name: str, shape: Any, names: Mapping[str, str]) -> Any:
    kind = shape.type_name
    if kind == "structure" and "Quantity" in shape.members and isinstance(inputs.get(name), list):
        items = _value(inputs, name, shape.members["Items"], names)
        return {"Quantity": len(items), "Items": items}
    if kind == "structure":
        nested = inputs.object(name)
        assert nested is not None  # the name came from the inputs
        return structure(nested, shape, names)
    if kind == "list" and shape.member.type_name == "structure":
        if isinstance(inputs.get(name), dict) and set(shape.member.members) == {"Name", "Value"}:
            return [{"Name": key, "Value": str(value)} for key, value in inputs.get(name).items()]
        return [structure(nested, shape.member, names) for nested in inputs.objects(name)]
    value = inputs.get(name)
    path = inputs.path_of(name)
    if kind == "list":
        items = value if isinstance(value, list) else [value]
        return [_scalar(item, shape.member.type_name, path) for item in items]
    if kind == "map":
        if not isinstance(value, dict):
            raise DeployError(f"property {path}: expected an object, got {value!r}", property=path)
        return {key: _scalar(item, shape.value.type_name, path) for key, item in value.items()}
    return _scalar(value, kind, path)


def _scalar(value: Any, kind: str, path: str) -> Any:
    if kind == "string" and isinstance(value, bool):
        return "true" if value else "false"
    if kind == "string" and isinstance(value, int | float):
        return str(value)
    if kind in ("integer", "long") and isinstance(value, str) and WHOLE_NUMBER.fullmatch(value):
        return int(value)
    if isinstance(value, dict | list) and kind in ("string", "integer", "long", "boolean"):
        raise DeployError(f"property {path}: expected a value of type {kind}, got {value!r}", property=path)
    return value
