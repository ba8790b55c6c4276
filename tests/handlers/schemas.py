"""The committed JSON Schemas, and checking documents by them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema_rs

API = Path(__file__).parents[2] / "api"


def schema(name: str) -> dict[str, Any]:
    """Return the schema `api/<name>.schema.json`."""
    document: dict[str, Any] = json.loads((API / f"{name}.schema.json").read_text())
    return document


def faults(document: Any, name: str, part: str = "") -> list[str]:
    """Return a document's violations of a schema, or of one of its `$defs`."""
    whole = schema(name)
    chosen = {**whole["$defs"][part], "$defs": whole["$defs"]} if part else whole
    checker = jsonschema_rs.Draft202012Validator(chosen, validate_formats=True)
    return [f"{error.instance_path}: {error.message}" for error in checker.iter_errors(document)]
