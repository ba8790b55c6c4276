"""Names that the schema, the engine and the components agree on, and arguments as the components take them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic.alias_generators import to_camel

from settings import Settings, parse

PACKAGE = "labelstack"
# The clone that this package is installed from holds the functions' sources, their locks and the API's contract.
SOURCE_DIR = Path(__file__).resolve().parents[1]


def token(component: str) -> str:
    """A component's type, as the schema has it."""
    return f"{PACKAGE}:index:{component}"


def present(args: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """The arguments of these names that are given; whole numbers, which arrive as floats, as integers again."""
    found = {name: args[name] for name in names if args.get(name) is not None}
    return {name: _whole(value) for name, value in found.items()}


def settings_of(name: str, args: Mapping[str, Any], **renamed: str) -> Settings:
    """Arguments that are settings of a stack too, with the settings' defaults and limits.

    `renamed` are arguments that have another name than their setting. Raises SettingsError.
    """
    fields = {field: field for field in Settings.model_fields} | {field: name for name, field in renamed.items()}
    chosen = {to_camel(field): args[argument] for field, argument in fields.items() if args.get(argument) is not None}
    return parse(chosen | {"name": name, "protectData": False})


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value
