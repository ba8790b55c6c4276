"""Runs Pulumi programs against a recording monitor.

Nothing is asserted inside a program: a value that never resolves would let such an assertion pass unseen. Here a
program runs to its end first, and what it registered, every value known, is looked at afterwards.
"""

import asyncio
import contextlib
import json
import runpy
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import mocks, stack

from components import packaging
from labelstack.engines.program import outputs_known

PROJECT = Path(__file__).resolve().parents[1]
ACCOUNT = "123456789012"
REGION = "eu-central-1"
# What AWS gives back of a resource beside its inputs, by type.
COMPUTED: Mapping[str, Callable[[str], dict[str, str]]] = {
    "aws:s3/bucket:Bucket": lambda name: {
        "bucket": name,
        "arn": f"arn:aws:s3:::{name}",
        "bucketDomainName": f"{name}.s3.amazonaws.com",
        "bucketRegionalDomainName": f"{name}.s3.{REGION}.amazonaws.com",
    },
    "aws:sqs/queue:Queue": lambda name: {
        "name": name,
        "url": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}",
        "arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}",
    },
    "aws:sns/topic:Topic": lambda name: {"name": name, "arn": f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}"},
    "aws:dynamodb/table:Table": lambda name: {
        "name": name,
        "arn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}",
    },
    "aws:cloudwatch/metricAlarm:MetricAlarm": lambda name: {
        "name": name,
        "arn": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:{name}",
    },
    "aws:iam/role:Role": lambda name: {"name": name, "arn": f"arn:aws:iam::{ACCOUNT}:role/{name}"},
    "aws:lambda/function:Function": lambda name: {
        "arn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}",
        "invokeArn": f"arn:aws:apigateway:{REGION}:lambda:path/functions/{name}/invocations",
    },
    "aws:sfn/stateMachine:StateMachine": lambda name: {"arn": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"},
    "aws:cloudwatch/eventRule:EventRule": lambda name: {
        "name": name,
        "arn": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{name}",
    },
    "aws:cloudwatch/logGroup:LogGroup": lambda name: {"arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}"},
    "aws:apigateway/restApi:RestApi": lambda name: {
        "name": name,
        "executionArn": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{name}",
    },
    "aws:apigateway/stage:Stage": lambda name: {"invokeUrl": f"https://api.execute-api.{REGION}.amazonaws.com/{name}"},
    "aws:apigatewayv2/api:Api": lambda name: {"executionArn": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{name}"},
    "aws:apigatewayv2/stage:Stage": lambda name: {
        "invokeUrl": f"https://api.execute-api.{REGION}.amazonaws.com/{name}"
    },
    "aws:s3/bucketWebsiteConfiguration:BucketWebsiteConfiguration": lambda name: {
        "websiteEndpoint": f"{name}.s3-website.{REGION}.amazonaws.com"
    },
    "aws:cloudfront/distribution:Distribution": lambda name: {
        "arn": f"arn:aws:cloudfront::{ACCOUNT}:distribution/{name}",
        "domainName": f"{name}.cloudfront.net",
    },
}
# What AWS answers to a provider function.
ANSWERS: Mapping[str, Mapping[str, str]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": {
        "accountId": ACCOUNT,
        "arn": f"arn:aws:iam::{ACCOUNT}:root",
        "id": ACCOUNT,
        "userId": ACCOUNT,
    },
    "aws:index/getRegion:getRegion": {"region": REGION, "name": REGION, "id": REGION},
}


@dataclass(frozen=True)
class Resource:
    """One registered resource; `parent` and `dependencies` are logical names, `protect` is Pulumi's option."""

    type: str
    name: str
    parent: str
    dependencies: frozenset[str]
    protect: bool
    inputs: Mapping[str, Any]

    def policy(self, key: str = "policy") -> Any:
        """The JSON in an input."""
        return json.loads(self.inputs[key])


@dataclass
class Record:
    """What a program registered and exported."""

    resources: list[Resource] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    packages: list[packaging.Package] = field(default_factory=list)
    """What a stack asked for as its functions' zips."""

    def of(self, type_name: str) -> list[Resource]:
        """The resources of a type (`aws:sqs/queue:Queue`), by name."""
        return sorted((r for r in self.resources if r.type == type_name), key=lambda r: r.name)

    def one(self, type_name: str, name: str = "") -> Resource:
        """The only resource of a type, or the one of that name."""
        found = [r for r in self.of(type_name) if name in ("", r.name)]
        assert len(found) == 1, f"{type_name} {name}: {[r.name for r in found]} of {[r.name for r in self.resources]}"
        return found[0]

    def inputs(self) -> dict[str, Any]:
        """All inputs, by type and name."""
        return {f"{r.type} {r.name}": _plain(r.inputs) for r in self.resources}


