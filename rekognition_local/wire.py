"""The AWS JSON 1.1 protocol, read from botocore's service model of Rekognition."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.model import ListShape, OperationNotFoundError, ServiceModel, Shape, StructureShape

from rekognition_local.errors import (
    NotImplementedHereError,
    RekognitionError,
    SerializationError,
    UnknownOperationError,
)
from rekognition_local.validation import parse_parameters

CONTENT_TYPE = "application/x-amz-json-1.1"


def session() -> botocore.session.Session:
    """Make a session of the standard variables that reads none of the person's AWS profiles and configuration files."""
    nothing: dict[str, tuple[None, None, str | None, None]] = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
    }
    return botocore.session.Session(session_vars=nothing)


@cache
def service_model() -> ServiceModel:
    """Return botocore's model of Rekognition."""
    model: ServiceModel = session().get_service_model("rekognition")
    return model


def operation_name(target: str | None, implemented: frozenset[str]) -> str:
    """Return the operation that an X-Amz-Target header names.

    Raises UnknownOperationError for what is no operation of Rekognition, NotImplementedHereError for one that this
    server lacks.
    """
    prefix, _, name = (target or "").partition(".")
    try:
        if prefix != service_model().metadata["targetPrefix"]:
            raise OperationNotFoundError(name)
        service_model().operation_model(name)
    except OperationNotFoundError as error:
        raise UnknownOperationError(f"X-Amz-Target {target!r} names no operation of Rekognition") from error
    if name not in implemented:
        raise NotImplementedHereError(
            f"The local Rekognition does not implement {name}. It implements {', '.join(sorted(implemented))}; "
            "see rekognition_local/OPERATIONS.md"
        )
    return name


def parse_call(operation: str, body: bytes) -> dict[str, Any]:
    """Return the checked parameters in the body of a call. Raises SerializationError or ValidationError."""
    try:
        document = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise SerializationError("The request's body is not JSON") from error
    shape = service_model().operation_model(operation).input_shape
    if not isinstance(shape, StructureShape):
        raise UnknownOperationError(f"{operation} takes no parameters")
    return parse_parameters(document, shape)


def serialise(operation: str, answer: Mapping[str, Any]) -> bytes:
    """Return an answer as JSON with exactly the members of the model: anything else is our mistake, and raises."""
    shape = service_model().operation_model(operation).output_shape
    check_answer(answer, shape, operation)
    return json.dumps(answer, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def serialise_error(error: RekognitionError, request_id: str) -> bytes:
    """Return an error as the service's documentation shows it."""
    document = {"__type": error.code, "Code": error.code, "Logref": request_id, "Message": error.message}
    return json.dumps(document, ensure_ascii=False).encode()


_SCALARS: dict[str, type | tuple[type, ...]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "long": int,
    "float": (int, float),
    "double": (int, float),
}


def check_answer(value: Any, shape: Shape | None, path: str) -> None:
    """Check a value against the model; raises TypeError or ValueError with the path."""
    if isinstance(shape, StructureShape):
        if not isinstance(value, Mapping):
            raise TypeError(f"{path} is {type(value).__name__}, the model has a structure")
        unknown = set(value) - set(shape.members)
        if unknown:
            raise ValueError(f"{path} has members that the model lacks: {sorted(unknown)}")
        for name, member in value.items():
            check_answer(member, shape.members[name], f"{path}.{name}")
    elif isinstance(shape, ListShape):
        if not isinstance(value, list):
            raise TypeError(f"{path} is {type(value).__name__}, the model has a list")
        for item in value:
            check_answer(item, shape.member, f"{path}[]")
    elif shape is not None:
        _check_scalar(value, shape, path)


def _check_scalar(value: Any, shape: Shape, path: str) -> None:
    is_number = shape.type_name not in ("string", "boolean")
    if not isinstance(value, _SCALARS[shape.type_name]) or (is_number and isinstance(value, bool)):
        raise TypeError(f"{path} is {type(value).__name__}, the model has {shape.type_name}")
    choices = getattr(shape, "enum", None)
    if choices and value not in choices:
        raise ValueError(f"{path} is {value!r}, the model has {choices}")
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    if is_number and ((least is not None and value < least) or (most is not None and value > most)):
        raise ValueError(f"{path} is {value}, the model has {least} to {most}")
