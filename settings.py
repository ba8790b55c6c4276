"""Settings of a stack: the `labelstack:` keys of its configuration, parsed once.

Most settings are arguments of components and described there, with type, limits and default. `PARTS` lists the
components of a stack, and the arguments that have another name as a setting. `StackArgs` has the settings that decide
which components exist.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any, Literal, Required, TypedDict

import pulumi
from pydantic import Field
from pydantic.alias_generators import to_camel

import components
from components import arguments
from components.arguments import Member
from components.buckets import Origin
from components.component import Component, args_of
from components.errors import Problem

NAMESPACE = "labelstack"
PipelineKind = Literal["queue", "workflow"]


class SettingsError(pulumi.RunError):
    """One or more settings are wrong; the text has one sentence for each, with its key, value and what is expected."""

    code = "INVALID_SETTINGS"


class StackArgs(TypedDict, total=False):
    """The settings that decide the parts of a stack."""

    name: Required[
        Annotated[
            str,
            Field(
                pattern=r"^[a-z][a-z0-9-]{1,30}$",
                description="2 to 31 lower-case letters, digits and hyphens, the first a letter",
            ),
        ]
    ]
    """The prefix of every resource's name."""
    protect_data: Required[bool]
    """Protect uploads, documents and table from `pulumi destroy`."""
    pipeline: Annotated[PipelineKind, Field("queue")]
    """One function, or a Step Functions workflow (`docs/workflow.md`)."""
    results_bucket: Annotated[bool, Field(False)]
    """Write a JSON document for each version to a bucket (`docs/results.md`)."""
    notifications: Annotated[bool, Field(False)]
    """Publish each result to an SNS topic."""
    api: Annotated[Literal["none", "rest", "http"], Field("none")]
    """The API: `rest` has API keys, `http` is cheaper."""
    website: Annotated[Literal["none", "s3", "cloudfront"], Field("none")]
    """The page: `s3` over plain HTTP, `cloudfront` over HTTPS with security headers."""
    site_mode: Annotated[Literal["api", "guest"], Field("api")]
    """The page uses the API, or S3 and the table as a Cognito guest."""
    guest_access: Annotated[bool, Field(False)]
    """Create a Cognito identity pool. Guests put and read their own pictures below `uploadPrefix`."""
    allowed_origins: Annotated[tuple[Origin, ...], Field(())]
    """Other web origins that may upload and call the API."""
    previews: Annotated[bool, Field(False)]
    """Make WebP previews (`docs/pictures.md`)."""
    monitoring: Annotated[bool, Field(False)]
    """Create alarms and a dashboard (`docs/metrics.md`)."""


@dataclass(frozen=True)
class Part:
    """A part of the stack.

    Attributes:
        title: The subject of its settings, for the documentation.
        component: Its component; without one, it is the stack itself. Arguments with a `Field` are settings, unless
            `names` says None, and the component's rules hold for them.
        names: The keys of arguments that have another name as a setting; None for what the program decides.
        pipeline: With which `pipeline` its rules hold; without it, with either.
    """

    title: str
    component: type[Component] | None = None
    names: Mapping[str, str | None] = field(default_factory=dict)
    pipeline: PipelineKind | None = None

    @cached_property
    def members(self) -> Mapping[str, Member]:
        """Return all arguments by name."""
        return arguments.members(args_of(self.component) if self.component else StackArgs)

    @cached_property
    def keys(self) -> Mapping[str, str]:
        """Return the settings' keys by argument."""
        described = (name for name, member in self.members.items() if member.field or self.component is None)
        keys = {name: self.names.get(name, to_camel(name)) for name in described}
        return {name: key for name, key in keys.items() if key is not None}

    def arguments_of(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the component's arguments from the settings' values."""
        return {name: values[key] for name, key in self.keys.items()}

    def key(self, argument: str) -> str:
        """Spell an argument as the setting's key, where it is a setting."""
        name = argument.partition(".")[0]
        return _spelled(f"{self.keys[name]}{argument.removeprefix(name)}") if name in self.keys else argument


API_NAMES = {
    "kind": "api",
    "access": "apiAccess",
    "stage": "apiStage",
    "throttle_rate": "apiThrottleRate",
    "throttle_burst": "apiThrottleBurst",
    "log_role": "apiLogRole",
    "daily_quota": "apiDailyQuota",
    "requests_per_address": "apiRequestsPerAddress",
    "purge": "apiPurge",
}
EVENT_NAMES = {"events": None, "eventbridge": None}
NOTIFY_NAMES = {"emails": "notifyEmails", "queue_arns": "notifyQueues", "filter_policy": "notifyFilter"}
PARTS = (
    Part("The stack"),
    Part("Labelling", components.ImageProcessor, EVENT_NAMES, "queue"),
    Part("Labelling", components.LabelWorkflow, {**EVENT_NAMES, "public_endpoint": None}, "workflow"),
    Part("Uploads", components.UploadBucket, {"expiration_days": "uploadExpirationDays"}),
    Part("Results", components.ResultsStore),
    Part("Documents", components.ResultsBucket, {"expiration_days": "resultsExpirationDays"}),
    Part("Notifications", components.Notifications, NOTIFY_NAMES),
    Part("Previews", components.Previews, {"concurrency": "previewConcurrency"}),
    Part("API", components.LabelApi, API_NAMES),
    Part("Guests", components.GuestAccess),
    Part("Page", components.Website, {"kind": "website", "endpoint": "websiteEndpoint"}),
    Part("Page", components.WebsiteFiles),
    Part("Monitoring", components.Monitoring, {"emails": "alarmEmails", "commands": None}),
)


def _described() -> dict[str, Member]:
    """Return all settings by key. The first of several components with an argument describes the setting."""
    described: dict[str, Member] = {}
    for part in PARTS:
        for name, key in part.keys.items():
            described.setdefault(key, replace(part.members[name], name=key))
    return described


KEYS: Mapping[str, Member] = _described()


class Settings(dict[str, Any]):
    """A stack's settings, by key: `settings["maxLabels"]`."""

    def of(self, component: Callable[..., Any]) -> dict[str, Any]:
        """Return the arguments of a component that are settings."""
        part = next(part for part in PARTS if part.component is component)
        return {name: value for name, value in part.arguments_of(self).items() if value is not None}


def load() -> Settings:
    """Return the settings of the stack that is being deployed. Raises SettingsError, before anything is created."""
    config: dict[str, Any] = {**pulumi.runtime.get_config_env(), **pulumi.runtime.config.CONFIG.get()}
    prefix = f"{NAMESPACE}:"
    return parse({key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)})


