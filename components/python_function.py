"""PythonFunction: a Lambda function with its own role and log group."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Required, TypedDict, cast

import pulumi
import pulumi_aws as aws
from pydantic import Field

from . import packaging
from .arguments import Configured, Variable, environment, members
from .component import RANDOM_SUFFIX, Component, TaggedArgs
from .errors import Problem
from .policies import AnyResource, Statement, document, trust

Runtime = Literal["python3.11", "python3.12", "python3.13", "python3.14"]
Architecture = Literal["arm64", "x86_64"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
# CloudWatch Logs: PutRetentionPolicy.
LogRetention = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]
METRICS_NAMESPACE = "Labelstack"  # of Labelstack's own functions
SHARED = ("labelling", "results", "environment")  # folders of `handlers/`, by the functions that work on pictures
SMALL_TIMEOUT_S = 30  # of functions that decode no picture
Size = tuple[pulumi.Input[int], pulumi.Input[int]]
SMALL: Size = (256, SMALL_TIMEOUT_S)
SOURCES = Path(__file__).resolve().parents[1]
"""The folder of the functions' sources, the API's contract and the page: the clone, or the package in the wheel."""


class FunctionsArgs(TaggedArgs, total=False):
    """Arguments of every component that has functions."""

    runtime: Annotated[Runtime, Field("python3.13"), Configured("runtime")]
    """The functions' Python."""
    architecture: Annotated[Architecture, Field("arm64"), Configured("architecture")]
    """The functions' processor."""
    log_retention_days: Annotated[pulumi.Input[LogRetention], Field(14)]
    """Days for which CloudWatch keeps logs."""
    build_dir: str | Path | None
    """The folder that keeps the functions' zips and dependencies between runs. Without it, `.labelstack/packages`
    beside the sources, or the user's cache for an installed package or where nothing can be written."""


class ServiceArgs(FunctionsArgs, total=False):
    """Arguments of every component that runs Labelstack's own functions."""

    service: Annotated[pulumi.Input[str] | None, Variable("POWERTOOLS_SERVICE_NAME")]
    """The name of this deployment in logs and metrics. Without it, the component's name and the stack's."""
    log_level: Annotated[pulumi.Input[LogLevel], Field("INFO"), Variable("POWERTOOLS_LOG_LEVEL")]
    """The functions' log level. INFO logs each picture's labels."""
    source_dir: str | Path | None
    """A folder with other sources of the functions (`handlers/`) and another contract (`api/`) than Labelstack's."""


class PolicyStatement(TypedDict, total=False):
    """A right of a function."""

    actions: Required[Sequence[str]]
    """IAM actions, none of them `*`."""
    resources: Sequence[pulumi.Input[str]]
    """ARNs that the actions are for; `*` is refused."""
    any_resource_reason: str
    """The reason why the statement is for `*`: AWS cannot scope the actions to resources."""


class PythonFunctionArgs(FunctionsArgs, total=False):
    """Arguments of PythonFunction."""

    source_dir: Required[str | Path]
    """The folder that holds the packages, as an absolute path."""
    packages: Required[Annotated[Sequence[str], Field(min_length=1, description="one package or more, as my_package")]]
    """Packages in the source folder. Each keeps its path from there in the zip."""
    handler: Required[str]
    """Lambda's handler, as my_package.module.function."""
    requirements: str | None
    """A lock with hashes, relative to the source folder. Without it the function has no dependencies."""
    environment: Mapping[str, pulumi.Input[str]]
    """Environment variables."""
    statements: Sequence[Statement | PolicyStatement]
    """The function's rights, beside writing to its own log group."""
    description: Annotated[pulumi.Input[str], Field("")]
    """A description for people."""
    memory_mb: Annotated[pulumi.Input[int], Field(512, ge=128, le=10240)]
    """The function's memory."""
    timeout_seconds: Annotated[pulumi.Input[int], Field(60, ge=1, le=900)]
    """The longest time that a call may take."""


