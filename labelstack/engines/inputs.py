"""A resource's input properties, which record their use.

The in-process engine is strict: a property that no provisioner uses would silently not be applied, so it is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from labelstack.errors import DeployError


class Inputs:
    """The properties of a resource or of a nested object. Absent and None are the same.

    Attributes:
        path: Dotted path of the nested object, empty for the resource itself.
    """

    def __init__(self, values: Mapping[str, Any], path: str = "") -> None:
        self.path = path
        self._values = {key: value for key, value in values.items() if value is not None}
        self._used: set[str] = set()
        self._nested: dict[str, list[Inputs]] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def path_of(self, name: str) -> str:
        """Return the dotted path of a property."""
        return f"{self.path}.{name}" if self.path else name

    def get(self, name: str, default: Any = None) -> Any:
        """Return a property as it is, which counts as used with all that is in it."""
        self._used.add(name)
        return self._values.get(name, default)

    def require(self, name: str) -> Any:
        """Return a property that must be there. Raises DeployError naming it."""
        if name not in self._values:
            raise DeployError(
                f"property {self.path_of(name)} is required, and missing: set it", property=self.path_of(name)
            )
        return self.get(name)

    def object(self, name: str) -> Inputs | None:
        """Return a nested object, whose own properties count as used one by one; None when absent."""
        if name not in self._values:
            return None
        return self._nest(name, [self._values[name]], lambda _: self.path_of(name))[0]

    def objects(self, name: str) -> list[Inputs]:
        """Return a list of nested objects, whose own properties count as used one by one."""
        return self._nest(name, self._values.get(name, []), lambda i: f"{self.path_of(name)}[{i}]")

    def unused(self) -> list[str]:
        """Return the paths of the properties that no provisioner has used."""
        nested = [path for children in self._nested.values() for child in children for path in child.unused()]
        return sorted([self.path_of(name) for name in set(self._values) - self._used] + nested)

    def plain(self) -> dict[str, Any]:
        """Return all of it; nothing counts as used by this."""
        return dict(self._values)

    def _nest(self, name: str, values: Any, path: Callable[[int], str]) -> list[Inputs]:
        self._used.add(name)
        if name not in self._nested:
            if not isinstance(values, list) or not all(isinstance(value, Mapping) for value in values):
                where = self.path_of(name)
                raise DeployError(f"property {where}: expected an object; got {values!r}", property=where)
            self._nested[name] = [Inputs(value, path(i)) for i, value in enumerate(values)]
        return self._nested[name]