def parse(values: Mapping[str, Any]) -> Settings:
    """Parse settings by key (`maxLabels`), each as YAML has it or as a text. Raises SettingsError."""
    read = {key: _from_text(KEYS[key].type, value) if key in KEYS else value for key, value in values.items()}
    checked, problems = arguments.check(KEYS, read)
    sentences = [_as_given(problem, values).sentence(_spelled, "setting") for problem in problems]
    if not sentences:
        sentences = [problem.sentence(_spelled) for problem in _conflicts(checked)]
        for part in PARTS:
            if part.component is not None and part.pipeline in (None, checked["pipeline"]):
                known = dict.fromkeys(part.members) | part.arguments_of(checked)
                problems_of_part = arguments.broken(part.component.rules, known)
                sentences += [problem.sentence(part.key) for problem in problems_of_part]
    if sentences:
        listed = (f"  {sentence}" for sentence in dict.fromkeys(sentences))
        raise SettingsError("\n".join(["The stack's settings are wrong:", *listed]))
    return Settings(checked)


def _spelled(key: str) -> str:
    return f"{NAMESPACE}:{key}"


def _from_text(annotation: Any, value: Any) -> Any:
    """Return a list or mapping as Pulumi hands it over, JSON; a list also as a person types it, `labels,faces`."""
    if not isinstance(value, str) or not (arguments.is_sequence(annotation) or arguments.is_mapping(annotation)):
        return value
    if arguments.is_sequence(annotation) and not value.lstrip().startswith("["):
        return [part.strip() for part in value.split(",")]
    try:
        return json.loads(value)
    except ValueError:
        return value


def _as_given(problem: Problem, values: Mapping[str, Any]) -> Problem:
    """Return the problem of a whole setting with the value that stands in the configuration."""
    whole = problem.expected and problem.argument in values
    return replace(problem, value=values[problem.argument]) if whole else problem


def _conflicts(values: Mapping[str, Any]) -> Iterator[Problem]:
    """Yield the conflicts between parts of the stack."""
    for key in ("notifyEmails", "notifyQueues"):
        if values[key] and not values["notifications"]:
            yield Problem(key, values[key], "no such key, or $notifications true")
    if values["guestAccess"] and values["api"] != "none" and values["apiAccess"] == "open":
        expected = "api_key or iam, or $guestAccess false, as an open API shows everybody the pictures of all guests"
        yield Problem("apiAccess", "open", expected)
    if values["onCostBound"] == "pause" and not (values["monitoring"] and values["dailyCostBoundUsd"]):
        yield Problem("onCostBound", "pause", "alarm, or $dailyCostBoundUsd and $monitoring true for what pauses")
    page = values["siteMode"] if values["website"] != "none" else None
    if page == "guest" and not values["guestAccess"]:
        yield Problem("siteMode", "guest", "api, or $guestAccess true")
    if page == "api" and values["api"] == "none":
        yield Problem("website", values["website"], "none, or $api rest or http for the page to work with")
    if page == "api" and values["apiAccess"] == "iam":
        yield Problem("apiAccess", "iam", "open or api_key, as the page does not sign its requests")
