"""A resource monitor of Pulumi that deploys what a program registers."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from google.protobuf import empty_pb2, struct_pb2  # type: ignore[import-untyped]  # protobuf ships no types
from pulumi.runtime import rpc
from pulumi.runtime.proto import resource_pb2

from labelstack.engines import archives, invokes, provisioners
from labelstack.engines.answers import explain, property_at_fault
from labelstack.engines.deployer import Deployer, Registration
from labelstack.engines.program import STACK_TYPE, Monitor
from labelstack.engines.provisioners.base import Target
from labelstack.engines.state import Entry
from labelstack.errors import DeployError, LabelstackError, ResourceError, UnsupportedError

PROVIDER_TYPE = "pulumi:providers:aws"


class DeployMonitor(Monitor):
    """Deploys what the program registers. Its methods are called by several threads at once.

    Attributes:
        registered_urns: URNs of the registered resources.
        outputs: The stack's outputs, by name.
    """

    def __init__(self, deployer: Deployer, target: Target, project: str, stack: str) -> None:
        super().__init__(project, stack)
        self.registered_urns: set[str] = set()
        self.outputs: dict[str, Any] = {}
        self._deployer = deployer
        self._target = target
        self._former: dict[str, list[str]] = {}  # other URNs that a resource may have had, by its own

    # --- what Pulumi calls, by gRPC's names --------------------------------------------------------------------------

    def RegisterResource(self, request: Any) -> Any:
        """Deploy a resource. Never raises: the program goes on, without its outputs, and ends in an orderly way."""
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == STACK_TYPE:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        inputs: dict[str, Any] = {}
        try:
            if self.failure is None:
                inputs = _plain(rpc.deserialize_properties(request.object))
                identifier, outputs = self._register(urn, request, inputs)
                answer = struct_pb2.Struct()
                answer.CopyFrom(request.object)
                answer.update(outputs)
                return resource_pb2.RegisterResourceResponse(urn=urn, id=identifier, object=answer)
        except LabelstackError as error:
            self.stop(_about(error, request))
        except (ClientError, BotoCoreError) as error:
            text, provisioner = explain(error), provisioners.find(request.type)
            names = provisioner.names if provisioner else {}
            refused = DeployError(text, property=property_at_fault(inputs, text, names), answer=text)
            refused.__cause__ = error
            self.stop(_about(refused, request))
        except Exception as error:  # whatever it is, it must end the run and not hang it
            broken = DeployError(explain(error))
            broken.__cause__ = error
            self.stop(_about(broken, request))
        return resource_pb2.RegisterResourceResponse(urn=urn, result=resource_pb2.Result.FAIL)

    def RegisterResourceOutputs(self, request: Any) -> Any:
        """Keep the stack's outputs."""
        if request.urn.startswith(f"{self._prefix}{STACK_TYPE}::"):
            outputs = _plain(rpc.deserialize_properties(request.outputs))
            self.outputs = {name: outputs[name] for name in sorted(outputs)}
        return empty_pb2.Empty()

    def ReadResource(self, request: Any) -> Any:
        """Read a resource that is not the stack's (`.get`)."""
        provisioner = provisioners.find(request.type)
        outputs = provisioner.read(request.id, self._target) if provisioner else None
        if outputs is None:
            raise UnsupportedError(
                f"the program reads {request.name} ({request.type}) by its id, which the in-process engine cannot do"
            )
        answer = struct_pb2.Struct()
        answer.update(outputs)
        urn = self.make_urn(request.parent, request.type, request.name)
        return resource_pb2.ReadResourceResponse(urn=urn, properties=answer)

    def Invoke(self, request: Any) -> Any:
        """Answer a provider function."""
        answer = struct_pb2.Struct()
        answer.update(invokes.call(request.tok, _plain(rpc.deserialize_properties(request.args)), self._target))
        return resource_pb2.ResourceInvokeResponse(**{"return": answer})

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """Return a resource's URN: the types of all its parents but the stack, and its name."""
        above = parent.split("::")[2] if parent else STACK_TYPE
        return f"{self._prefix}{type_ if above == STACK_TYPE else f'{above}${type_}'}::{name}"

    def _former_urns(self, request: Any) -> list[str]:
        """Return the former URNs of a resource: by its own aliases, and by those of its parents."""
        types, names, urns = [request.type], [request.name], []
        for alias in request.aliases:
            if alias.urn:
                urns.append(alias.urn)
            else:
                types.append(alias.spec.type or request.type)
                names.append(alias.spec.name or request.name)
        parents = [request.parent, *self._former.get(request.parent, ())]
        pairs = zip(types, names, strict=True)
        own = self.make_urn(request.parent, request.type, request.name)
        candidates = [*urns, *(self.make_urn(parent, type_, name) for type_, name in pairs for parent in parents)]
        return [urn for urn in candidates if urn != own]

    # --- deployment --------------------------------------------------------------------------------------------------

    def _register(self, urn: str, request: Any, inputs: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        with self._lock:
            if urn in self.registered_urns:
                raise DeployError("two resources of this type and name have the same parent: give each its own name")
            self.registered_urns.add(urn)
            self._former[urn] = self._former_urns(request)
        _check_options(request)
        if not request.custom:
            return "", {}
        region = inputs.pop("region", None)
        if region not in (None, self._target.region):
            raise UnsupportedError(
                f"{region} is not served: the in-process engine deploys everything to {self._target.region}",
                property="region",
            )
        if request.type == PROVIDER_TYPE:
            return request.name, {}
        provisioner = provisioners.find(request.type)
        if provisioner is None:
            raise UnsupportedError("the in-process engine has no provisioner for this type")
        entry = Entry(
            urn=urn,
            type=request.type,
            name=request.name,
            id="",
            inputs=archives.without_assets(inputs),
            dependencies=sorted({*request.dependencies, request.parent} - {""}),
            protect=request.protect,
            retain=request.retainOnDelete,
            creating=True,
        )
        registration = Registration(
            entry,
            inputs,
            ignored=frozenset(request.ignoreChanges),
            replacing=frozenset(request.replaceOnChanges),
            delete_first=request.deleteBeforeReplace,
        )
        self._deployer.adopt(urn, self._former[urn])
        deployed = self._deployer.deploy(registration, provisioner)
        return deployed.id, deployed.outputs


def _about(error: LabelstackError, request: Any) -> LabelstackError:
    """Complete an error with the resource it is about."""
    if not isinstance(error, ResourceError):
        return error
    property = f", property {error.property}" if error.property else ""
    otherwise = "; leave it out, or use --engine pulumi" if isinstance(error, UnsupportedError) else ""
    error.resource, error.resource_type = request.name, request.type
    error.args = (f"{request.name} ({request.type}){property}: {error}{otherwise}",)
    return error


def _plain(value: Any) -> Any:
    """Return a value without secrets' wrappers and absent properties, and whole floats as integers."""
    value = rpc.unwrap_rpc_secret(value)
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _check_options(request: Any) -> None:
    """Refuse resource options that would silently not be honoured."""
    options_used = {
        "import_": bool(request.importId),
        "transforms": bool(request.transforms),
        "hooks": bool(request.HasField("hooks") and request.hooks.ByteSize()),
        "remote components": bool(request.remote),
        "ignore_changes of a nested property": any(not name.isalnum() for name in request.ignoreChanges),
        "replace_on_changes of a nested property": any(not name.isalnum() for name in request.replaceOnChanges),
    }
    for option in [option for option, is_given in options_used.items() if is_given]:
        raise UnsupportedError(f"the in-process engine does not support {option}")
