"""Runs Pulumi programs against a recording monitor.

Tests assert nothing inside a program: a value that never resolves would let such an assertion pass unseen. Here a
program runs to its end first. Then tests read its registrations, with every value known.
"""

import asyncio
import contextlib
import contextvars
import gc
import json
import runpy
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, wraps
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml
from pulumi.runtime import mocks, settings, stack

from components import packaging
from labelstack.engines.program import no_collections, outputs_known
from settings import KEYS

PROJECT = Path(__file__).resolve().parents[1]
ACCOUNT = "123456789012"
REGION = "eu-central-1"


@dataclass(frozen=True)
class Place:
    """A provider's place: a region of an account, in one of AWS's partitions."""

    region: str = REGION
    account: str = ACCOUNT

    @property
    def partition(self) -> str:
        """Return `aws`, `aws-cn` or `aws-us-gov`, by the region."""
        prefixes = {"cn-": "aws-cn", "us-gov-": "aws-us-gov"}
        return next((partition for prefix, partition in prefixes.items() if self.region.startswith(prefix)), "aws")

    @property
    def suffix(self) -> str:
        """Return the end of services' names."""
        return "amazonaws.com.cn" if self.partition == "aws-cn" else "amazonaws.com"

    def arn(self, service: str, resource: str, *, regional: bool = True) -> str:
        """Return an ARN of this account."""
        return f"arn:{self.partition}:{service}:{self.region if regional else ''}:{self.account}:{resource}"


