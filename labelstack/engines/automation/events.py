"""Read Pulumi's engine events: the steps as they are done, and the diagnostics of what failed."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass

from pulumi.automation import EngineEvent, OpType
from pulumi.automation.events import DiagnosticEvent, StepEventMetadata

from labelstack.engines.removal import OnStep

# Pulumi replaces in three steps; the logical one, `replace`, stands for them.
ACTIONS = {
    OpType.SAME: "unchanged",
    OpType.CREATE: "created",
    OpType.UPDATE: "updated",
    OpType.REPLACE: "replaced",
    OpType.DELETE: "deleted",
}
INTERNAL_TYPES = ("pulumi:pulumi:", "pulumi:providers:")
# The engine and the bridge name the resource, which a Problem does by itself.
# The bridge to the Terraform provider logs an error with its place and plugin, then reports it as a list of one.
_LOGGED = re.compile(r"^sdk-v2/\S+: sdk\.helper_schema: |: provider=\w+@[\w.+-]+$")
_LOCATED = re.compile(r"^\S+ resource '\S+' has a problem: ")
_PROTECTED = re.compile(r'^resource "[^"]+" cannot be deleted\s+because it is protected\..*', re.DOTALL)
_LISTED = re.compile(r"^\d+ errors? occurred:\s*")
_SUMMARY = re.compile(r"^(update|destroy|preview|deletion) failed$|^resource \S+ failed$|^$")
# These follow from another reported error, or from the program's own message before it exited.
_CONSEQUENCE = re.compile(
    r"program exited with non-zero exit code|^Resource monitor has terminated|resource monitor shut down$"
)


@dataclass(frozen=True)
class Problem:
    """One thing that failed.

    Attributes:
        text: In the engine's or the provider's words.
        name: The resource's logical name; empty when it is about the program or the whole stack.
        type: The resource's type token; empty as well.
    """

    text: str
    name: str = ""
    type: str = ""

    def __str__(self) -> str:
        return f"{self.name} ({self.type}): {self.text}" if self.name else self.text


class Events:
    """Listens to one operation. Pulumi calls it from its own threads.

    Attributes:
        counts: The numbers of resources by operation.
    """

    def __init__(self, on_step: OnStep | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self._on_step = on_step
        self._errors: list[Problem] = []
        self._consequences: list[Problem] = []
        self._program_output: list[str] = []

    def __call__(self, event: EngineEvent) -> None:
        """Take one event."""
        if event.res_outputs_event is not None and not event.res_outputs_event.planning:
            self._step(event.res_outputs_event.metadata)
        elif event.diagnostic_event is not None:
            self._diagnostic(event.diagnostic_event)

    def problems(self) -> list[Problem]:
        """List the failures, each once. Where Pulumi names no cause, the program wrote it before it exited."""
        if self._errors:
            return _distinct(self._errors)
        written = "".join(self._program_output).strip()
        return [*([Problem(written)] if written and self._consequences else []), *_distinct(self._consequences)]

    def _step(self, step: StepEventMetadata) -> None:
        action = ACTIONS.get(step.op)
        state = step.new or step.old
        if action is None or state is None or not state.custom or step.type.startswith(INTERNAL_TYPES):
            return
        self.counts[action] += 1
        if self._on_step is not None:
            self._on_step(action, step.type, _name_and_type(step.urn)[0])

    def _diagnostic(self, diagnostic: DiagnosticEvent) -> None:
        if diagnostic.severity == "info#err":  # the program's standard error, each line with one more newline
            self._program_output.append(diagnostic.message.removesuffix("\n"))
        text = _plain(diagnostic.message)
        if diagnostic.severity != "error" or diagnostic.ephemeral or _SUMMARY.match(text):
            return
        name, type_ = _name_and_type(diagnostic.urn or "")
        if type_.startswith("pulumi:pulumi:"):
            name = type_ = ""
        (self._consequences if _CONSEQUENCE.search(text) else self._errors).append(Problem(text, name, type_))


def _distinct(problems: list[Problem]) -> list[Problem]:
    """Leave out problems that another problem of the same resource repeats with more words."""
    return [
        problem
        for problem in dict.fromkeys(problems)
        if not any(
            problem.name == other.name and problem.text != other.text and problem.text in other.text
            for other in problems
        )
    ]


def _plain(message: str) -> str:
    text = _LISTED.sub("", _LOGGED.sub("", message.strip())).removeprefix("an unhandled error occurred: ")
    text = _PROTECTED.sub("it is protected", _LOCATED.sub("", text))
    return "; ".join(part.strip() for part in re.split(r"(?:^|\n)\s*\* ", text) if part.strip())


def _name_and_type(urn: str) -> tuple[str, str]:
    """Return name and type of `urn:pulumi:<stack>::<project>::<types, outermost first, by $>::<name>`.

    Names may have `::` in them.
    """
    parts = urn.split("::", 3)
    return (parts[3], parts[2].rpartition("$")[2]) if len(parts) == 4 else ("", "")
