"""Pulumi's engine events: steps as they are done, and the diagnostics of what failed."""

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
_COLOR = re.compile(r"<\{%.*?%\}>")
# The bridge to the Terraform provider logs an error with its place and plugin, then reports it as a list of one.
_LOGGED = re.compile(r"^sdk-v2/\S+: sdk\.helper_schema: |: provider=\w+@[\w.+-]+$")
_LISTED = re.compile(r"^\d+ errors? occurred:\s*")
_SUMMARY = re.compile(r"^((update|destroy|preview|deletion) failed|resource \S+ failed)?$")


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
    """Listens to one operation. Pulumi calls it from threads of its own.

    Attributes:
        counts: Resources by what was done with them.
    """

    def __init__(self, on_step: OnStep | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self._on_step = on_step
        self._errors: list[Problem] = []
        self._program_output: list[str] = []

    def __call__(self, event: EngineEvent) -> None:
        """Take one event."""
        if event.res_outputs_event is not None and not event.res_outputs_event.planning:
            self._step(event.res_outputs_event.metadata)
        elif event.diagnostic_event is not None:
            self._diagnostic(event.diagnostic_event)

    def problems(self) -> list[Problem]:
        """What failed, without repetitions; what the program wrote last when Pulumi names nothing."""
        found = list(dict.fromkeys(self._errors))
        distinct = [
            one
            for one in found
            if not any(
                one is not other and one.name == other.name and one.text != other.text and one.text in other.text
                for other in found
            )
        ]
        if not distinct and (written := "".join(self._program_output).strip()):
            return [Problem(written)]
        return distinct

    def _step(self, step: StepEventMetadata) -> None:
        action = ACTIONS.get(step.op)
        state = step.new or step.old
        if action is None or state is None or not state.custom or step.type.startswith(INTERNAL_TYPES):
            return
        self.counts[action] += 1
        if self._on_step is not None:
            self._on_step(action, step.type, _name_and_type(step.urn)[0])

    def _diagnostic(self, diagnostic: DiagnosticEvent) -> None:
        if diagnostic.ephemeral:
            return
        message = _COLOR.sub("", diagnostic.message)
        if diagnostic.severity == "info#err":  # what the program writes to standard error
            self._program_output.append(message)
        if diagnostic.severity != "error":
            return
        text = _plain(message)
        if _SUMMARY.match(text):
            return
        name, type_ = _name_and_type(diagnostic.urn or "")
        about_program = not name or type_.startswith("pulumi:pulumi:")
        self._errors.append(Problem(text) if about_program else Problem(text, name, type_))


def _plain(message: str) -> str:
    text = _LISTED.sub("", _LOGGED.sub("", message.strip().removeprefix("error: ").strip()))
    return "; ".join(part.strip() for part in re.split(r"(?:^|\n)\s*\* ", text) if part.strip())


def _name_and_type(urn: str) -> tuple[str, str]:
    """A URN is `urn:pulumi:<stack>::<project>::<types, outermost first, by $>::<name>`; names may have `::` in them."""
    parts = urn.split("::", 3)
    return (parts[3], parts[2].rpartition("$")[2]) if len(parts) == 4 else ("", "")
