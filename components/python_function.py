"""PythonFunction: a Lambda function with its own role and log group."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pulumi
import pulumi_aws as aws

from components import packaging
from components.errors import InvalidArgumentError
from components.policies import Statement, document, trust
from components.tagging import tags

NAME_LENGTH = 64 - len("-0123456")  # a role's and a function's name have 64 characters, and Pulumi adds eight


@dataclass(frozen=True)
class PythonFunctionArgs:
    """Arguments of PythonFunction.

    `source_dir` holds the packages; each of `packages` (`handlers/process_image`) keeps its path from there in the zip.
    `handler` is Lambda's handler string. `requirements` is a lock with hashes, relative to `source_dir`; None: no
    dependencies.
    `statements` are what the function may do beside writing to its own log group.
    `build_dir` keeps the zips between runs; None: `.labelstack/packages` in `source_dir`.
    """

    source_dir: Path
    packages: Sequence[str]
    handler: str
    requirements: str | None = None
    environment: Mapping[str, pulumi.Input[str]] = field(default_factory=dict)
    statements: Sequence[Statement] = ()
    description: str = ""
    runtime: str = "python3.13"
    architecture: str = "arm64"
    memory_mb: int = 512
    timeout_s: int = 60
    log_retention_days: int = 14
    build_dir: Path | None = None


class PythonFunction(pulumi.ComponentResource):
    """A function from a reproducible zip, a role that may do just what it is told, and a log group with retention.

    Role and function share one physical name, and the log group is named after it. So the group is there before
    Lambda could make one without retention, and the role need not be allowed to create groups.
    """

    function: aws.lambda_.Function
    role: aws.iam.Role
    log_group: aws.cloudwatch.LogGroup
    name: pulumi.Output[str]
    arn: pulumi.Output[str]
    timeout_s: int

    def __init__(self, name: str, args: PythonFunctionArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("labelstack:components:PythonFunction", name, None, opts)
        if len(name) > NAME_LENGTH:
            raise InvalidArgumentError(
                f"The function name {name!r} is longer than {NAME_LENGTH} characters: shorten it."
            )
        child = pulumi.ResourceOptions(parent=self)
        package = packaging.build(
            packaging.Package(
                source_dir=args.source_dir,
                packages=tuple(args.packages),
                requirements=args.requirements,
                runtime=args.runtime,
                architecture=args.architecture,
            ),
            args.build_dir or args.source_dir / ".labelstack" / "packages",
        )
        self.role = aws.iam.Role(name, assume_role_policy=trust("lambda.amazonaws.com"), tags=tags(name), opts=child)
        self.log_group = aws.cloudwatch.LogGroup(
            f"{name}-logs",
            name=pulumi.Output.concat("/aws/lambda/", self.role.name),
            retention_in_days=args.log_retention_days,
            tags=tags(name),
            opts=child,
        )
        log = Statement(["logs:CreateLogStream", "logs:PutLogEvents"], [pulumi.Output.concat(self.log_group.arn, ":*")])
        policy = aws.iam.RolePolicy(
            f"{name}-policy",
            role=self.role.name,
            policy=document([log, *args.statements]),
            opts=child,
        )
        self.function = aws.lambda_.Function(
            name,
            name=self.role.name,
            description=args.description,
            role=self.role.arn,
            code=pulumi.FileArchive(str(package)),
            handler=args.handler,
            runtime=args.runtime,
            architectures=[args.architecture],
            memory_size=args.memory_mb,
            timeout=args.timeout_s,
            environment={"variables": args.environment},
            tags=tags(name),
            opts=pulumi.ResourceOptions(parent=self, depends_on=[policy, self.log_group]),
        )
        self.name, self.arn = self.function.name, self.function.arn
        self.timeout_s = args.timeout_s
        self.register_outputs({"name": self.name, "arn": self.arn})
