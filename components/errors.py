"""Errors of the components.

::

    ComponentError              (pulumi.RunError: `pulumi up` prints the sentence, without a traceback)
    ├── InvalidArgumentError    an argument of a component cannot work
    │   └── ArgumentError       arguments are not as the component's `…Args` describes them
    ├── DependencyInstallError  pip could not install a function's dependencies
    └── PackageTooLargeError    a function's zip is larger than Lambda takes
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import pulumi

Spelling = Callable[[str], str]


@dataclass(frozen=True)
class Problem(Exception):
    """A problem of one argument, raised by its conversion.

    Attributes:
        argument: Its name, with the place in it: `bucket.name`, `detectors[1]`.
        value: The value as it was given.
        expected: The expected value; `$name` stands for another argument's name. Empty for an unknown argument.
        is_missing: Whether there is no value.
        near: For an unknown argument, the known one that is like it.
    """

    argument: str
    value: Any
    expected: str
    is_missing: bool = False
    near: str = ""

    @classmethod
    def missing(cls, name: str, expected: str) -> Self:
        """Return the problem of a required argument without a value."""
        return cls(name, None, expected, is_missing=True)

    def below(self, name: str) -> Self:
        """Return the same problem, of an argument's part."""
        near = f"{name}.{self.near}" if self.near else ""
        return replace(self, argument=f"{name}.{self.argument}", near=near)

    def sentence(self, spell: Spelling = str, kind: str = "argument") -> str:
        """Return the problem as one sentence, with each argument spelled by `spell`."""
        name = spell(self.argument)
        if not self.expected:
            return f"{name} is no {kind}" + (f": did you mean {spell(self.near)}?" if self.near else ".")
        expected = re.sub(r"\$([a-zA-Z_]+)", lambda other: spell(other[1]), self.expected)
        return f"{name} is {'missing' if self.is_missing else _written(self.value)}: expected {expected}."


def _written(value: Any) -> str:
    """Write a value as JSON; resources by type and name, and characters that a terminal does not print as escapes."""

    def name(value: Any) -> str:
        return f"{type(value).__name__} {value._name}" if isinstance(value, pulumi.Resource) else str(value)

    text = json.dumps(value, ensure_ascii=False, default=name)
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


class ComponentError(pulumi.RunError):
    """A component that cannot be built; `code` is stable, the text says what to do."""

    code = "COMPONENT_ERROR"


class InvalidArgumentError(ComponentError):
    """An argument of a component cannot work."""

    code = "INVALID_ARGUMENT"


class ArgumentError(InvalidArgumentError):
    """Arguments are not as the component's `…Args` describes them; the text has a sentence for each."""

    def __init__(self, component: str, name: str, problems: Sequence[Problem], spell: Spelling = str) -> None:
        self.component, self.name, self.problems = component, name, problems
        super().__init__("\n".join(f"{component} {name}: {problem.sentence(spell)}" for problem in problems))


class DependencyInstallError(ComponentError):
    """pip could not install a function's dependencies."""

    code = "DEPENDENCY_INSTALL_FAILED"


class PackageTooLargeError(ComponentError):
    """A function's zip is larger than Lambda takes in an upload."""

    code = "PACKAGE_TOO_LARGE"
