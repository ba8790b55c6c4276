"""The deployer's policy: complete for every stack, of real actions, and no wider than its names allow."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import botocore.model
import botocore.session
import pytest

from labelstack import deployer_policy
from labelstack.deployer_actions import GRANTS
from labelstack.engines.listing import Registered, registered
from labelstack.errors import ProgramError, UnsupportedError
from settings import KEYS
from tests.recording import Record, record_stack, stack_config

HERE = Path(__file__).parent
REFERENCE: dict[str, dict[str, list[str]]] = {
    service: actions
    for service, actions in json.loads((HERE / "iam_actions.json").read_text()).items()
    if service != "source"
}
PROVIDER_CALLS: dict[str, list[str]] = {
    service: calls
    for service, calls in json.loads((HERE / "provider_calls.json").read_text()).items()
    if service != "source"
}
# Every setting that adds resources, in the combinations that exclude each other.
EVERYTHING = {
    "rest": {
        "labelstack:api": "rest",
        "labelstack:apiAccess": "api_key",
        "labelstack:apiLogRole": "own",
        "labelstack:apiDailyQuota": "1000",
        "labelstack:apiRequestsPerAddress": "300",
        "labelstack:onCostBound": "pause",
        "labelstack:dailyCostBoundUsd": "5",
        "labelstack:website": "cloudfront",
        "labelstack:guestAccess": "true",
        "labelstack:allowedOrigins": '["https://app.example"]',
        "labelstack:uploadExpirationDays": "30",
    },
    "http": {
        "labelstack:api": "http",
        "labelstack:apiAccess": "iam",
        "labelstack:website": "s3",
        "labelstack:siteMode": "guest",
        "labelstack:guestAccess": "true",
        "labelstack:pipeline": "workflow",
    },
}
WHO_IS_TOLD = {
    "labelstack:notifyEmails": '["you@example.org"]',
    "labelstack:notifyQueues": '["arn:aws:sqs:us-east-1:123456789012:mine"]',
    "labelstack:resultsExpirationDays": "30",
}
STACKS: dict[str, tuple[str, Mapping[str, str]]] = {
    "dev": ("dev", {}),
    "local": ("local", {}),
    "prod": ("prod", {}),
    **{f"everything-{name}": ("dev", changes) for name, changes in EVERYTHING.items()},
    "told-by-mail": ("dev", {**WHO_IS_TOLD, "labelstack:alarmEmails": '["ops@example.org"]'}),
    "told-elsewhere": ("dev", {**WHO_IS_TOLD, "labelstack:alarmTopicArn": "arn:aws:sns:us-east-1:123456789012:ops"}),
}
# Settings that change resources' properties, and never add or remove resources.
VALUES = {
    *(
        "name",
        "protectData",
        "detectors",
        "maxLabels",
        "minConfidence",
        "imageProperties",
        "keepLocation",
        "uploadPrefix",
    ),
    *("rekognitionTps", "rekognitionTimeoutSeconds", "rekognitionEndpoint", "cacheDays", "notifyMinConfidence"),
    *("runtime", "architecture", "memoryMb", "timeoutSeconds", "logRetentionDays", "logLevel", "notifyFilter"),
    *("labelBlocklist", "labelAllowlist", "labelAliases", "minConfidenceByLabel"),
    *("batchSize", "maxReceiveCount", "retryBaseDelaySeconds", "noncurrentVersionDays", "publicEndpoint"),
    *("websiteEndpoint", "apiStage", "apiThrottleRate", "apiThrottleBurst", "apiDailyQuota", "apiPurge"),
    "previewConcurrency",
}
# Statements for `*`: actions that AWS cannot scope, or only by the condition that they have.
UNSCOPED = {
    "cloudfront:CreateDistribution",
    "cloudfront:CreateOriginAccessControl",
    "cloudfront:CreateResponseHeadersPolicy",
    "cognito-identity:CreateIdentityPool",
    "cognito-identity:SetIdentityPoolRoles",
    "lambda:CreateEventSourceMapping",
    "logs:DescribeLogGroups",
    *(f"logs:{action}LogDelivery" for action in ("Create", "Get", "Update", "Delete")),
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "states:ValidateStateMachineDefinition",
    *(f"sns:{action}" for action in ("GetSubscriptionAttributes", "SetSubscriptionAttributes", "Unsubscribe")),
}
# The reference has two pages of the prefix apigateway, and the extract only what stands on the one for HTTP APIs.
# These are on the other: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonapigatewaymanagement.html
GATEWAY_PATHS = {
    *(
        "/account",
        "/apikeys",
        "/apikeys/*",
        "/restapis",
        "/restapis/*",
        "/restapis/*/stages/*",
        "/usageplans",
        "/usageplans/*",
    ),
    *("/apis", "/apis/*", "/tags/*"),
}
# Actions of S3 that are not called as the operation is, by operation.
S3_ACTIONS = {
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "PutBucketCors": "PutBucketCORS",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
}


@pytest.fixture(params=STACKS)
def recorded(request: pytest.FixtureRequest) -> Record:
    """Return each stack as it is, and with every setting on."""
    return record_stack(*STACKS[request.param])


def custom(recorded: Record) -> list[Registered]:
    """Return the provider's resources, without components."""
    resources = [resource for resource in recorded.resources if not resource.type.startswith("labelstack:")]
    return [Registered(resource.type, resource.name, resource.inputs) for resource in resources]