class PythonFunction(Component):
    """A function from a reproducible zip, a role with just the given rights, and a log group with retention.

    Role and function share one physical name, and the log group is named after it. So the group exists before Lambda
    could create one without retention, and the role needs no right to create groups.
    """

    name_limit = 64 - RANDOM_SUFFIX  # AWS: of a role's and of a function's name

    name: pulumi.Output[str]
    """The function's name."""
    arn: pulumi.Output[str]
    """The function's ARN."""
    role_name: pulumi.Output[str]
    """The name of the function's role."""
    log_group_name: pulumi.Output[str]
    """The name of the function's log group."""
    timeout_seconds: pulumi.Output[int]
    """The longest time that a call may take."""

    @staticmethod
    def rules(args: Mapping[str, Any]) -> Iterator[Problem]:
        if not Path(args["source_dir"]).is_absolute():
            yield Problem("source_dir", args["source_dir"], "an absolute path")
            return
        source_dir = Path(args["source_dir"])
        for package in args["packages"]:
            if not (source_dir / package).is_dir():
                yield Problem("packages", package, f"a folder in {source_dir}")
        if args["requirements"] is not None and not (source_dir / args["requirements"]).is_file():
            yield Problem("requirements", args["requirements"], f"a lock in {source_dir}")

    def __init__(self, name: str, args: PythonFunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        checked = self._start(name, args, opts)
        package = packaging.Package(
            source_dir=Path(checked["source_dir"]),
            packages=tuple(checked["packages"]),
            requirements=checked["requirements"],
            runtime=checked["runtime"],
            architecture=checked["architecture"],
        )
        zipped = packaging.build(package, packaging.build_dir(package.source_dir, checked["build_dir"]))
        self.role = aws.iam.Role(name, assume_role_policy=trust("lambda.amazonaws.com"), opts=self._child)
        self.log_group = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=pulumi.Output.concat("/aws/lambda/", self.role.name),
            retention_in_days=checked["log_retention_days"],
            opts=self._child,
        )
        log = Statement(["logs:CreateLogStream", "logs:PutLogEvents"], [pulumi.Output.concat(self.log_group.arn, ":*")])
        rights = document([log, *map(_statement, checked["statements"] or ())])
        policy = aws.iam.RolePolicy(f"{name}-policy", role=self.role.name, policy=rights, opts=self._child)
        self.function = aws.lambda_.Function(
            name,
            name=self.role.name,
            description=checked["description"],
            role=self.role.arn,
            code=pulumi.FileArchive(str(zipped)),
            handler=checked["handler"],
            runtime=checked["runtime"],
            architectures=[checked["architecture"]],
            memory_size=checked["memory_mb"],
            timeout=checked["timeout_seconds"],
            environment={"variables": checked["environment"] or {}},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy, self.log_group]),
        )
        self.name, self.arn = self.function.name, self.function.arn
        self.role_name, self.log_group_name = self.role.name, self.log_group.name
        self.timeout_seconds = pulumi.Output.from_input(checked["timeout_seconds"])
        self.register_outputs({"name": self.name, "arn": self.arn})


def missing_sources(args: Mapping[str, Any], *paths: str, packages: Sequence[str] = SHARED) -> Iterator[Problem]:
    """Yield the sources of a component's functions that its source folder lacks."""
    source_dir = Path(args["source_dir"] or SOURCES)
    needed = [*(f"handlers/{package}" for package in packages), *paths]
    if missing := [path for path in needed if not (source_dir / path).exists()]:
        yield Problem("source_dir", str(source_dir), f"a folder with {', '.join(missing)}")


def service_function(
    component: Component,
    suffix: str,
    folder: str,
    description: str,
    variables: Mapping[str, pulumi.Input[str]],
    statements: Sequence[Statement],
    *,
    packages: Sequence[str] = SHARED,
    entry: str = "handle",
    lock: str = "",
    size: Size = SMALL,
) -> PythonFunction:
    """Make one of Labelstack's own functions for a component, from `handlers/<folder>/handler.py`.

    `packages` and `lock` are folders of `handlers/` too: other sources, and where the lock is if not in `folder`.
    `size` is the memory in megabytes and the timeout in seconds.
    """
    args = component.arguments
    common = cast(FunctionsArgs, {name: args[name] for name in members(FunctionsArgs)})
    return PythonFunction(
        f"{component._name}-{suffix}",
        {
            **common,
            "source_dir": args["source_dir"] or SOURCES,
            "packages": [f"handlers/{each}" for each in (folder, *packages)],
            "handler": f"handlers.{folder}.handler.{entry}",
            "requirements": f"handlers/{lock or folder}/requirements.txt",
            "environment": {
                **environment(ServiceArgs, args),
                "POWERTOOLS_METRICS_NAMESPACE": METRICS_NAMESPACE,
                **variables,
            },
            "statements": statements,
            "description": description,
            "memory_mb": size[0],
            "timeout_seconds": size[1],
        },
        component._child,
    )


def _statement(statement: Statement | PolicyStatement) -> Statement:
    if isinstance(statement, Statement):
        return statement
    reason = statement.get("any_resource_reason")
    return Statement(statement["actions"], AnyResource(reason) if reason else statement.get("resources", ()))
