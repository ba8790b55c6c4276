"""The resources that a program registers as a stack, listed without a cloud by the same run as a preview's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import empty_pb2, struct_pb2  # type: ignore[import-untyped]  # protobuf ships no types
from pulumi.runtime import rpc
from pulumi.runtime.proto import resource_pb2

from labelstack.deployer_policy import partition_of
from labelstack.engines import configuration, program
from labelstack.engines.configuration import Project
from labelstack.errors import UnsupportedError

# Pulumi adds a random part to names: this stands for it, as in the patterns of policies.
ANY = "*"


@dataclass(frozen=True)
class Registered:
    """A resource of the provider as the program registers it, without properties that only a deployment knows."""

    type: str
    name: str
    inputs: Mapping[str, Any]


def registered(project: Path, stack: str, overrides: Mapping[str, str] | None = None) -> list[Registered]:
    """Return the resources of a stack, components left out. Builds the functions' packages, as a preview does.

    Raises:
        ProgramError: The program raised, or its settings are wrong.
        UnsupportedError: It asks the provider for something that has no answer here.
    """
    read = Project.read(project)
    settings = configuration.read(read, stack, {}, overrides or {})
    monitor = ListingMonitor(read.name, stack, settings.get("aws:region", ANY))
    program.run(read, stack, settings, monitor, preview=True)
    if monitor.failure is not None:
        raise monitor.failure
    return sorted(monitor.registered, key=lambda resource: (resource.type, resource.name))


class ListingMonitor(program.Monitor):
    """Records registered resources. Outputs are unknown, except a bucket's name, which is a pattern."""

    def __init__(self, project: str, stack: str, region: str) -> None:
        super().__init__(project, stack)
        self.registered: list[Registered] = []
        self._region = region

    def RegisterResource(self, request: Any) -> Any:
        """Record a resource."""
        urn = f"{self._prefix}{request.type}::{request.name}"
        answer = struct_pb2.Struct()
        answer.CopyFrom(request.object)
        if request.custom and request.type != program.STACK_TYPE:
            inputs = rpc.deserialize_properties(request.object)
            with self._lock:
                self.registered.append(Registered(request.type, request.name, inputs))
            if request.type.endswith(":Bucket"):
                answer.update({"bucket": inputs.get("bucket", f"{request.name}-{ANY}")})
        return resource_pb2.RegisterResourceResponse(urn=urn, object=answer)

    def RegisterResourceOutputs(self, request: Any) -> Any:
        """Ignore outputs, which no listing needs."""
        return empty_pb2.Empty()

    def Invoke(self, request: Any) -> Any:
        """Answer invokes that depend on no resource."""
        answers = {
            "getCallerIdentity": {"accountId": ANY},
            "getRegion": {"region": self._region, "id": self._region},
            "getPartition": {"partition": partition_of(self._region), "dnsSuffix": ANY},
        }
        name = request.tok.rpartition(":")[2]
        if name not in answers:
            error = UnsupportedError(f"the program calls {request.tok}, which has no answer without a cloud")
            self.stop(error)
            raise error
        answer = struct_pb2.Struct()
        answer.update(answers[name])
        return resource_pb2.ResourceInvokeResponse(**{"return": answer})