def policy(recorded: Record) -> dict[str, Any]:
    return deployer_policy.document(custom(recorded), "labelstack", region="us-east-1", account="123456789012")


def scopes(statement: Mapping[str, Any]) -> list[str]:
    resource = statement["Resource"]
    return [resource] if isinstance(resource, str) else list(resource)


def every_grant() -> set[str]:
    return {action for grants in GRANTS.values() for grant in grants for action in grant.actions}


def test_every_type_that_a_stack_registers_has_its_actions(recorded: Record) -> None:
    assert {resource.type for resource in custom(recorded)} - set(GRANTS) == set()


def test_every_setting_that_makes_resources_is_in_one_of_the_stacks() -> None:
    said: dict[str, set[str]] = {}
    for stack, changes in STACKS.values():
        for key, value in {**stack_config(stack), **changes}.items():
            said.setdefault(key.removeprefix("labelstack:"), set()).add(value)
    off = {key: str(member.default).lower() for key, member in KEYS.items()}

    assert {key for key in KEYS if not said.get(key, set()) - {off[key]}} - VALUES == set()
    assert set(KEYS) >= VALUES


def test_every_action_is_one_of_aws() -> None:
    unknown = {action for action in every_grant() if action.split(":")[1] not in REFERENCE[action.split(":")[0]]}

    assert unknown == set()
    assert not [action for action in every_grant() if "*" in action]


def test_every_action_can_be_scoped_by_what_it_is_scoped_by(recorded: Record) -> None:
    wrong = [
        (action, where)
        for statement in policy(recorded)["Statement"]
        for action in statement["Action"]
        for where in scopes(statement)
        if where != "*" and not any(_form(arn).fullmatch(where) for arn in _arns(action))
    ]

    assert wrong == []


def test_only_what_nobody_can_scope_is_for_everything(recorded: Record) -> None:
    statements = [statement for statement in policy(recorded)["Statement"] if "*" in scopes(statement)]

    assert {action for statement in statements for action in statement["Action"]} <= UNSCOPED
    unscopable = {action for statement in statements for action in statement["Action"] if _arns(action)}
    assert unscopable == set()
    mapping = [s for s in statements if "lambda:CreateEventSourceMapping" in s["Action"]]
    function = "arn:aws:lambda:us-east-1:123456789012:function:labelstack-*"
    assert [s["Condition"] for s in mapping] == [{"ArnLike": {"lambda:FunctionArn": function}}]


def test_every_name_of_the_stack_is_in_its_scope(recorded: Record) -> None:
    """Check that names begin with the stack's: Pulumi derives them from the resources' names."""
    unnamed = ("aws:apigateway", "aws:cloudfront")
    named = [resource for resource in custom(recorded) if not resource.type.startswith(unnamed)]

    assert [resource.name for resource in named if not resource.name.startswith("labelstack-")] == []
    groups = [r.inputs["name"] for r in recorded.of("aws:cloudwatch/logGroup:LogGroup")]
    assert all(re.match(r"/aws/(lambda|vendedlogs/(apigateway|states))/labelstack-", group) for group in groups)
    dashboards = [r.inputs["dashboardName"] for r in recorded.of("aws:cloudwatch/dashboard:Dashboard")]
    assert all(name.startswith("labelstack-") for name in dashboards)


def test_roles_go_to_the_services_that_use_them_and_to_no_other(recorded: Record) -> None:
    passing = [s for s in policy(recorded)["Statement"] if "iam:PassRole" in s["Action"]]

    assert [statement["Resource"] for statement in passing] == ["arn:aws:iam::123456789012:role/labelstack-*"]
    services = passing[0]["Condition"]["StringEquals"]["iam:PassedToService"]
    assert "lambda.amazonaws.com" in services
    assert ("cognito-identity.amazonaws.com" in services) == bool(recorded.of("aws:cognito/identityPool:IdentityPool"))


