"""The base of provisioners, which create, update and delete one resource type with boto3."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from botocore import xform_name
from botocore.exceptions import ClientError

from labelstack.clouds.base import Cloud
from labelstack.engines import local_endpoints, requests
from labelstack.engines.inputs import Inputs
from labelstack.errors import DeployError

P = TypeVar("P", bound="type[Provisioner]")
REGISTRY: dict[str, Provisioner] = {}
RANDOM_DIGITS = 7  # hexadecimal ones, as in the names that Pulumi makes
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


@dataclass(frozen=True)
class AutoName:
    """The naming of a resource type when the program gives no name.

    Attributes:
        property: The input property that holds the name.
        longest: AWS's limit, in characters.
        lower: Whether the name is lower-cased (buckets).
    """

    property: str
    longest: int
    lower: bool = False

    def make(self, logical_name: str) -> str:
        """Return a new name. Raises DeployError when it would be too long."""
        start = logical_name.lower() if self.lower else logical_name
        name = f"{start}-{secrets.token_hex(4)[:RANDOM_DIGITS]}"
        if len(name) > self.longest:
            raise DeployError(
                f"the name {name!r} made for it has {len(name)} characters and {self.longest} are allowed: "
                f"shorten the logical name, or set {self.property}",
                property=self.property,
            )
        return name


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


class Provisioner:
    """Creates, changes, finds and removes resources of one type, each by the one request that is declared for it.

    A request has the properties that its operation knows by botocore's model (`requests.structure`). In templates,
    `answer` is the cloud's answer, `id` the resource's id, `inputs` has its properties, and `target` is the cloud.

    Attributes:
        service: boto3's name of the service.
        creates: The operation that creates one, `CreateRole`.
        updates: The operation that changes one, which is `creates` where that puts all of it.
        deletes: The operation that removes one; "" where it goes with the resource that it is a part of.
        finds: The operation that answers whether there is one of this name; "" without one.
        cleared: Parameters with which `creates` removes a setting.
        id: The template of the id that Pulumi's provider would give.
        key: The parameter by which the other requests name a resource by its id; "" where its properties name it.
        outputs: Templates of the output properties that are not just inputs, or their values.
        names: The API's names of properties that Pulumi names otherwise.
        body: The parameter that holds the properties, where they are no parameters themselves.
        defaults: Parameters that are sent where no property sets them.
        by_hand: Properties that the class itself puts into requests.
        unsent: Properties that no request has.
        auto_name: The rule for a name that the program leaves out; None when the type has no name.
        replaced_by: Properties that cannot be changed in place; None when nothing can.
        tagged: Whether the service changes its tags by `TagResource`.
    """

    service: str = ""
    creates: str = ""
    updates: str = ""
    deletes: str = ""
    finds: str = ""
    cleared: Mapping[str, Any] = {}
    id: str = ""
    key: str = ""
    outputs: Mapping[str, Any] = {}
    names: Mapping[str, str] = {}
    body: str = ""
    defaults: Mapping[str, Any] = {}
    by_hand: tuple[str, ...] = ()
    unsent: tuple[str, ...] = ()
    auto_name: AutoName | None = None
    replaced_by: frozenset[str] | None = None
    tagged: bool = False

    def create(self, inputs: Inputs, target: Target) -> Resource:
        """Create the resource. The engine reports properties that this does not use as not supported."""
        return self.create_by(self.request(self.creates, inputs, target), inputs, target)

    def create_by(self, request: dict[str, Any], inputs: Inputs, target: Target) -> Resource:
        """Create the resource by these parameters and the tags."""
        if self.tagged and (tags := target.tags(inputs)):
            members = requests.shape_of(target.client(self.service), self.creates).members
            name = next(name for name in members if name.lower().endswith("tags"))
            request[name] = tags_as(members[name], tags)
        answer = self.send(self.creates, request, target)
        resource_id = self.id.format(answer=answer, inputs=inputs.plain(), target=target)
        return self.resource(resource_id, answer, inputs, target)

    def update(self, old: Recorded, inputs: Inputs, target: Target) -> Resource:
        """Change the resource in place. The properties of `replaced_by` have not changed, and count as used."""
        request = self.request(self.updates, inputs, target, **self.key_of(old, target))
        return self.resource(old.id, self.send(self.updates, request, target), inputs, target, old)

    def delete(self, old: Recorded, target: Target) -> None:
        """Remove the resource; the engine ignores the answer that it is gone already."""
        if operation := self.creates if self.cleared else self.deletes:
            parameters = {**self.key_of(old, target), **self.cleared}
            self.send(operation, self.request(operation, Inputs(old.inputs), target, **parameters), target)

    def find(self, inputs: Inputs, target: Target) -> str | None:
        """Return the id of a resource with these inputs' name; None, or the answer that it is missing, without one."""
        if not self.finds:
            return None
        known: dict[str, Any] = {"inputs": inputs.plain(), "target": target}
        parameters = {self.key: self.id.format(**known)} if self.key and "{answer" not in self.id else {}
        answer = self.send(self.finds, self.request(self.finds, inputs, target, **parameters), target)
        return self.id.format(answer=answer, **known)

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

    def request(self, operation: str, inputs: Inputs, target: Target, **parameters: Any) -> dict[str, Any]:
        """Return the parameters of an operation: these, the properties', the defaults.

        Raises:
            DeployError: A property is missing that the operation requires.
        """
        shape = requests.shape_of(target.client(self.service), operation)
        for name in self.unsent:
            inputs.get(name)
        built = requests.structure(inputs, shape, self.names, (*self.by_hand, "tags"))
        if self.body in shape.members:
            built[self.body] = requests.structure(inputs, shape.members[self.body], self.names)
        defaults = {name: value for name, value in self.defaults.items() if name in shape.members}
        request = {**defaults, **built, **parameters}
        properties = {api: name for name, api in self.names.items()}
        for name in shape.required_members:
            if name not in request:
                inputs.require(properties.get(name, name[0].lower() + name[1:]))
        return request

    def send(self, operation: str, request: Mapping[str, Any], target: Target) -> dict[str, Any]:
        """Send a request; return the answer."""
        answer: dict[str, Any] = getattr(target.client(self.service), xform_name(operation))(**request)
        return answer

    def key_of(self, old: Recorded, target: Target) -> dict[str, str]:
        """Return the parameters that name a resource to change or to remove, besides its properties."""
        return {self.key: old.id} if self.key else {}

    def resource(
        self, id: str, answer: Mapping[str, Any], inputs: Inputs, target: Target, old: Recorded | None = None
    ) -> Resource:
        """Return the resource after an answer. An output that the answer to a change leaves out stays as it was."""
        values = {"answer": answer, "id": id, "inputs": inputs.plain(), "target": target}
        outputs = {}
        for name, template in self.outputs.items():
            try:
                outputs[name] = template.format(**values) if isinstance(template, str) else template
            except KeyError:
                outputs[name] = old.outputs.get(name, "") if old else ""
        return Resource(id, outputs)


