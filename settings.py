"""Settings of a stack: the `labelstack:` keys of its configuration, parsed once into a frozen object."""

import difflib
import json
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

import pulumi
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)
from pydantic.alias_generators import to_camel
from pydantic_core import ErrorDetails, PydanticCustomError

from components.concurrency import derive
from components.errors import InvalidArgumentError
from components.notifications import ATTRIBUTES, MAX_FILTER_ATTRIBUTES, check_filter
from components.state_machine import LONGEST_S

NAMESPACE = "labelstack"
Detector = Literal["labels", "faces", "moderation", "text"]
PipelineKind = Literal["queue", "workflow"]
Runtime = Literal["python3.11", "python3.12", "python3.13", "python3.14"]
Architecture = Literal["arm64", "x86_64"]
LogLevel = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
# What CloudWatch Logs takes as retention (PutRetentionPolicy).
LOG_RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
BESIDE_REKOGNITION_S = 5  # to read a picture, write its result and end in time
# Half of what an execution of the workflow may take (components/state_machine.py): one step twice.
LONGEST_STEP_S = LONGEST_S // 2
T = TypeVar("T")


class SettingsError(pulumi.RunError):
    """One or more settings are wrong; the text has one sentence for each, with its key, value and what is expected."""

    code = "INVALID_SETTINGS"


def _from_text(value: object) -> object:
    """A list as Pulumi hands it over, JSON; or as a person types it, `labels,faces`."""
    if not isinstance(value, str):
        return value
    return json.loads(value) if value.lstrip().startswith("[") else [part.strip() for part in value.split(",")]


def _from_json(value: object) -> object:
    """A value as Pulumi hands it over, or as a person types it: JSON."""
    return json.loads(value) if isinstance(value, str) else value


def _checked_filter(policy: dict[str, Any] | None) -> dict[str, Any] | None:
    try:
        check_filter(policy)
    except InvalidArgumentError as error:
        raise ValueError(str(error)) from error
    return policy


def _unique(values: tuple[T, ...]) -> tuple[T, ...]:
    if len(set(values)) != len(values):
        raise ValueError("each at most once")
    return values


def _in_cloudwatch_list(days: int) -> int:
    if days not in LOG_RETENTION_DAYS:
        raise ValueError("not a retention of CloudWatch Logs")
    return days


def _conflict(key: str, value: object, expected: str) -> PydanticCustomError:
    """The error of a setting that does not go with another."""
    return PydanticCustomError("conflict", "{text}", {"text": f"{NAMESPACE}:{key} is {value}: expected {expected}."})


Email = Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+\.[^@\s]+$")]
QueueArn = Annotated[str, StringConstraints(pattern=r"^arn:[a-z-]+:sqs:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]{1,80}$")]
Origin = Annotated[str, StringConstraints(pattern=r"^https?://[^/\s*]+$")]
MailAddress = Annotated[str, StringConstraints(pattern=r"^[^@\s,]+@[^@\s,]+\.[^@\s,]+$")]


