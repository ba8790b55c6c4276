"""The program itself, as each of its stacks."""

import json
from typing import Any

import pytest

from settings import SettingsError
from tests.recording import (
    ACCOUNT,
    PROJECT,
    REGION,
    Record,
    record,
    record_stack,
    record_stack_anew,
    recorded_packages,
    run_program,
    stack_config,
)

STACKS = ("dev", "local", "prod")
# Where a policy allows the resource `*`, and why it may: Rekognition's image operations have no resources.
ANY_RESOURCE_ALLOWED = {
    "rekognition:DetectLabels",
    "rekognition:DetectFaces",
    "rekognition:DetectModerationLabels",
    "rekognition:DetectText",
}
# Beside what AWS gives no tags: objects, whose tags cost money each month.
UNTAGGABLE = {
    "aws:apigateway/account:Account",
    "aws:apigateway/deployment:Deployment",
    "aws:apigateway/methodSettings:MethodSettings",
    "aws:apigateway/usagePlanKey:UsagePlanKey",
    "aws:cloudfront/originAccessControl:OriginAccessControl",
    "aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy",
    "aws:cloudwatch/dashboard:Dashboard",
    "aws:cloudwatch/eventTarget:EventTarget",
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
    "aws:lambda/permission:Permission",
    "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration",
    "aws:s3/bucketObjectv2:BucketObjectv2",
    "aws:s3/bucketWebsiteConfiguration:BucketWebsiteConfiguration",
    "aws:iam/rolePolicy:RolePolicy",
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
    "aws:s3/bucketNotification:BucketNotification",
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls",
    "aws:s3/bucketPolicy:BucketPolicy",
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration",
    "aws:s3/bucketVersioning:BucketVersioning",
    "aws:sns/topicPolicy:TopicPolicy",
    "aws:sns/topicSubscription:TopicSubscription",
    "aws:sqs/queuePolicy:QueuePolicy",
    "aws:sqs/redriveAllowPolicy:RedriveAllowPolicy",
}
LOG_RETENTION_DAYS = {"dev": 7, "local": 1, "prod": 90}
# Without what people see of it, what announces results, and what watches it.
OPTIONAL = ("previews", "resultsBucket", "notifications", "monitoring")
CORE = {"api": "none", "website": "none", **dict.fromkeys(OPTIONAL, "false")}
DETECTORS = {"dev": "labels", "local": "labels,faces,moderation,text", "prod": "labels,faces,moderation"}


@pytest.fixture(params=STACKS)
def stack(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def recorded(stack: str) -> Record:
    """Return the whole stack."""
    return record_stack(stack)


@pytest.fixture
def core(stack: str) -> Record:
    """Return the stack alone: see test_front.py, test_announcements.py and test_monitoring.py for the rest."""
    return record_stack(stack, {f"labelstack:{name}": value for name, value in CORE.items()})


def allowed(recorded: Record) -> list[dict[str, Any]]:
    """Return every statement of every role's policy."""
    policies = recorded.of("aws:iam/rolePolicy:RolePolicy")
    return [statement for policy in policies for statement in policy.policy()["Statement"]]


def test_there_is_a_file_for_each_stack_and_no_other() -> None:
    assert {path.name for path in PROJECT.glob("Pulumi.[!m]*.yaml")} == {f"Pulumi.{name}.yaml" for name in STACKS}


def test_makes_these_resources(core: Record) -> None:
    assert sorted(f"{r.type.split(':')[-1]} {r.name}" for r in core.resources) == [
        "Bucket labelstack-uploads",
        "BucketLifecycleConfiguration labelstack-uploads-lifecycle",
        "BucketNotification labelstack-events",
        "BucketOwnershipControls labelstack-uploads-ownership",
        "BucketPolicy labelstack-uploads-policy",
        "BucketPublicAccessBlock labelstack-uploads-private",
        "BucketServerSideEncryptionConfiguration labelstack-uploads-encryption",
        "BucketVersioning labelstack-uploads-versioning",
        "EventSourceMapping labelstack-process-image",
        "EventSourceMapping labelstack-record-failure",
        "Function labelstack-process-image",
        "Function labelstack-record-failure",
        "ImageProcessor labelstack",
        "LogGroup labelstack-process-image-logs",
        "LogGroup labelstack-record-failure-logs",
        "PythonFunction labelstack-process-image",
        "PythonFunction labelstack-record-failure",
        "Queue labelstack-dead-letters",
        "Queue labelstack-events",
        "QueuePolicy labelstack-dead-letters-policy",
        "QueuePolicy labelstack-events-policy",
        "RedriveAllowPolicy labelstack-redrive",
        "ResultsStore labelstack-results",
        "Role labelstack-process-image",
        "Role labelstack-record-failure",
        "RolePolicy labelstack-process-image-policy",
        "RolePolicy labelstack-record-failure-policy",
        "Table labelstack-results",
        "UploadBucket labelstack-uploads",
    ]


def test_exports_these_outputs(stack: str, core: Record) -> None:
    queues = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}"
    assert core.outputs == {
        "uploadBucket": "labelstack-uploads-0a1b2c3",
        "uploadPrefix": "uploads/",
        "resultsTable": "labelstack-results-0a1b2c3",
        "queueUrl": f"{queues}/labelstack-events-0a1b2c3",
        "deadLetterQueueUrl": f"{queues}/labelstack-dead-letters-0a1b2c3",
        "processorFunction": "labelstack-process-image-0a1b2c3",
        "failureRecorderFunction": "labelstack-record-failure-0a1b2c3",
        "detectors": DETECTORS[stack].split(","),
        "imageProperties": stack == "local",
        "logRetentionDays": {"dev": 7, "local": 1, "prod": 90}[stack],
    }