class _Recorder(mocks.Mocks):
    """Answers as AWS would, physical names being logical names with a suffix."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if not args.custom:
            return "", {}
        name = str(args.inputs.get("name") or f"{args.name}-0a1b2c3")
        computed = COMPUTED[args.typ](name) if args.typ in COMPUTED else {}
        return computed.get("url", name), {**args.inputs, **computed}

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:  # type: ignore[override]  # a dict will do
        return dict(ANSWERS[args.token])


class _Monitor(mocks.MockMonitor):
    """Records each registration with what mocks are not told: parent, dependencies, protection."""

    def __init__(self, record: Record) -> None:
        super().__init__(_Recorder())
        self._record, self._lock = record, threading.Lock()
        self._loops: list[asyncio.AbstractEventLoop] = []
        self._thread = threading.local()

    def RegisterResource(self, request: Any) -> Any:
        self._make_loop()
        response = super().RegisterResource(request)  # type: ignore[no-untyped-call]  # Pulumi's mocks have no types
        resource = Resource(
            type=request.type,
            name=request.name,
            parent=request.parent.rpartition("::")[2],
            dependencies=frozenset(urn.rpartition("::")[2] for urn in request.dependencies),
            protect=request.protect,
            inputs=pulumi.runtime.rpc.deserialize_properties(request.object),
        )
        with self._lock:
            self._record.resources.append(resource)
        return response

    def Invoke(self, request: Any) -> Any:
        self._make_loop()
        return super().Invoke(request)  # type: ignore[no-untyped-call]  # Pulumi's mocks have no types

    def _make_loop(self) -> None:
        """An event loop for this worker thread; the mocks would open one and leave it."""
        if not hasattr(self._thread, "loop"):
            self._thread.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._thread.loop)
            with self._lock:
                self._loops.append(self._thread.loop)

    def close(self) -> None:
        """Close the worker threads' loops: the threads have ended."""
        for loop in self._loops:
            loop.close()


def monitor(made: Record) -> contextlib.closing[_Monitor]:
    """The monitor that records into `made`."""
    return contextlib.closing(_Monitor(made))


def record(program: Callable[[], object], stack_name: str = "test", config: Mapping[str, str] | None = None) -> Record:
    """Run `program` to its end, and give what it registered. Its errors are raised."""
    made = Record()

    async def run(recorder: mocks.MockMonitor) -> None:
        pulumi.runtime.set_all_config(dict(config or {}))
        mocks.set_mocks(_Recorder(), "labelstack", stack_name, preview=False, monitor=recorder)
        await stack.run_pulumi_func(lambda: _run(program))
        root = pulumi.runtime.settings.get_root_resource()
        assert isinstance(root, stack.Stack)
        for name, value in root.outputs.items():
            output = pulumi.Output.from_input(value)
            assert await output.is_known(), f"the output {name} is unknown"
            made.outputs[name] = await output.future()

    with monitor(made) as recorder:
        asyncio.run(run(recorder))  # one loop for the mocks and the program: with two it hangs
    made.resources = [r for r in made.resources if r.type != "pulumi:pulumi:Stack"]
    return made


async def _run(program: Callable[[], object]) -> None:
    program()
    await outputs_known()


def stack_config(stack_name: str) -> dict[str, str]:
    """The configuration in a stack's file, in the form that Pulumi hands over."""
    given = yaml.safe_load((PROJECT / f"Pulumi.{stack_name}.yaml").read_text())["config"]
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in given.items()}


def run_program() -> None:
    """The project's own `__main__.py`, as Pulumi runs it."""
    runpy.run_path(str(PROJECT / "__main__.py"), run_name="__main__")


def record_stack(stack_name: str, changes: Mapping[str, str] | None = None) -> Record:
    """Run the project's own `__main__.py` as the stack, with changes of its configuration; its zips are not built.

    Each is run once. Many tests look at it, and none changes it.
    """
    return _record_stack(stack_name, frozenset((changes or {}).items()))


@cache
def _record_stack(stack_name: str, changes: frozenset[tuple[str, str]]) -> Record:
    return record_stack_anew(stack_name, dict(changes))


def record_stack_anew(stack_name: str, changes: Mapping[str, str] | None = None) -> Record:
    """As `record_stack`, whatever has been run before."""
    config = stack_config(stack_name) | dict(changes or {})
    with recorded_packages() as asked:
        made = record(run_program, stack_name, config)
    made.packages = asked
    return made


@contextlib.contextmanager
def recorded_packages() -> Iterator[list[packaging.Package]]:
    """What programs ask for as their functions' zips, in place of building them."""
    asked: list[packaging.Package] = []

    def build(package: packaging.Package, build_dir: Path) -> Path:
        asked.append(package)
        return build_dir / f"{Path(package.packages[0]).name}.zip"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packaging, "build", build)
        yield asked


def _plain(value: Any) -> Any:
    """Inputs in a form that compares by value."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return f"file {value.path}" if isinstance(value, pulumi.FileArchive | pulumi.FileAsset) else value