class Settings(BaseModel):
    """A stack's settings. The description of each says what is expected, in its error message too."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, allow_inf_nan=False)

    name: str = Field(
        pattern=r"^[a-z][a-z0-9-]{1,30}$",
        description="2 to 31 lower-case letters, digits and hyphens, the first a letter (all names begin with it)",
    )
    protect_data: bool = Field(
        description="true (uploads and results cannot be deleted with the stack) or false (they go with it)"
    )
    pipeline: PipelineKind = Field(
        "queue", description="queue (one function labels) or workflow (Step Functions, a step for each detector)"
    )
    detectors: Annotated[tuple[Detector, ...], BeforeValidator(_from_text), AfterValidator(_unique)] = Field(
        ("labels",), min_length=1, description="a list of labels, faces, moderation and text, each at most once"
    )
    # 49, as one DynamoDB transaction of at most 100 actions replaces a result: the result and the counters, 49 new
    # labels and 49 old ones.
    max_labels: int = Field(10, ge=1, le=49, description="a whole number from 1 to 49")
    min_confidence: float = Field(70, ge=0, le=100, description="a number from 0 to 100, in percent")
    image_properties: bool = Field(False, description="true or false")
    rekognition_tps: float = Field(
        5,
        ge=1,
        le=1000,
        description="a number from 1 to 1000: your quota of Rekognition calls per second and operation",
    )
    rekognition_timeout_seconds: float = Field(10, ge=1, le=60, description="a number of seconds from 1 to 60")
    rekognition_endpoint: str | None = Field(
        None, pattern=r"^https?://\S+$", description="an http or https URL of an emulator, or no such key for AWS"
    )
    runtime: Runtime = Field("python3.13", description="python3.11, python3.12, python3.13 or python3.14")
    architecture: Architecture = Field("arm64", description="arm64 or x86_64")
    # Room to convert a picture of 50 megapixels (components/pipeline.py), and most of a processor to do it with.
    memory_mb: int = Field(1024, ge=128, le=10240, description="a whole number of megabytes from 128 to 10240")
    # A queue keeps what a function works on invisible for six times this, and for 12 hours at most.
    timeout_seconds: int = Field(60, ge=5, le=900, description="a whole number of seconds from 5 to 900")
    log_retention_days: Annotated[int, AfterValidator(_in_cloudwatch_list)] = Field(
        14, description=f"one of {', '.join(map(str, LOG_RETENTION_DAYS))}"
    )
    log_level: LogLevel = Field("INFO", description="DEBUG, INFO, WARNING, ERROR or CRITICAL")
    batch_size: int = Field(10, ge=1, le=10, description="a whole number from 1 to 10")
    max_receive_count: int = Field(5, ge=5, le=1000, description="a whole number from 5 to 1000")
    retry_base_delay_seconds: int = Field(5, ge=0, le=900, description="a whole number of seconds from 0 to 900")
    upload_expiration_days: int | None = Field(
        None, ge=1, description="a whole number of days from 1 on, or no such key to keep uploads"
    )
    noncurrent_version_days: int = Field(30, ge=1, description="a whole number of days from 1 on")
    cache_days: int = Field(30, ge=1, description="a whole number of days from 1 on")
    upload_prefix: str = Field(
        # One folder: labels are counted for each first folder of the bucket.
        "uploads/",
        pattern=r"^[^/\s][^/]*/$",
        max_length=200,
        description="one folder with a / at its end, as uploads/",
    )

    results_bucket: bool = Field(False, description="true (a JSON document of each result in a bucket) or false")
    results_expiration_days: int | None = Field(
        None, ge=1, description="a whole number of days from 1 on, or no such key to keep the documents"
    )
    notifications: bool = Field(False, description="true (a topic tells of each result) or false")
    notify_emails: Annotated[tuple[Email, ...], BeforeValidator(_from_text), AfterValidator(_unique)] = Field(
        (), description="a list of e-mail addresses, each at most once"
    )
    notify_queues: Annotated[tuple[QueueArn, ...], BeforeValidator(_from_text), AfterValidator(_unique)] = Field(
        (), description="a list of ARNs of SQS queues, as arn:aws:sqs:eu-west-1:123456789012:name, each at most once"
    )
    notify_filter: Annotated[dict[str, Any] | None, BeforeValidator(_from_json), AfterValidator(_checked_filter)] = (
        Field(
            None,
            description=f"a filter policy of SNS by up to {MAX_FILTER_ATTRIBUTES} of the attributes "
            f'{", ".join(ATTRIBUTES)}, as {{"status": ["REJECTED", "FAILED"]}}',
        )
    )
    notify_min_confidence: float = Field(0, ge=0, le=100, description="a number from 0 to 100, in percent")

    api: Literal["none", "rest", "http"] = Field("none", description="none, rest or http")
    api_access: Literal["open", "api_key", "iam"] = Field("open", description="open, api_key or iam")
    api_stage: str = Field(
        "v1", pattern=r"^[A-Za-z0-9_-]{1,128}$", description="letters, digits, hyphens and underscores, as v1"
    )
    api_throttle_rate: float = Field(50, gt=0, le=10000, description="requests per second, above 0 and up to 10000")
    api_throttle_burst: int = Field(100, ge=1, le=5000, description="a whole number of requests at once from 1 to 5000")
    api_log_role: bool = Field(
        True, description="true (this stack sets API Gateway's log role of the account and region) or false"
    )
    website: Literal["none", "s3", "cloudfront"] = Field("none", description="none, s3 or cloudfront")
    site_mode: Literal["api", "guest"] = Field("api", description="api or guest")
    guest_access: bool = Field(False, description="true or false")
    allowed_origins: Annotated[tuple[Origin, ...], BeforeValidator(_from_text), AfterValidator(_unique)] = Field(
        (), description="a list of web origins such as https://example.org, each at most once"
    )
    public_endpoint: str | None = Field(
        None,
        pattern=r"^https?://\S+[^/\s]$",
        description="the http or https URL by which a browser reaches an emulator, or no such key for AWS",
    )
    website_endpoint: str | None = Field(
        None,
        pattern=r"^https?://\S*\{bucket\}\S*$",
        description="the http or https URL of an emulator's site with {bucket} in it, or no such key for AWS",
    )

    monitoring: bool = Field(False, description="true (alarms and a dashboard) or false")
    alarm_emails: Annotated[tuple[MailAddress, ...], BeforeValidator(_from_text), AfterValidator(_unique)] = Field(
        (), description="a list of mail addresses, each at most once"
    )
    alarm_topic_arn: str | None = Field(
        None,
        pattern=r"^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[A-Za-z0-9_-]+$",
        description="the ARN of an SNS topic that CloudWatch may publish to, or no such key to have one made",
    )
    daily_cost_bound_usd: float | None = Field(
        None, gt=0, description="a number of US dollars above 0, or no such key for no bound"
    )

    @model_validator(mode="after")
    def _one_alarm_topic(self) -> "Settings":
        """A topic of somebody else's has subscribers of its own."""
        if self.alarm_emails and self.alarm_topic_arn:
            raise _conflict(
                "alarmEmails",
                ", ".join(self.alarm_emails),
                f"none, as {NAMESPACE}:alarmTopicArn has subscribers of its own",
            )
        return self

    @model_validator(mode="after")
    def _parts_fit(self) -> "Settings":
        """What one part of the stack needs of another."""
        for key, value in (("notifyEmails", self.notify_emails), ("notifyQueues", self.notify_queues)):
            if value and not self.notifications:
                raise _conflict(key, json.dumps(value), f"no such key, or {NAMESPACE}:notifications true")
        if self.image_properties and "labels" not in self.detectors:
            raise _conflict(
                "imageProperties", "true", f"false, or labels among {NAMESPACE}:detectors, which finds them"
            )
        if self.api_access == "api_key" and self.api == "http":
            raise _conflict("apiAccess", self.api_access, "open or iam, as an API of kind http takes no keys")
        if self.website == "none":
            return self
        if self.site_mode == "guest" and not self.guest_access:
            raise _conflict("siteMode", self.site_mode, f"api, or {NAMESPACE}:guestAccess true")
        if self.site_mode == "api" and self.api == "none":
            raise _conflict("website", self.website, f"none, or {NAMESPACE}:api rest or http for the page to work with")
        if self.site_mode == "api" and self.api_access == "iam":
            raise _conflict("apiAccess", self.api_access, "open or api_key, as the page does not sign its requests")
        return self

    @model_validator(mode="after")
    def _step_fits_execution(self) -> "Settings":
        """A workflow has an end, before which its longest step must have been done or tried again."""
        if self.pipeline != "workflow":
            return self
        if self.timeout_seconds > LONGEST_STEP_S:
            why = f"{NAMESPACE}:pipeline is workflow and an execution ends after {LONGEST_S} s"
            raise _conflict("timeoutSeconds", self.timeout_seconds, f"{LONGEST_STEP_S} or less, as {why}")
        needed = math.ceil(BESIDE_REKOGNITION_S + self.rekognition_timeout_seconds)
        if self.timeout_seconds < needed:
            why = f"a step asks Rekognition for up to {self.rekognition_timeout_seconds:g} s"
            raise _conflict("timeoutSeconds", self.timeout_seconds, f"{needed} or more, as {why}")
        return self

    @model_validator(mode="after")
    def _batch_fits_timeout(self) -> "Settings":
        """The queue's function needs the time that its share of the quota makes one batch take."""
        if self.pipeline != "queue":
            return self
        share = derive(self.rekognition_tps, self.batch_size).calls_per_second
        needed = math.ceil(self.batch_size / share + BESIDE_REKOGNITION_S + self.rekognition_timeout_seconds)
        if self.timeout_seconds < needed:
            raise PydanticCustomError(
                "timeout",
                "{key} is {value}: expected {needed} or more, as a batch of {batch} pictures takes that long at "
                "{tps} Rekognition calls per second (or set a smaller batchSize).",
                {
                    "key": f"{NAMESPACE}:timeoutSeconds",
                    "value": self.timeout_seconds,
                    "needed": needed,
                    "batch": self.batch_size,
                    "tps": f"{self.rekognition_tps:g}",
                },
            )
        return self


