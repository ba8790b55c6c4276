"""Parameters checked against botocore's service model, as the service's own front end does.

Two kinds of error: a value of another JSON type is a SerializationException, a value of the right type that breaks
a constraint (required, length, range, pattern, enumeration) is a ValidationException that lists all of them.
botocore's own ParamValidator knows types and lower bounds only, hence this walk. Unknown members are ignored.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any

from botocore.model import ListShape, Shape, StringShape, StructureShape

from rekognition_local.errors import SerializationError, ValidationError

_INTEGERS = ("integer", "long")
_NUMBERS = ("float", "double")


def parse_parameters(body: Any, shape: StructureShape) -> dict[str, Any]:
    """Type, decode and check a request's JSON; blobs come back as bytes.

    Raises SerializationError or ValidationError.
    """
    parameters: dict[str, Any] = _parse(body, shape)
    broken = list(_broken(parameters, shape, ""))
    if broken:
        plural = "s" if len(broken) > 1 else ""
        raise ValidationError(f"{len(broken)} validation error{plural} detected: {'; '.join(broken)}")
    return parameters


def _parse(value: Any, shape: Shape) -> Any:
    if isinstance(shape, StructureShape):
        if not isinstance(value, Mapping):
            raise _wrong_type(value, "a structure")
        present = {name: value[name] for name in shape.members if value.get(name) is not None}
        return {name: _parse(member, shape.members[name]) for name, member in present.items()}
    if isinstance(shape, ListShape):
        if not isinstance(value, list):
            raise _wrong_type(value, "a list")
        return [_parse(item, shape.member) for item in value]
    return _parse_scalar(value, shape.type_name)


def _parse_scalar(value: Any, type_name: str) -> Any:
    if type_name == "blob":
        return _decode_blob(value)
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if type_name in _INTEGERS:
        if not is_number or value % 1:  # of NaN and infinity too, which Python reads in JSON
            raise _wrong_type(value, "an integer")
        return int(value)
    if type_name in _NUMBERS:
        if not is_number:
            raise _wrong_type(value, "a number")
        return float(value)
    expected = {"string": str, "boolean": bool}[type_name]
    if not isinstance(value, expected):
        raise _wrong_type(value, f"a {type_name}")
    return value


def _decode_blob(value: Any) -> bytes:
    if not isinstance(value, str):
        raise _wrong_type(value, "base64 text")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise SerializationError("Unable to decode a base64 value") from error


def _wrong_type(value: Any, expected: str) -> SerializationError:
    return SerializationError(f"Expected {expected}, found {_JSON_NAMES.get(type(value), type(value).__name__)}")


_JSON_NAMES = {
    dict: "a structure",
    list: "a list",
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
}


def _broken(value: Any, shape: Shape, path: str) -> Iterator[str]:
    """Yield a sentence for each broken constraint."""
    if isinstance(shape, StructureShape):
        for name in shape.required_members:
            if name not in value:
                yield f"Value null at '{_join(path, name)}' failed to satisfy constraint: Member must not be null"
        for name, member in value.items():
            yield from _broken(member, shape.members[name], _join(path, name))
    elif isinstance(shape, ListShape):
        yield from _out_of_bounds(value, len(value), "length", shape, path)
        for index, item in enumerate(value, 1):
            yield from _broken(item, shape.member, f"{path}.{index}.member")
    elif isinstance(value, (bytes, str)):
        yield from _out_of_bounds(value, len(value), "length", shape, path)
        if isinstance(value, str):
            yield from _broken_text(value, shape, path)
    elif not isinstance(value, bool):
        yield from _out_of_bounds(value, value, "value", shape, path)


def _join(path: str, member: str) -> str:
    """Return member names as the service words them: a dotted path, each with a small first letter."""
    name = member[0].lower() + member[1:]
    return f"{path}.{name}" if path else name


def _complaint(value: Any, path: str, constraint: str) -> str:
    shown = f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]" if isinstance(value, bytes) else value
    return f"Value '{shown}' at '{path}' failed to satisfy constraint: Member must {constraint}"


def _out_of_bounds(value: Any, size: float, what: str, shape: Shape, path: str) -> Iterator[str]:
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if least is not None and not size >= least:
        yield _complaint(value, path, f"have {what} greater than or equal to {least}")
    if most is not None and size > most:
        yield _complaint(value, path, f"have {what} less than or equal to {most}")


def _broken_text(value: str, shape: Shape, path: str) -> Iterator[str]:
    pattern = shape.metadata.get("pattern")
    if pattern is not None and not re.fullmatch(pattern, value):
        yield _complaint(value, path, f"satisfy regular expression pattern: {pattern}")
    if isinstance(shape, StringShape) and shape.enum and value not in shape.enum:
        yield _complaint(value, path, f"satisfy enum value set: [{', '.join(shape.enum)}]")
