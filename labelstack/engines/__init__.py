"""Engines: deploy and destroy a stack on a cloud."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labelstack.engines.in_process import Deployment, InProcessEngine

__all__ = ["Deployment", "InProcessEngine"]


def __getattr__(name: str) -> Any:
    """Import the engine when it is first used: Pulumi takes half a second, and a stack's record needs none of it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from labelstack.engines import in_process

    return getattr(in_process, name)
