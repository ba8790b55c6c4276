"""Physical names, made as Pulumi makes them: the logical name and seven random hexadecimal digits."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from labelstack.errors import DeployError

RANDOM_DIGITS = 7


@dataclass(frozen=True)
class AutoName:
    """How a resource type is named when the program does not.

    Attributes:
        property: The input property that holds the name.
        longest: AWS's limit, in characters.
        lower: Whether the name is lower-cased (buckets).
        prefix_property: The input property with a prefix to use in place of the logical name.
    """

    property: str
    longest: int
    lower: bool = False
    prefix_property: str | None = None

    def make(self, logical_name: str, prefix: str | None = None, suffix: str = "") -> str:
        """A new name. Raises DeployError when it would be too long."""
        start = prefix if prefix is not None else f"{logical_name}-"
        start = start.lower() if self.lower else start
        name = f"{start}{secrets.token_hex(4)[:RANDOM_DIGITS]}{suffix}"
        if len(name) > self.longest:
            raise DeployError(
                f"the name {name!r} made for it has {len(name)} characters and {self.longest} are allowed: "
                f"shorten the logical name, or set {self.property}",
                property=self.property,
            )
        return name