# AWS's computed values of a resource, by type.
COMPUTED: Mapping[str, Callable[[str, Place], dict[str, Any]]] = {
    "aws:lambda/eventSourceMapping:EventSourceMapping": lambda name, at: {
        "arn": at.arn("lambda", f"event-source-mapping:{name}")
    },
    "aws:s3/bucket:Bucket": lambda name, at: {
        "bucket": name,
        "arn": f"arn:{at.partition}:s3:::{name}",
        "region": at.region,
        "bucketDomainName": f"{name}.s3.{at.suffix}",
        "bucketRegionalDomainName": f"{name}.s3.{at.region}.{at.suffix}",
    },
    "aws:sqs/queue:Queue": lambda name, at: {
        "name": name,
        "url": f"https://sqs.{at.region}.{at.suffix}/{at.account}/{name}",
        "arn": at.arn("sqs", name),
    },
    "aws:sns/topic:Topic": lambda name, at: {"name": name, "arn": at.arn("sns", name)},
    "aws:dynamodb/table:Table": lambda name, at: {"name": name, "arn": at.arn("dynamodb", f"table/{name}")},
    "aws:cloudwatch/metricAlarm:MetricAlarm": lambda name, at: {
        "name": name,
        "arn": at.arn("cloudwatch", f"alarm:{name}"),
    },
    "aws:iam/role:Role": lambda name, at: {"name": name, "arn": at.arn("iam", f"role/{name}", regional=False)},
    "aws:lambda/function:Function": lambda name, at: {
        "arn": at.arn("lambda", f"function:{name}"),
        "invokeArn": f"arn:{at.partition}:apigateway:{at.region}:lambda:path/functions/{name}/invocations",
    },
    "aws:sfn/stateMachine:StateMachine": lambda name, at: {"arn": at.arn("states", f"stateMachine:{name}")},
    "aws:cloudwatch/eventRule:EventRule": lambda name, at: {"name": name, "arn": at.arn("events", f"rule/{name}")},
    "aws:cloudwatch/logGroup:LogGroup": lambda name, at: {"arn": at.arn("logs", f"log-group:{name}")},
    "aws:apigateway/restApi:RestApi": lambda name, at: {"name": name, "executionArn": at.arn("execute-api", name)},
    "aws:apigateway/stage:Stage": lambda name, at: {
        "invokeUrl": f"https://api.execute-api.{at.region}.{at.suffix}/{name}",
        "arn": f"arn:{at.partition}:apigateway:{at.region}::/restapis/api/stages/{name}",
    },
    "aws:wafv2/webAcl:WebAcl": lambda name, at: {"arn": at.arn("wafv2", f"regional/webacl/{name}/id")},
    "aws:apigatewayv2/api:Api": lambda name, at: {"executionArn": at.arn("execute-api", name)},
    "aws:apigatewayv2/stage:Stage": lambda name, at: {
        "invokeUrl": f"https://api.execute-api.{at.region}.{at.suffix}/{name}"
    },
    "aws:s3/bucketWebsiteConfiguration:BucketWebsiteConfiguration": lambda name, at: {
        "websiteEndpoint": f"{name}.s3-website.{at.region}.{at.suffix}"
    },
    "aws:cloudfront/distribution:Distribution": lambda name, at: {
        "arn": at.arn("cloudfront", f"distribution/{name}", regional=False),
        "domainName": f"{name}.cloudfront.net",
    },
}
# The regions of buckets that are there already, where they are not the provider's.
BUCKET_REGIONS = {"elsewhere": "us-west-2"}
# AWS's answers to provider functions.
ANSWERS: Mapping[str, Callable[[Mapping[str, Any], Place], dict[str, str]]] = {
    "getCallerIdentity": lambda _, at: {
        "accountId": at.account,
        "arn": at.arn("iam", "root", regional=False),
        "id": at.account,
        "userId": at.account,
    },
    "getRegion": lambda _, at: {"region": at.region, "name": at.region, "id": at.region},
    "getPartition": lambda _, at: {"partition": at.partition, "dnsSuffix": at.suffix, "id": at.partition},
    "getBucket": lambda arguments, at: {
        "bucket": arguments["bucket"],
        "bucketRegion": BUCKET_REGIONS.get(arguments["bucket"], at.region),
    },
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
    aliases: frozenset[str] = frozenset()
    """Former types."""
    deleted_with: str = ""
    """The type of the resource that it goes with when that is deleted too."""

    def policy(self, key: str = "policy") -> Any:
        """Return the JSON in an input."""
        return json.loads(self.inputs[key])


@dataclass
class Record:
    """The resources and outputs of a program."""

    resources: list[Resource] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    packages: list[packaging.Package] = field(default_factory=list)
    """The requested zips of a stack's functions."""

    def of(self, type_name: str) -> list[Resource]:
        """Return the resources of a type (`aws:sqs/queue:Queue`), by name."""
        return sorted((r for r in self.resources if r.type == type_name), key=lambda r: r.name)

    def single(self, type_name: str, name: str = "") -> Resource:
        """Return the only resource of a type, or the one of that name."""
        matches = [r for r in self.of(type_name) if name in ("", r.name)]
        assert len(matches) == 1, (
            f"{type_name} {name}: {[r.name for r in matches]} of {[r.name for r in self.resources]}"
        )
        return matches[0]

    def inputs(self) -> dict[str, Any]:
        """Return all inputs, by type and name."""
        return {f"{r.type} {r.name}": _plain(r.inputs) for r in self.resources}


class _Recorder(mocks.Mocks):
    """Answers as AWS would, physical names being logical names with a suffix."""

    def __init__(self, place: Place, present: Mapping[str, Mapping[str, Any]]) -> None:
        self._default, self._present = place, present
        self._places: dict[str, Place] = {}

    def _place(self, provider: str | None) -> Place:
        """Return where a provider works; `provider` is its URN and id."""
        return self._places.get((provider or "").rpartition("::")[0].rpartition("::")[2], self._default)

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        if args.typ == "pulumi:providers:aws":
            accounts = json.loads(args.inputs.get("allowedAccountIds") or "[]")
            self._places[args.name] = Place(args.inputs["region"], *accounts)
            return args.name, args.inputs
        if args.resource_id:
            return args.resource_id, {**args.inputs, **self._present.get(args.resource_id, {})}
        if not args.custom:
            return "", {}
        name = str(args.inputs.get("name") or f"{args.name}-0a1b2c3")
        computed = COMPUTED[args.typ](name, self._place(args.provider)) if args.typ in COMPUTED else {}
        return computed.get("url", name), {**args.inputs, **computed}

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:  # type: ignore[override]  # a dict will do
        return ANSWERS[args.token.rpartition(":")[2]](args.args, self._place(args.provider))


class _Monitor(mocks.MockMonitor):
    """Records each registration, with parent, dependencies and protection, which mocks do not get."""

    def __init__(self, record: Record, recorder: mocks.Mocks) -> None:
        super().__init__(recorder)
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
            aliases=frozenset(alias.spec.type for alias in request.aliases if alias.spec.type),
            deleted_with=request.deletedWith.rpartition("::")[0].rpartition("::")[2].rpartition("$")[2],
        )
        with self._lock:
            self._record.resources.append(resource)
        return response

    def ReadResource(self, request: Any) -> Any:
        self._make_loop()
        return super().ReadResource(request)  # type: ignore[no-untyped-call]  # Pulumi's mocks have no types

    def Invoke(self, request: Any) -> Any:
        self._make_loop()
        return super().Invoke(request)  # type: ignore[no-untyped-call]  # Pulumi's mocks have no types

    def _make_loop(self) -> None:
        """Open an event loop for this worker thread; the mocks would open one and leave it."""
        if not hasattr(self._thread, "loop"):
            self._thread.loop = asyncio.new_event_loop()
            asyncio.set_event_loop(self._thread.loop)
            with self._lock:
                self._loops.append(self._thread.loop)

    def close(self) -> None:
        """Close the worker threads' loops: the threads have ended."""
        for loop in self._loops:
            loop.close()


def monitor(
    recorded: Record, place: Place | None = None, present: Mapping[str, Mapping[str, Any]] | None = None
) -> contextlib.closing[_Monitor]:
    """Return the monitor that records the program; `present` has existing resources by id."""
    return contextlib.closing(_Monitor(recorded, _Recorder(place or Place(), present or {})))


