"""Component: what all components have in common."""

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, ClassVar, TypedDict, TypeVar, cast

import pulumi
import pulumi_aws as aws
from pydantic import Field

from . import arguments
from .arguments import Member
from .errors import ArgumentError, Problem

A = TypeVar("A")
PACKAGE = "labelstack"
TAG_NAME_LENGTH = 128
RANDOM_SUFFIX = len("-0123456")  # Pulumi adds it to a resource's name


class TaggedArgs(TypedDict, total=False):
    """Arguments of every component."""

    tags: pulumi.Input[Mapping[str, pulumi.Input[str]]]
    """Tags of every resource of the component that takes some, added to `project`, `stack` and `component`."""


class ProtectedArgs(TaggedArgs, total=False):
    """Arguments of a component that keeps data."""

    protect_data: Annotated[bool, Field(True)]
    """Keep the data when the stack is destroyed: Pulumi, and AWS where it can, refuse to delete it. `false` deletes the
    data with the stack."""


class Component(pulumi.ComponentResource):
    """A component whose arguments are checked before anything is created, and recorded as its inputs.

    Its type is the same in a Python program and in the plugin for other languages. Its resources, and its calls that
    ask AWS for account, region and partition, take the component's provider.
    """

    name_limit: ClassVar[int] = 55
    """The maximum length of a component's name: its resources' names must fit AWS's limits."""
    name_pattern: ClassVar[str] = r"[A-Za-z0-9_-]+"
    name_expected: ClassVar[str] = "letters, digits, hyphens and underscores"

    arguments: Mapping[str, Any]
    """The checked arguments, None for each absent one."""

    @staticmethod
    def rules(args: Mapping[str, Any]) -> Iterator[Problem]:
        """Find arguments that do not go together. Rules see plain values only: a late value ends them."""
        yield from ()

    def _start(self, name: str, args: A | None, opts: pulumi.ResourceOptions | None, others: Sequence[str] = ()) -> A:
        """Check the arguments and register the component.

        `others` are components that this one may take the place of in a stack: their children become its own.
        Raises ArgumentError, at once or, for a late value, when the component is registered.
        """
        kind, args_type = type(self).__name__, args_of(type(self))
        if args is not None and not isinstance(args, Mapping):
            raise ArgumentError(kind, name, [Problem("args", args, "a mapping of arguments")])
        members = arguments.members(args_type)
        checked, problems = arguments.check(
            members, _configured(members, args or {}), lambda late: ArgumentError(kind, name, [late])
        )
        if not problems:
            problems += arguments.broken(self.rules, checked)
        if problems := [*self._problems(name, checked.get("tags")), *problems]:
            raise ArgumentError(kind, name, problems)
        if "service" in members:
            checked["service"] = checked["service"] or f"{name}-{pulumi.get_stack()}"
        self.arguments = checked
        former = [f"{PACKAGE}:components:{other}" for other in (kind, *others)]
        aliases = [pulumi.Alias(type_=type_) for type_ in (*(token(other) for other in others), *former)]
        own = pulumi.ResourceOptions(aliases=aliases, transformations=[self._tag])
        super().__init__(
            token(kind), name, arguments.recorded(members, checked), pulumi.ResourceOptions.merge(own, opts)
        )
        self._child = pulumi.ResourceOptions(parent=self)
        return cast(A, checked)

    def _problems(self, name: str, tags: Any) -> Iterator[Problem]:
        """Yield the problems of the component's name and of its tags' names."""
        if len(name) > self.name_limit:
            short = f"{self.name_limit} characters or fewer, as AWS bounds the names made of it (this has {len(name)})"
            yield Problem("name", name, short)
        elif not re.fullmatch(self.name_pattern, name):
            yield Problem("name", name, self.name_expected)
        for tag in tags if isinstance(tags, Mapping) else ():
            if not 0 < len(tag) <= TAG_NAME_LENGTH or tag.lower().startswith("aws:"):
                expected = f"a tag whose name has 1 to {TAG_NAME_LENGTH} characters and does not begin with aws:"
                yield Problem(f"tags.{tag}", tags[tag], expected)

    def _with(self, owner: pulumi.Resource, *after: pulumi.Resource) -> pulumi.ResourceOptions:
        """Return the options of a resource that AWS deletes with its `owner`, created after some others.

        A stack that is destroyed leaves it to AWS. Taken out of a program alone, it is deleted.
        """
        own = pulumi.ResourceOptions(deleted_with=owner, depends_on=list(after))
        return pulumi.ResourceOptions.merge(self._child, own)

    def _tag(self, child: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
        """Tag a resource that takes tags, except objects: their tags cost money each month."""
        inputs, own = cast(dict[str, Any], child.props), self.arguments["tags"]
        if "tags" in inputs and inputs["tags"] is None and child.type_ != "aws:s3/bucketObjectv2:BucketObjectv2":
            standard = {"project": pulumi.get_project(), "stack": pulumi.get_stack(), "component": self._name}
            inputs["tags"] = standard if own is None else arguments.derive(lambda known: {**standard, **known}, own)
        return pulumi.ResourceTransformationResult(inputs, child.opts)

    def _asks(self) -> pulumi.InvokeOptions:
        """Return the options of calls that ask AWS something: by the component's own provider."""
        return pulumi.InvokeOptions(parent=self)

    def _account(self) -> pulumi.Output[str]:
        return aws.get_caller_identity_output(opts=self._asks()).account_id

    def _region(self) -> pulumi.Output[str]:
        return aws.get_region_output(opts=self._asks()).region

    def _partition(self) -> pulumi.Output[str]:
        """Return the partition, the second part of every ARN: `aws`, `aws-cn` or `aws-us-gov`."""
        return aws.get_partition_output(opts=self._asks()).partition

    def _dns_suffix(self) -> pulumi.Output[str]:
        """Return the suffix of AWS's service names: `amazonaws.com`, in China `amazonaws.com.cn`."""
        return aws.get_partition_output(opts=self._asks()).dns_suffix


def _configured(members: Mapping[str, Member], values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the arguments, with the stack's configuration in place of absent ones."""
    config = pulumi.Config(PACKAGE)
    absent = {name: member.key for name, member in members.items() if member.key and values.get(name) is None}
    return {**values, **{name: config.get(key) for name, key in absent.items()}}


def args_of(component: type[Component]) -> Any:
    """Return the type of a component's arguments; a subclass of the user's own has its component's."""
    owner = next(each for each in component.__mro__ if each.__module__.startswith(f"{__package__}."))
    return arguments.strip(inspect.signature(owner).parameters["args"].annotation)[0]


def token(kind: str) -> str:
    """Return a component's type token, as the plugin's schema has it too."""
    return f"{PACKAGE}:index:{kind}"