def test_every_resource_belongs_to_a_component(stack: str, core: Record) -> None:
    components = {r.name: r.parent for r in core.resources if r.type.startswith("labelstack:index:")}

    assert components == {
        "labelstack": f"labelstack-{stack}",
        "labelstack-uploads": f"labelstack-{stack}",
        "labelstack-results": f"labelstack-{stack}",
        "labelstack-process-image": "labelstack",
        "labelstack-record-failure": "labelstack",
    }
    assert {r.parent for r in core.resources if r.type.startswith("aws:")} == set(components)


# These two have each kind of component; dev has those of prod.
@pytest.mark.parametrize("stack", ["local", "prod"])
def test_every_name_begins_with_the_settings_name(stack: str) -> None:
    recorded = record_stack(stack, {"labelstack:name": "zoo"})

    assert {r.name.split("-")[0] for r in recorded.resources} == {"zoo"}


def test_no_bucket_is_public_but_a_hosted_site_s_own(stack: str, recorded: Record) -> None:
    switches = ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    blocks = recorded.of("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock")

    private = {b.inputs["bucket"] for b in blocks if all(b.inputs[switch] is True for switch in switches)}
    public = {f"{bucket.name}-0a1b2c3" for bucket in recorded.of("aws:s3/bucket:Bucket")} - private
    assert public == ({"labelstack-site-0a1b2c3"} if stack == "local" else set())
    open_to_all = {
        policy.inputs["bucket"]
        for policy in recorded.of("aws:s3/bucketPolicy:BucketPolicy")
        for statement in policy.policy()["Statement"]
        if statement["Effect"] == "Allow" and statement["Principal"] == "*"
    }
    assert open_to_all == public


def test_data_is_encrypted(recorded: Record) -> None:
    encryption = recorded.of("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration")
    rules = {e.name: e.inputs["rules"] for e in encryption}
    assert rules == {
        f"labelstack-{bucket}-encryption": [{"applyServerSideEncryptionByDefault": {"sseAlgorithm": "AES256"}}]
        for bucket in ("documents", "previews", "uploads")
    }
    assert recorded.single("aws:dynamodb/table:Table").inputs["serverSideEncryption"] == {"enabled": True}
    assert all(queue.inputs["sqsManagedSseEnabled"] for queue in recorded.of("aws:sqs/queue:Queue"))


def test_logs_are_kept_for_a_time(stack: str, recorded: Record) -> None:
    groups = recorded.of("aws:cloudwatch/logGroup:LogGroup")

    assert [group.inputs["retentionInDays"] for group in groups] == [LOG_RETENTION_DAYS[stack]] * (
        6 + (stack == "local")
    )


def test_data_is_protected_where_it_must_last(stack: str, recorded: Record) -> None:
    bucket = recorded.single("aws:s3/bucket:Bucket", "labelstack-uploads")
    documents = recorded.single("aws:s3/bucket:Bucket", "labelstack-documents")
    table = recorded.single("aws:dynamodb/table:Table")

    protected = stack == "prod"
    assert (bucket.protect, documents.protect, table.protect) == (protected, protected, protected)
    assert [bucket_resource.inputs["forceDestroy"] for bucket_resource in (bucket, documents)] == [not protected] * 2
    assert table.inputs["deletionProtectionEnabled"] is protected
    assert [r.name for r in recorded.resources if r.protect and r not in (bucket, documents, table)] == []


def test_no_role_may_do_everything_to_anything(stack: str, recorded: Record) -> None:
    workflow = record_stack(stack, {"labelstack:pipeline": "workflow"})
    # AWS scopes neither log deliveries nor X-Ray; the workflow's machine uses them.
    for pipeline, unscoped in ((recorded, set[str]()), (workflow, {"logs", "xray"})):
        for statement in allowed(pipeline):
            assert statement["Effect"] == "Allow"
            assert not [action for action in statement["Action"] if "*" in action]
            if statement["Resource"] == "*":
                assert {a for a in statement["Action"] if a.split(":")[0] not in unscoped} <= ANY_RESOURCE_ALLOWED


