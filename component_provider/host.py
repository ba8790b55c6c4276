"""The plugin's process: it serves the schema, and makes components with the arguments that Pulumi's engine hands it."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import grpc.aio  # type: ignore[import-untyped]  # grpcio ships no types
import pulumi
from pulumi.provider import ConstructResult, Provider, server
from pydantic.alias_generators import to_camel

from components.arguments import is_mapping, is_sequence, members, strip, structure
from components.component import PACKAGE, args_of
from components.errors import ArgumentError

from . import schema


class Plugin(Provider):
    """Labelstack's components for programs in other languages."""

    def __init__(self) -> None:
        super().__init__(version(PACKAGE), schema.text())

    def construct(
        self, name: str, resource_type: str, inputs: pulumi.Inputs, options: pulumi.ResourceOptions | None = None
    ) -> ConstructResult:
        """Make a component. Raises ComponentError."""
        component = schema.COMPONENTS[resource_type.rpartition(":")[2]]
        resource = component(name, from_schema(args_of(component), inputs), options)  # type: ignore[arg-type]
        outputs = {to_camel(key): getattr(resource, key, None) for key in schema.outputs_of(component)}
        return ConstructResult(resource.urn, {key: value for key, value in outputs.items() if value is not None})


class Servicer(server.ProviderServicer):
    """Pulumi's servicer, from which the engine gets a refusal as its sentence alone, whenever it is raised.

    The SDK puts `Unexpected <class …>` before an error that an output raises. It repeats each sentence of an
    `InputPropertiesError`, once with the component and once with the argument.
    """

    async def Construct(self, request: Any, context: grpc.aio.ServicerContext) -> Any:
        """Make a component. A refusal has the arguments' names as other languages write them."""
        try:
            return await super().Construct(request, context)
        except pulumi.RunError as error:
            refusal: pulumi.RunError = error
            if isinstance(error, ArgumentError):
                refusal = ArgumentError(error.component, error.name, error.problems, spelled)
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(refusal))


def from_schema(annotation: Any, value: Any) -> Any:
    """Spell the keys of structures as Python does; keys of mappings and unknown keys stay as they are.

    Pulumi hands all numbers over as floats: whole ones become whole again, as a sentence about them says them.
    """
    if isinstance(value, float) and value.is_integer():
        return int(value)
    parts = structure(annotation)
    if parts is not None and isinstance(value, Mapping):
        names = {to_camel(name): name for name in members(parts)}
        types = {name: member.type for name, member in members(parts).items()}
        known = {names.get(key, key): item for key, item in value.items()}
        return {key: from_schema(types[key], item) if key in types else item for key, item in known.items()}
    if is_sequence(annotation) and isinstance(value, list):
        inner = strip(annotation.__args__[0])[0]
        return [from_schema(inner, item) for item in value]
    if is_mapping(annotation) and isinstance(value, Mapping):
        inner = strip(annotation.__args__[1])[0]
        return {key: from_schema(inner, item) for key, item in value.items()}
    return value


def spelled(argument: str) -> str:
    """Spell an argument, or a part of one, as other languages do: `bucket.kmsKeyArn`."""
    return ".".join(map(to_camel, argument.split(".")))