def load() -> Settings:
    """The settings of the stack that is being deployed. Raises SettingsError, before anything is created."""
    config: dict[str, Any] = {**pulumi.runtime.get_config_env(), **pulumi.runtime.config.CONFIG.get()}
    prefix = f"{NAMESPACE}:"
    return parse({key.removeprefix(prefix): value for key, value in config.items() if key.startswith(prefix)})


def parse(values: Mapping[str, Any]) -> Settings:
    """Settings from their keys (`maxLabels`) and values, texts as Pulumi has them. Raises SettingsError."""
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        sentences = dict.fromkeys(_sentence(detail, values) for detail in error.errors())
    raise SettingsError("\n".join(["The stack's settings are wrong:", *(f"  {sentence}" for sentence in sentences)]))


def _sentence(detail: ErrorDetails, values: Mapping[str, Any]) -> str:
    """What is wrong with one setting: its key, its value as it was given, and what is expected."""
    if not detail["loc"]:
        return detail["msg"]
    key = str(detail["loc"][0])
    fields = {field.alias or name: field for name, field in Settings.model_fields.items()}
    if detail["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, fields, 1)
        return f"{NAMESPACE}:{key} is no setting" + (f": did you mean {NAMESPACE}:{near[0]}?" if near else ".")
    expected = f"expected {fields[key].description}."
    if detail["type"] == "missing":
        return f"{NAMESPACE}:{key} is missing: {expected}"
    return f"{NAMESPACE}:{key} is {json.dumps(values[key])}: {expected}"
