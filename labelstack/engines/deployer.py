"""Creates, changes, replaces or keeps one resource, and records that."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence, Set
from dataclasses import dataclass
from typing import Any, Literal

from labelstack.engines import archives
from labelstack.engines.inputs import Inputs
from labelstack.engines.provisioners.base import Provisioner, Recorded, Resource, Target, retag
from labelstack.engines.removal import OnStep, remove
from labelstack.engines.state import Entry, StackState
from labelstack.errors import DeployError, UnsupportedError


@dataclass(frozen=True)
class Registration:
    """A resource as the program registers it.

    Attributes:
        entry: Its record, as far as it is known before its creation.
        inputs: Its properties, files as files.
        ignored: Properties whose changes are ignored.
        replacing: Properties whose changes replace the resource.
        delete_first: Whether an old one goes before the new one comes.
    """

    entry: Entry
    inputs: dict[str, Any]
    ignored: Set[str] = frozenset()
    replacing: Set[str] = frozenset()
    delete_first: bool = False


class Deployer:
    """Deploys one resource after the other, or several at once from several threads.

    Attributes:
        created: Resources that were created, in their order, each with the one that it replaces.
        counts: How many resources were created, updated, replaced or left unchanged.
    """

    def __init__(self, state: StackState, target: Target, on_step: OnStep | None = None) -> None:
        self.created: list[tuple[Entry, Entry | None]] = []
        self.counts: Counter[str] = Counter()
        self._state = state
        self._target = target
        self._on_step = on_step
        self._lock = threading.Lock()

    def adopt(self, urn: str, former: Sequence[str]) -> None:
        """Move the record of a former URN to the resource, unless it has a record already."""
        for old in former:
            if self._state.rename(old, urn):
                return

    def deploy(self, registration: Registration, provisioner: Provisioner) -> Entry:
        """Create or change the resource in the cloud; return its record."""
        old = self._state.entries.get(registration.entry.urn)
        if old is None:
            return self._create(registration, provisioner, None)
        if old.creating:  # its creation was killed: start again
            remove(old, self._state, self._target)
            return self._create(registration, provisioner, None)
        entry, inputs = registration.entry, registration.inputs
        for name in registration.ignored:  # the resource stays
            for values in (entry.inputs, inputs):
                values.pop(name, None)
                if name in old.inputs:
                    values[name] = old.inputs[name]
        names = set(old.inputs) | set(entry.inputs)
        changed = {name for name in names if old.inputs.get(name) != entry.inputs.get(name)}
        if not changed and old.outputs.get("tagsAll", {}) == self._tags(old, entry):
            return self._keep(old, entry)
        if provisioner.replaced_by is None or changed & (provisioner.replaced_by | registration.replacing):
            return self._create(registration, provisioner, old)
        return self._update(registration, provisioner, old)

    def _create(self, registration: Registration, provisioner: Provisioner, old: Entry | None) -> Entry:
        entry, inputs, replaces = registration.entry, registration.inputs, old is not None
        entry.name_made = provisioner.make_name(entry.name, inputs)
        if old is not None and (entry.name_made is None or registration.delete_first):
            # The old one has the same name, or is the same setting of the same thing: it must go first.
            if old.protect:
                raise DeployError(
                    "the change would replace a protected resource: undo it, or first deploy with protectData false"
                )
            remove(old, self._state, self._target)
            old = None
        named = provisioner.named(inputs, entry.name_made)
        if provisioner.auto_name and entry.name_made is None and provisioner.existing(named, self._target):
            name = provisioner.auto_name.property
            raise DeployError(
                f"a resource named {named[name]} exists already, and is not this stack's: remove it, or rename this",
                property=name,
            )
        if old is None:
            self._state.put(entry)
        else:
            self._state.replace(old, entry)
        with self._lock:
            self.created.append((entry, old))
        used = Inputs(named)
        self._finish(entry, used, provisioner.create(used, self._target), provisioner)
        self._note("replaced" if replaces else "created", entry)
        return entry

    def _update(self, registration: Registration, provisioner: Provisioner, old: Entry) -> Entry:
        entry = registration.entry
        entry.name_made, entry.id = old.name_made, old.id
        used = Inputs(provisioner.named(registration.inputs, entry.name_made))
        for name in provisioner.replaced_by or ():
            used.get(name)
        before = Recorded(old.id, provisioner.named(old.inputs, old.name_made), old.outputs)
        resource = provisioner.update(before, used, self._target)
        if provisioner.tagged:
            tags, client = self._target.tags(used), self._target.client(provisioner.service)
            retag(client, resource.outputs, tags, set(old.outputs.get("tagsAll", {})) - set(tags))
        self._finish(entry, used, resource, provisioner)
        self._note("updated", entry)
        return entry

    def _keep(self, old: Entry, entry: Entry) -> Entry:
        old.dependencies, old.protect, old.retain = entry.dependencies, entry.protect, entry.retain
        self._state.put(old)
        self._note("unchanged", old)
        return old

    def _finish(self, entry: Entry, used: Inputs, resource: Resource, provisioner: Provisioner) -> None:
        entry.id = resource.id
        tags = {"tagsAll": self._target.tags(used)} if provisioner.tagged else {}
        plain = archives.without_assets(used.plain())
        entry.outputs = {"region": self._target.region, **plain, **resource.outputs, **tags}
        entry.creating = False
        self._state.put(entry)
        if unused := used.unused():
            raise UnsupportedError(
                f"{', '.join(unused)} would not be applied: the in-process engine does not know it", property=unused[0]
            )

    def _tags(self, old: Entry, entry: Entry) -> dict[str, str]:
        return self._target.tags(Inputs(entry.inputs)) if "tagsAll" in old.outputs else {}

    def _note(self, action: Literal["created", "updated", "replaced", "unchanged"], entry: Entry) -> None:
        with self._lock:
            self.counts[action] += 1
        if self._on_step is not None:
            self._on_step(action, entry.type, entry.name)