def test_each_function_has_a_role_of_its_own(recorded: Record) -> None:
    roles = [function.inputs["role"].rpartition("/")[2] for function in recorded.of("aws:lambda/function:Function")]

    parts = ("api-delete", "api-results", "api-upload-url", "previews-make", "process-image", "record-failure")
    assert sorted(roles) == [f"labelstack-{part}-0a1b2c3" for part in parts]
    assert sorted(p.inputs["role"] for p in recorded.of("aws:iam/rolePolicy:RolePolicy")) == sorted(roles)


def test_may_call_the_enabled_detectors_alone(stack: str, recorded: Record) -> None:
    operations = {"labels": "Labels", "faces": "Faces", "moderation": "ModerationLabels", "text": "Text"}
    actions = [action for statement in allowed(recorded) for action in statement["Action"]]

    assert sorted(action for action in actions if action.startswith("rekognition:")) == sorted(
        f"rekognition:Detect{operations[detector]}" for detector in DETECTORS[stack].split(",")
    )


def test_tells_the_function_the_stacks_settings(stack: str, recorded: Record) -> None:
    function = recorded.single("aws:lambda/function:Function", "labelstack-process-image")

    variables = function.inputs["environment"]["variables"]
    assert variables["DETECTORS"] == DETECTORS[stack]
    assert variables["IMAGE_PROPERTIES"] == str(stack == "local").lower()
    assert variables["POWERTOOLS_SERVICE_NAME"] == f"labelstack-{stack}"
    assert "AWS_ENDPOINT_URL_REKOGNITION" not in variables


def test_everything_that_can_be_tagged_is(stack: str, recorded: Record, core: Record) -> None:
    tagged = [r for r in recorded.resources if r.type.startswith("aws:") and r.type not in UNTAGGABLE]

    # Bucket, table, two each of queues, roles, log groups, functions and mappings.
    assert len([r for r in core.resources if r.type.startswith("aws:") and r.type not in UNTAGGABLE]) == 12
    # The bucket of documents and the topic; three functions with role and group, the API with stage, log and log role;
    # the site's bucket. Or also a key with its plan, and a distribution. The topic of the alarms, and 27 alarms.
    # Of the previews: bucket, two queues, role, group, function, mapping, rule.
    assert len(tagged) - 12 == 2 + (14 if stack == "local" else 15) + 28 + 8
    for resource in tagged:
        tags = dict(resource.inputs["tags"])
        assert tags.pop("component")
        assert tags == {"project": "labelstack", "stack": stack}


def test_policies_are_compact(stack: str, recorded: Record) -> None:
    texts = [
        value
        for r in recorded.resources
        for key, value in r.inputs.items()
        if key.lower().endswith("policy") and isinstance(value, str)
    ]
    # 4 buckets, 4 queues, 4 about dead letters, 2 topics, 6 functions' roles with what they may do and who takes them,
    # the log's.
    assert len(texts) == 4 + 4 + 4 + 2 + 6 * 2 + (stack == "local")
    assert not [text for text in texts if " " in text]


def test_the_cloud_in_use_overrides_platform_and_rekognition() -> None:
    recorded = record_stack(
        "local",
        {
            "labelstack:runtime": "python3.11",
            "labelstack:architecture": "x86_64",
            "labelstack:rekognitionEndpoint": "http://127.0.0.1:4601",
        },
    )

    function = recorded.single("aws:lambda/function:Function", "labelstack-process-image").inputs
    assert (function["runtime"], function["architectures"]) == ("python3.11", ["x86_64"])
    assert function["environment"]["variables"]["AWS_ENDPOINT_URL_REKOGNITION"] == "http://127.0.0.1:4601"
    assert {(package.runtime, package.architecture) for package in recorded.packages} == {("python3.11", "x86_64")}


@pytest.mark.parametrize("stack", ["local", "prod"])
def test_a_second_run_registers_the_same(stack: str) -> None:
    assert record_stack_anew(stack).inputs() == record_stack(stack).inputs()


def test_wrong_settings_fail_before_anything_is_made() -> None:
    wrong = stack_config("dev") | {"labelstack:minConfidence": "170"}

    with (
        recorded_packages() as packages,
        pytest.raises(SettingsError, match=r'labelstack:minConfidence is "170": expected a number from 0 to 100'),
    ):
        record(run_program, "dev", wrong)

    assert packages == []


def test_local_stack_reaches_emulators_and_keeps_the_account_id() -> None:
    config = stack_config("local")

    assert "s3control" in config["aws:endpoints"]
    assert "aws:skipRequestingAccountId" not in config
    assert set(json.loads(config["aws:endpoints"])[0].values()) == {"http://localhost:4566"}


def test_local_stack_names_an_endpoint_for_each_service_it_uses() -> None:
    services = {"logGroup": "logs", "metricAlarm": "cloudwatch", "eventRule": "events", "eventTarget": "events"}
    used = set()
    for resource in record_stack("local").resources:
        if resource.type.startswith("aws:"):
            module, kind = resource.type.split(":")[1].split("/")
            used.add(services.get(kind, module))

    assert used | {"sts", "s3control"} <= set(json.loads(stack_config("local")["aws:endpoints"])[0])