def provisions(token: str) -> Callable[[P], P]:
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


def tags_as(form: Any, tags: Mapping[str, str]) -> list[dict[str, str]] | dict[str, str]:
    """Return tags as a parameter takes them by botocore's model: as a list of names and values, or as an object."""
    if form.type_name != "list":
        return dict(tags)
    key, value = form.member.members
    return [{key: name, value: content} for name, content in tags.items()]


def retag(client: Any, outputs: Mapping[str, Any], tags: Mapping[str, str], stale: Collection[str] = ()) -> None:
    """Change the tags of a resource, by `TagResource` and `UntagResource` as botocore's model of the service has them.

    Tags in a request that creates or puts count for a new resource only.
    """
    owner, kind = TAG_OWNERS.get(client.meta.service_model.service_name, ("arn", "resource"))

    def send(operation: str, value: Callable[[Any], Any]) -> None:
        (owner_name, _), (member, form) = requests.shape_of(client, f"{operation}{kind.title()}").members.items()
        # CloudFront wraps its lists.
        request = {"Items": value(form.members["Items"])} if form.type_name == "structure" else value(form)
        getattr(client, f"{operation.lower()}_{kind}")(**{owner_name: outputs[owner], member: request})

    if stale:
        send("Untag", lambda form: sorted(stale))
    if tags:
        send("Tag", lambda form: tags_as(form, tags))
