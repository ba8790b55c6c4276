"""The base of provisioners, which create, update and delete one resource type with boto3."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, TypeVar

from botocore.exceptions import ClientError

from labelstack.clouds.base import Cloud
from labelstack.engines import local_endpoints
from labelstack.engines.inputs import Inputs
from labelstack.engines.naming import AutoName

P = TypeVar("P", bound="type[Provisioner]")
REGISTRY: dict[str, Provisioner] = {}
# The output that names a resource to `TagResource`, and the operation's noun, where they are others than ARN and that.
TAG_OWNERS = {"iam": ("name", "role"), "sqs": ("url", "queue")}
# The codes by which services answer that there is no such thing.
MISSING = frozenset(
    {
        *("404", "NoSuchBucket", "NoSuchDistribution", "NoSuchEntity", "NoSuchOriginAccessControl"),
        *("NoSuchResponseHeadersPolicy", "NotFound", "NotFoundException", "ResourceNotFound"),
        *("ResourceNotFoundException", "StateMachineDoesNotExist", "WAFNonexistentItemException"),
        *("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "DashboardNotFoundError"),
    }
)


@dataclass
class Target:
    """A cloud, and the properties that all resources there share.

    Attributes:
        cloud: The cloud.
        default_tags: Tags of every taggable resource, by `aws:defaultTags` of the stack.
    """

    cloud: Cloud
    default_tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def region(self) -> str:
        """Return the region."""
        return self.cloud.region

    @cached_property
    def account(self) -> str:
        """Return the account's number."""
        return str(self.client("sts").get_caller_identity()["Account"])

    def client(self, service: str) -> Any:
        """Return a boto3 client; refuses one whose endpoint is not on this machine."""
        client = self.cloud.client(service)
        local_endpoints.check(client.meta.endpoint_url)
        return client

    def arn(self, service: str, resource: str, *, region: bool = True) -> str:
        """Return an ARN in this account."""
        return f"arn:aws:{service}:{self.region if region else ''}:{self.account}:{resource}"

    def tags(self, inputs: Inputs) -> dict[str, str]:
        """Return a resource's tags and the default ones."""
        return {**self.default_tags, **{key: str(value) for key, value in inputs.get("tags", {}).items()}}


@dataclass(frozen=True)
class Resource:
    """A resource as the program sees it.

    Attributes:
        id: The id Pulumi's provider would give.
        outputs: Output properties that are not just the inputs.
    """

    id: str
    outputs: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recorded:
    """A resource as the stack's record has it: id, the inputs it was made with, and all outputs."""

    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]


class Provisioner(ABC):
    """Creates, changes and removes resources of one type.

    Attributes:
        auto_name: The rule for a name that the program leaves out; None when the type has no name.
        replaced_by: Properties that cannot be changed in place; None when nothing can.
        tagged: The service that changes its tags; "" of a type without, or that sees to them itself.
        api_names: The API's names of properties that Pulumi names otherwise, to read errors by.
    """

    auto_name: ClassVar[AutoName | None] = None
    replaced_by: ClassVar[frozenset[str] | None] = None
    tagged: ClassVar[str] = ""
    api_names: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def create(self, inputs: Inputs, target: Target) -> Resource:
        """Create the resource. The engine reports properties that this does not use as not supported."""

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change the resource in place. The properties of `replaced_by` have not changed, and count as used."""
        raise NotImplementedError(f"{type(self).__name__} has replaced_by, but no update")

    @abstractmethod
    def delete(self, old: Recorded, target: Target) -> None:
        """Remove the resource; the engine ignores the answer that it is gone already."""

    def find(self, inputs: Inputs, target: Target) -> str | None:
        """Return the id of a resource with these inputs' name; None, or the answer that it is missing, without one."""
        return None

    def existing(self, inputs: Mapping[str, Any], target: Target) -> str | None:
        """Return the id of a resource that a killed deployment or another stack may have created, or None."""
        with ignore_missing():
            return self.find(Inputs(inputs), target)
        return None

    def read(self, id: str, target: Target) -> dict[str, Any] | None:
        """Return the outputs of one that is not the stack's; None when this type cannot be read."""
        return None

    def make_name(self, logical_name: str, inputs: Mapping[str, Any]) -> str | None:
        """Return a physical name; None when the program gives one or there is none to give."""
        naming = self.auto_name
        if naming is None or inputs.get(naming.property) is not None:
            return None
        return naming.make(logical_name)

    def named(self, inputs: Mapping[str, Any], name_made: str | None) -> dict[str, Any]:
        """Return the inputs with the generated name."""
        if name_made is None or self.auto_name is None:
            return dict(inputs)
        return {**inputs, self.auto_name.property: name_made}


class Setting(Provisioner):
    """A part of another resource that is put as a whole, such as a bucket's policy: update is create."""

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Put the setting again."""
        return self.create(inputs, target)


def provisions(token: str) -> Any:
    """Register the class as the provisioner of a type token."""

    def register(cls: P) -> P:
        REGISTRY[token] = cls()
        return cls

    return register


@contextmanager
def ignore_missing() -> Iterator[None]:
    """Ignore a service's answer that there is no such thing."""
    try:
        yield
    except ClientError as error:
        if error_code(error) not in MISSING:
            raise


def error_code(error: ClientError) -> str:
    """Return the code of an error answer, `NoSuchBucket`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def text(value: object) -> str:
    """Return a value as services want it where they take texts only."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def tag_list(tags: Mapping[str, str], key: str = "Key", value: str = "Value") -> list[dict[str, str]]:
    """Return tags in the form that most services take."""
    return [{key: name, value: content} for name, content in tags.items()]


def retag(client: Any, outputs: Mapping[str, Any], tags: Mapping[str, str], stale: Collection[str] = ()) -> None:
    """Change the tags of a resource, by `TagResource` and `UntagResource` as botocore's model of the service has them.

    Tags in a request that creates or puts count for a new resource only.
    """
    owner, kind = TAG_OWNERS.get(client.meta.service_model.service_name, ("arn", "resource"))

    def send(operation: str, value: Callable[[Any], Any]) -> None:
        shape = client.meta.service_model.operation_model(f"{operation}{kind.title()}").input_shape
        (owner_name, _), (member, form) = shape.members.items()
        # CloudFront wraps its lists.
        request = {"Items": value(form.members["Items"])} if form.type_name == "structure" else value(form)
        getattr(client, f"{operation.lower()}_{kind}")(**{owner_name: outputs[owner], member: request})

    if stale:
        send("Untag", lambda form: sorted(stale))
    if tags:
        send("Tag", lambda form: tag_list(tags, *form.member.members) if form.type_name == "list" else dict(tags))