def record(
    program: Callable[[], object],
    stack_name: str = "test",
    config: Mapping[str, str] | None = None,
    *,
    place: Place | None = None,
    present: Mapping[str, Mapping[str, Any]] | None = None,
    keep: list[Record] | None = None,
) -> Record:
    """Run `program` to its end, and return its registered resources. Its errors are raised.

    `place` is the default provider's, and `present` what there is already, by id. `keep` gets the record of a program
    that fails, too.
    """
    new_record = Record()
    if keep is not None:
        keep.append(new_record)

    async def run(recorder: mocks.MockMonitor) -> None:
        # Pulumi passes an error on in several ways. It is raised once, and asyncio logs nothing more.
        asyncio.get_running_loop().set_exception_handler(lambda *_: None)
        pulumi.runtime.set_all_config(dict(config or {}))
        mocks.set_mocks(recorder.mocks, "labelstack", stack_name, preview=False, monitor=recorder)
        # Pulumi's mocks keep one set for all programs: a failing one would leave outputs that never resolve.
        settings.SETTINGS.outputs = set()
        await stack.run_pulumi_func(lambda: _run(program))
        root = pulumi.runtime.settings.get_root_resource()
        assert isinstance(root, stack.Stack)
        for name, value in root.outputs.items():
            output = pulumi.Output.from_input(value)
            assert await output.is_known(), f"the output {name} is unknown"
            new_record.outputs[name] = await output.future()

    # A thread of its own: Pulumi looks through the stack of calls for each resource, and pytest's is deep.
    with monitor(new_record, place, present) as recorder, no_collections(), ThreadPoolExecutor(1) as thread:
        # One loop for the mocks and the program: with two it hangs. An empty context, as settings outlive a program.
        thread.submit(contextvars.Context().run, lambda: asyncio.run(run(recorder))).result()
    new_record.resources = [r for r in new_record.resources if r.type != "pulumi:pulumi:Stack"]
    # A program imports more of Pulumi's AWS SDK, through which each later collection would walk.
    gc.collect()
    gc.freeze()
    return new_record


async def _run(program: Callable[[], object]) -> None:
    program()
    await outputs_known()


@cache
def stack_config(stack_name: str) -> dict[str, str]:
    """Return the configuration in a stack's file, in the form that Pulumi hands over. Tests leave it unchanged."""
    values = yaml.safe_load((PROJECT / f"Pulumi.{stack_name}.yaml").read_text())["config"]
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}


def run_program() -> None:
    """Run the project's own `__main__.py`, as Pulumi does."""
    runpy.run_path(str(PROJECT / "__main__.py"), run_name="__main__")


def once(make: Callable[..., Record]) -> Callable[..., Record]:
    """Run each of a maker's programs once, by its arguments. Many tests look at a record, and none changes it."""
    records: dict[str, Record] = {}

    @wraps(make)
    def make_once(*args: Any, **arguments: Any) -> Record:
        program = repr((args, sorted(arguments.items())))
        if program not in records:
            records[program] = make(*args, **arguments)
        return records[program]

    return make_once


def record_stack(stack_name: str, changes: Mapping[str, str] | None = None) -> Record:
    """Run the project's own `__main__.py` as the stack, with changes of its configuration; its zips are not built.

    Each is run once, also where a change only says a default. Many tests look at it, and none changes it.
    """
    defaults = {f"labelstack:{key}": str(member.default).lower() for key, member in KEYS.items()}
    config = stack_config(stack_name) | dict(changes or {})
    return _record_stack(stack_name, frozenset(config.items() - defaults.items()))


@cache
def _record_stack(stack_name: str, config: frozenset[tuple[str, str]]) -> Record:
    return _record_config(stack_name, dict(config))


def record_stack_anew(stack_name: str, changes: Mapping[str, str] | None = None) -> Record:
    """Record a stack again, even if `record_stack` has done so."""
    return _record_config(stack_name, stack_config(stack_name) | dict(changes or {}))


def _record_config(stack_name: str, config: Mapping[str, str]) -> Record:
    with recorded_packages() as packages:
        new_record = record(run_program, stack_name, config)
    new_record.packages = packages
    return new_record


@contextlib.contextmanager
def recorded_packages() -> Iterator[list[packaging.Package]]:
    """Yield the packages of the functions' zips that programs ask for, without building them."""
    packages: list[packaging.Package] = []

    def build(package: packaging.Package, build_dir: Path) -> Path:
        packages.append(package)
        return build_dir / f"{Path(package.packages[0]).name}.zip"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packaging, "build", build)
        yield packages


def _plain(value: Any) -> Any:
    """Return inputs in a form that compares by value."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return f"file {value.path}" if isinstance(value, pulumi.FileArchive | pulumi.FileAsset) else value
