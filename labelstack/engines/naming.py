"""Physical names, made as Pulumi makes them: the logical name and seven random hexadecimal digits."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from labelstack.errors import DeployError

RANDOM_DIGITS = 7


@dataclass(frozen=True)
class AutoName:
    """The naming of a resource type when the program gives no name.

    Attributes:
        property: The input property that holds the name.
        longest: AWS's limit, in characters.
        lower: Whether the name is lower-cased (buckets).
    """

    property: str
    longest: int
    lower: bool = False

    def make(self, logical_name: str) -> str:
        """Return a new name. Raises DeployError when it would be too long."""
        start = logical_name.lower() if self.lower else logical_name
        name = f"{start}-{secrets.token_hex(4)[:RANDOM_DIGITS]}"
        if len(name) > self.longest:
            raise DeployError(
                f"the name {name!r} made for it has {len(name)} characters and {self.longest} are allowed: "
                f"shorten the logical name, or set {self.property}",
                property=self.property,
            )
        return name
