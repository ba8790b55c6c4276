"""A cloud's error answers, put into words, and the property they are about."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

# Values shorter than this are found in every other sentence.
SHORTEST_QUOTE = 4


def explain(error: Exception) -> str:
    """Return an error in one line: the request and the cloud's answer, or the reason why it was not sent."""
    if isinstance(error, ClientError):
        answer = error.response.get("Error", {})
        return f"{error.operation_name} answered {answer.get('Code', '?')}: {answer.get('Message', '')}".strip()
    text = " ".join(str(error).split())
    return text if isinstance(error, BotoCoreError) else f"{type(error).__name__}: {text}"


def property_at_fault(inputs: Mapping[str, Any], answer: str, api_names: Mapping[str, str] | None = None) -> str | None:
    """Return the path of the property that an answer is about: one it names, else one whose value it quotes.

    None when the answer fits none, or several equally well.

    Args:
        inputs: The resource's properties.
        answer: The cloud's answer.
        api_names: The API's names of properties that Pulumi names otherwise.
    """
    names = api_names or {}
    words = {word.lower() for word in re.findall(r"[A-Za-z][A-Za-z0-9]+", answer.partition(": ")[2] or answer)}
    leaves = _leaves(inputs)
    called = {path: re.sub(r"\[\d+\]", "", path).rpartition(".")[2] for path, _ in leaves}
    named = [path for path, name in called.items() if {name.lower(), names.get(name, name).lower()} & words]
    quoted = [path for path, value in leaves if len(str(value)) >= SHORTEST_QUOTE and str(value) in answer]
    for candidates in ([path for path in quoted if path in named], named, quoted):
        if len(candidates) == 1:
            return candidates[0]
    return None


def _leaves(value: Any, path: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return [leaf for key, inner in value.items() for leaf in _leaves(inner, f"{path}.{key}" if path else key)]
    if isinstance(value, list):
        return [leaf for i, inner in enumerate(value) for leaf in _leaves(inner, f"{path}[{i}]")]
    return [(path, value)]