def test_only_the_policies_of_aws_that_the_stack_uses_can_be_attached() -> None:
    dev_stack = record_stack("dev", {"labelstack:apiLogRole": "own"})

    attaching = [s for s in policy(dev_stack)["Statement"] if "iam:AttachRolePolicy" in s["Action"]]

    arn = "arn:aws:iam::aws:policy/service-role/AmazonAPIGatewayPushToCloudWatchLogs"
    assert [statement["Condition"] for statement in attaching] == [{"ArnEquals": {"iam:PolicyARN": arn}}]


@pytest.mark.parametrize(("stack", "may"), [("dev", True), ("prod", False)])
def test_pictures_can_be_deleted_only_where_the_stack_may_lose_them(stack: str, may: bool) -> None:
    document = policy(record_stack(*STACKS[stack]))

    buckets = {where for s in document["Statement"] if "s3:DeleteObjectVersion" in s["Action"] for where in scopes(s)}
    assert any("uploads" in bucket for bucket in buckets) == may
    assert any("site" in bucket for bucket in buckets)


def test_it_fits_into_what_iam_takes(recorded: Record) -> None:
    assert deployer_policy.size_characters(policy(recorded)) <= deployer_policy.INLINE_POLICIES_CHARACTERS


@pytest.mark.parametrize("service", sorted(PROVIDER_CALLS))
def test_what_the_provider_was_seen_to_call_is_allowed(service: str) -> None:
    missing = {call for call in PROVIDER_CALLS[service] if _action(service, call) not in every_grant()}

    assert missing == set()


def test_type_without_actions_is_named() -> None:
    with pytest.raises(UnsupportedError, match="no IAM actions are known for aws:kms/key:Key: add them to GRANTS"):
        deployer_policy.document([Registered("aws:kms/key:Key", "key", {})], "labelstack")


def project(folder: Path, program: str) -> Path:
    (folder / "Pulumi.yaml").write_text("name: small\nruntime: python\n")
    (folder / "Pulumi.test.yaml").write_text("config:\n  aws:region: eu-west-1\n")
    (folder / "__main__.py").write_text("import pulumi\nimport pulumi_aws as aws\n" + program)
    return folder


def test_listing_runs_a_program_without_a_cloud(tmp_path: Path) -> None:
    program = (
        "b = aws.s3.Bucket('b')\n"
        "aws.sqs.Queue('q', name=b.arn)\naws.s3.BucketVersioning('v', bucket=b.bucket, versioning_configuration={})\n"
    )

    resources = registered(project(tmp_path, program), "test")

    assert [(resource.type.rpartition(":")[2], resource.name) for resource in resources] == [
        ("Bucket", "b"),
        ("BucketVersioning", "v"),
        ("Queue", "q"),
    ]
    assert resources[1].inputs["bucket"] == "b-*"


def test_listing_says_what_is_wrong_with_the_program(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match="no bucket today"):
        registered(project(tmp_path, "raise pulumi.RunError('no bucket today')\n"), "test")


def test_listing_refuses_what_only_a_cloud_can_answer(tmp_path: Path) -> None:
    program = "pulumi.export('z', aws.get_availability_zones_output().names)\n"

    with pytest.raises((UnsupportedError, ProgramError), match="getAvailabilityZones"):
        registered(project(tmp_path, program), "test")


def _arns(action: str) -> list[str]:
    service, name = action.split(":")
    if service == "apigateway":
        return [f"arn:aws:apigateway:${{Region}}::{path}" for path in GATEWAY_PATHS]
    return REFERENCE[service][name]


def _form(arn: str) -> re.Pattern[str]:
    """Return a pattern of the reference's ARNs; a bucket's name has no slash."""
    parts = re.split(r"\$\{(\w+)\}", arn)
    texts = [re.escape(part) for part in parts[::2]]
    holes = ["[^/]+" if name == "BucketName" else ".*" for name in parts[1::2]]
    return re.compile("".join(text + hole for text, hole in zip(texts, [*holes, ""], strict=True)))


@cache
def _model(service: str) -> botocore.model.ServiceModel:
    return botocore.session.get_session().get_service_model(service)


def _action(service: str, operation: str) -> str:
    """Return the IAM action that AWS asks for an operation."""
    if service.startswith("apigateway"):
        model = _model(service)
        return f"apigateway:{model.operation_model(operation).http['method']}"
    if service == "s3":
        return f"s3:{S3_ACTIONS.get(operation, operation)}"
    return f"{service}:{operation.removesuffix('WithTags')}"
