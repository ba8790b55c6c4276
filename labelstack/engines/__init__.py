"""Engines: deploy and destroy a stack on a cloud."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labelstack.engines.automation.engine import PulumiEngine
    from labelstack.engines.in_process import Deployment, InProcessEngine

__all__ = ["Deployment", "InProcessEngine", "PulumiEngine"]

_MODULES = {"Deployment": "in_process", "InProcessEngine": "in_process", "PulumiEngine": "automation.engine"}


def __getattr__(name: str) -> Any:
    """Import an engine when it is first used: Pulumi takes half a second, and a stack's record needs none of it."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"labelstack.engines.{_MODULES[name]}"), name)
