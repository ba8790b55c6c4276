"""Components in any account, region and partition, and on buckets that are there already."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from components import (
    ArgumentError,
    GuestAccess,
    ImageProcessor,
    ImageProcessorArgs,
    LabelApi,
    LabelWorkflow,
    Monitoring,
    Notifications,
    ResultsBucket,
    ResultsStore,
    UploadBucket,
    Website,
    WebsiteFiles,
)
from tests.recording import ACCOUNT, REGION, Place, Record, record, recorded_packages

ELSEWHERE = Place("us-west-2", "210987654321")
NOTIFICATION = "aws:s3/bucketNotification:BucketNotification"
QUEUE_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}"
PHOTOS: ImageProcessorArgs = {
    "bucket": {"name": "photos", "arn": "arn:aws:s3:::photos"},
    "table": {"name": "results", "arn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/results"},
}


def record_placed(program: Callable[[], object], **options: Any) -> Record:
    with recorded_packages():
        return record(program, **options)


def everything(opts: pulumi.ResourceOptions | None = None) -> None:
    """Make every component, all of them connected."""
    uploads, results = UploadBucket("uploads", {}, opts), ResultsStore("results", {}, opts)
    documents, topic = (
        ResultsBucket("documents", {}, opts),
        Notifications("announcements", {"emails": ["a@b.org"]}, opts),
    )
    data: Any = {"bucket": uploads, "table": results}
    pipeline: Any = {**data, "results_bucket": documents, "topic": topic}
    workflow = LabelWorkflow("flow", pipeline, opts)
    ImageProcessor("photos", pipeline | {"bucket": UploadBucket("more", {}, opts)}, opts)
    api = LabelApi("api", data | {"log_role": "own"}, opts)
    guests = GuestAccess("guests", data, opts)
    site = Website("site", {"kind": "s3"}, opts)
    WebsiteFiles("page", data | {"site": site, "guests": guests}, opts)
    Monitoring("alarms", {"pipeline": workflow, "api": api}, opts)


def texts(recorded: Record) -> str:
    """Return all registered resources as one text."""
    return json.dumps(recorded.inputs(), default=str)


def test_an_explicit_provider_decides_account_and_region_of_everything() -> None:
    def program() -> None:
        provider = aws.Provider("west", region=ELSEWHERE.region, allowed_account_ids=[ELSEWHERE.account])
        everything(pulumi.ResourceOptions(provider=provider))

    registered = texts(record_placed(program))

    assert ELSEWHERE.account in registered
    assert ELSEWHERE.region in registered
    assert (ACCOUNT in registered, REGION in registered) == (False, False)


def test_every_part_belongs_to_a_component() -> None:
    recorded = record_placed(everything)

    parents = {r.name: r.parent for r in recorded.resources if r.type.startswith("labelstack:")}
    steps = ("start", "inspect", "recognise", "store", "fail", "notify", "record-failure")
    children = {
        "flow": steps,
        "photos": ("process-image", "record-failure"),
        "api": ("upload-url", "results", "delete"),
    }
    alone = ("uploads", "results", "documents", "announcements", "more", "guests", "site", "page", "alarms")
    assert parents == {
        **dict.fromkeys([*alone, *children], "labelstack-test"),
        **{f"{name}-{part}": name for name, parts in children.items() for part in parts},
    }
    # Each has parts of its own.
    assert {r.parent for r in recorded.resources if r.type.startswith("aws:")} == set(parents)


def test_two_providers_side_by_side_keep_to_their_own() -> None:
    def program() -> None:
        provider = aws.Provider("west", region=ELSEWHERE.region, allowed_account_ids=[ELSEWHERE.account])
        Notifications("here")
        Notifications("there", {}, pulumi.ResourceOptions(provider=provider))

    policies = {
        resource.name: resource.policy()["Statement"][0]
        for resource in record_placed(program).of("aws:sns/topicPolicy:TopicPolicy")
    }

    for name, place in (("here", Place()), ("there", ELSEWHERE)):
        statement = policies[f"{name}-policy"]
        assert statement["Resource"].split(":")[3:5] == [place.region, place.account]
        assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": place.account}}


@pytest.mark.parametrize("region", ["us-gov-west-1", "cn-north-1"])
def test_other_partitions_have_their_own_arns_and_addresses(region: str) -> None:
    place = Place(region)

    recorded = record_placed(everything, place=place)

    registered = texts(recorded)
    assert "arn:aws:" not in registered
    machine = recorded.single("aws:sfn/stateMachine:StateMachine").inputs["definition"]
    assert f"arn:{place.partition}:states:::lambda:invoke" in machine
    attached = recorded.single("aws:iam/rolePolicyAttachment:RolePolicyAttachment").inputs["policyArn"]
    assert attached.startswith(f"arn:{place.partition}:iam::aws:policy/")
    if region.startswith("cn-"):
        assert ".amazonaws.com/" not in registered
        assert f"cognito-identity.{region}.amazonaws.com.cn" in registered


# --- buckets that are there already ----------------------------------------------------------------------------------


def test_a_bucket_in_another_region_is_refused_before_anything_is_made() -> None:
    recorded: list[Record] = []
    elsewhere: Any = {"name": "elsewhere", "arn": "arn:aws:s3:::elsewhere"}

    with pytest.raises(ArgumentError, match=r"photos: bucket is \"elsewhere\": expected a bucket in eu-central-1"):
        record_placed(lambda: ImageProcessor("photos", {**PHOTOS, "bucket": elsewhere}), keep=recorded)

    assert [r.type for r in recorded[0].resources if r.type.startswith("aws:")] == []


@pytest.mark.parametrize(
    "present",
    [
        {"queues": [{"queueArn": f"{QUEUE_ARN}:theirs"}]},
        {"topics": [{"topicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:theirs"}]},
        {"lambdaFunctions": [{"lambdaFunctionArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:theirs"}]},
    ],
)
@pytest.mark.parametrize("component", [ImageProcessor, LabelWorkflow])
def test_a_bucket_that_notifies_somebody_is_refused_before_anything_is_made(
    present: dict[str, Any], component: Callable[[str, ImageProcessorArgs], object]
) -> None:
    recorded: list[Record] = []

    sentence = r"bucket is \"photos\": expected a bucket without notifications .*theirs.* set events to \"eventbridge\""
    with pytest.raises(ArgumentError, match=sentence):
        record_placed(lambda: component("photos", PHOTOS), present={"photos": present}, keep=recorded)

    assert [r.type for r in recorded[0].resources if r.type.startswith("aws:")] == []


def test_its_own_notification_of_an_earlier_deployment_is_no_obstacle() -> None:
    present = {"queues": [{"queueArn": f"{QUEUE_ARN}:photos-events-0a1b2c3"}], "eventbridge": True}

    notification = record_placed(lambda: ImageProcessor("photos", PHOTOS), present={"photos": present}).single(
        NOTIFICATION
    )

    assert [queue["id"] for queue in notification.inputs["queues"]] == ["uploads"]
    assert notification.inputs["eventbridge"] is True  # somebody else may listen there


def test_by_eventbridge_the_buckets_configuration_is_left_alone() -> None:
    present = {"photos": {"queues": [{"queueArn": f"{QUEUE_ARN}:theirs"}]}}

    recorded = record_placed(lambda: ImageProcessor("photos", {**PHOTOS, "events": "eventbridge"}), present=present)

    assert recorded.of(NOTIFICATION) == []
    pattern = recorded.single("aws:cloudwatch/eventRule:EventRule").policy("eventPattern")
    assert pattern["detail"] == {"bucket": {"name": ["photos"]}}
    target = recorded.single("aws:cloudwatch/eventTarget:EventTarget").inputs
    assert target["arn"] == f"{QUEUE_ARN}:photos-events-0a1b2c3"
    senders = recorded.single("aws:sqs/queuePolicy:QueuePolicy", "photos-events-policy").policy()["Statement"]
    assert senders[0]["Principal"] == {"Service": "events.amazonaws.com"}


def test_two_pipelines_cannot_both_write_a_buckets_configuration() -> None:
    def program() -> None:
        uploads, results = UploadBucket("uploads"), ResultsStore("results")
        ImageProcessor("one", {"bucket": uploads, "table": results})
        ImageProcessor("two", {"bucket": uploads, "table": results})

    with pytest.raises(ArgumentError, match=r"ImageProcessor two: bucket is \"uploads\": .* one writes it already"):
        record_placed(program)


def test_a_bucket_and_a_table_of_ones_own_are_taken_as_they_are() -> None:
    def program() -> None:
        table = aws.dynamodb.Table("mine", hash_key="pk", range_key="sk", attributes=[])
        ImageProcessor("photos", {"bucket": aws.s3.Bucket("mine"), "table": table})

    recorded = record_placed(program)

    variables = recorded.single("aws:lambda/function:Function", "photos-process-image").inputs["environment"][
        "variables"
    ]
    assert (variables["UPLOAD_BUCKET"], variables["RESULTS_TABLE"]) == ("mine-0a1b2c3", "mine-0a1b2c3")


@pytest.mark.parametrize(
    ("component", "missing"),
    [
        (ImageProcessor, "handlers/record_failure/requirements.txt"),
        (LabelWorkflow, "handlers/process_image/requirements.txt"),
        (LabelWorkflow, "handlers/workflow"),
        (LabelApi, "handlers/api/requirements.txt"),
        (LabelApi, "handlers/api_delete"),
        (LabelApi, "api/openapi.yaml"),
    ],
)
def test_sources_that_lack_something_are_refused_before_anything_is_made(
    component: Callable[[str, Any], object], missing: str, source_dir: Path
) -> None:
    recorded: list[Record] = []
    (source_dir / missing).rename(source_dir / "elsewhere")

    with pytest.raises(ArgumentError, match=rf"photos: source_dir is \".*\": expected a folder with {missing}\.$"):
        record_placed(lambda: component("photos", {**PHOTOS, "source_dir": source_dir}), keep=recorded)

    assert [r.type for r in recorded[0].resources] == []


# --- what arguments say ----------------------------------------------------------------------------------------------


def test_late_values_pass_and_reach_the_functions() -> None:
    late = pulumi.Output.from_input

    recorded = record_placed(
        lambda: ImageProcessor(
            "photos", {**PHOTOS, "max_labels": late(7), "rekognition_tps": late(50.0), "memory_mb": late(512)}
        )
    )

    variables = recorded.single("aws:lambda/function:Function", "photos-process-image").inputs["environment"][
        "variables"
    ]
    assert (variables["MAX_LABELS"], variables["MAX_CONVERTED_PIXELS"]) == ("7", "18751006")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"max_labels": 60}, "max_labels is 60: expected a whole number from 1 to 49"),
        ({"max_labels": True}, "max_labels is true: expected a whole number from 1 to 49"),
        (
            {"detectors": ["labels", "celebrities"]},
            r'detectors\[1\] is "celebrities": expected labels, faces',
        ),
        ({"detectors": "labels"}, 'detectors is "labels": expected a list of labels, faces'),
        ({"max_label": 5}, r"max_label is no argument: did you mean max_labels\?"),
        ({"bucket": {"nme": "photos", "arn": "a"}}, r"bucket.nme is no argument: did you mean bucket.name\?"),
        ({"bucket": {"name": "photos"}}, "bucket.arn is missing: expected an ARN such as arn:aws:s3:::photos"),
        ({"bucket": {"name": "photos", "arn": "photos"}}, 'bucket.arn is "photos": expected an ARN such as'),
        ({"bucket": "photos"}, r'bucket is "photos": expected .*aws\.s3\.Bucket, or a mapping with name, arn'),
        ({"bucket": None}, "bucket is missing: expected UploadBucket, ResultsBucket, aws.s3.Bucket, or a mapping"),
        ({"detectors": []}, r"detectors is \[\]: expected a list of .*, at least one"),
        ({"label_aliases": {"": "Cat"}}, 'label_aliases. is "": expected a label\'s name of 1 to 100 characters'),
        (
            {"min_confidence_by_label": {"Cat": 101}},
            r"min_confidence_by_label\.Cat is 101: expected a number from 0",
        ),
        ({"tags": {"aws:owner": "me"}}, 'tags.aws:owner is "me": expected a tag whose name has 1 to 128 characters'),
        ({"tags": {"x" * 129: "me"}}, 'tags.x+ is "me": expected a tag whose name has 1 to 128 characters'),
        ({"tags": ["me"]}, r'tags is \["me"\]: expected a mapping'),
        ({"timeout_seconds": 10}, "timeout_seconds is 10: expected 19 or more"),
        (
            {"source_dir": "/nowhere"},
            'source_dir is "/nowhere": expected a folder with handlers/labelling, handlers/re',
        ),
        ({"source_dir": 5}, "source_dir is 5: expected a path"),
        ({"runtime": "python3.9"}, 'runtime is "python3.9": expected python3.11, python3.12'),
    ],
)
def test_a_wrong_argument_is_named_before_anything_is_made(arguments: dict[str, Any], sentence: str) -> None:
    recorded: list[Record] = []

    with pytest.raises(ArgumentError, match=rf"ImageProcessor photos: {sentence}"):
        record_placed(lambda: ImageProcessor("photos", {**PHOTOS, **arguments}), keep=recorded)  # type: ignore[typeddict-item]

    assert [r.type for r in recorded[0].resources if r.type != "pulumi:pulumi:Stack"] == []


def test_a_component_in_the_wrong_place_is_named() -> None:
    def program() -> None:
        ImageProcessor("photos", {**PHOTOS, "bucket": ResultsStore("results")})  # type: ignore[typeddict-item]

    with pytest.raises(ArgumentError, match='bucket is "ResultsStore results": expected UploadBucket, '):
        record_placed(program)


@pytest.mark.parametrize("args", [["photos"], "photos"])
def test_arguments_are_a_mapping(args: Any) -> None:
    with pytest.raises(ArgumentError, match=r"UploadBucket photos: args is .*: expected a mapping of arguments"):
        record_placed(lambda: UploadBucket("photos", args))


def test_labelstacks_own_page_needs_a_service() -> None:
    with pytest.raises(ArgumentError, match="api is missing: expected the LabelApi that Labelstack's page works with"):
        record_placed(lambda: WebsiteFiles("page", {"site": {"bucket_name": "site"}}))


def test_a_late_value_is_refused_where_it_decides_what_there_is() -> None:
    def program() -> None:
        late = pulumi.Output.from_input(True)
        ImageProcessor("photos", {**PHOTOS, "image_properties": late})  # type: ignore[typeddict-item]

    with pytest.raises(ArgumentError, match=r"image_properties is .*: expected a value that is known when the program"):
        record_placed(program)


@pytest.mark.parametrize(
    ("program", "sentence"),
    [
        (lambda: ImageProcessor("p" * 42, PHOTOS), "ImageProcessor p+: name is .*: expected 41 characters or fewer"),
        (lambda: UploadBucket("Photos"), 'UploadBucket Photos: name is "Photos": expected lower-case letters'),
        (lambda: LabelApi("a b", {**PHOTOS}), 'LabelApi a b: name is "a b": expected letters, digits'),  # type: ignore[typeddict-item]
    ],
)
def test_a_name_that_aws_takes_not_is_refused(program: Callable[[], object], sentence: str) -> None:
    with pytest.raises(ArgumentError, match=sentence):
        record_placed(program)


def test_tags_are_added_to_the_standard_ones() -> None:
    recorded = record_placed(lambda: ImageProcessor("photos", {**PHOTOS, "tags": {"team": "zoo"}}))

    tagged = [r for r in recorded.resources if "tags" in r.inputs and r.type.startswith("aws:")]
    assert len(tagged) > 8
    assert {r.inputs["tags"]["team"] for r in tagged} == {"zoo"}
    assert {r.inputs["tags"]["project"] for r in tagged} == {"labelstack"}


def test_inputs_are_recorded_so_that_a_preview_shows_what_changes() -> None:
    inputs = record_placed(lambda: ImageProcessor("photos", PHOTOS)).single("labelstack:index:ImageProcessor").inputs

    assert (inputs["maxLabels"], inputs["detectors"]) == (10, ["labels"])
    assert inputs["bucket"] == PHOTOS["bucket"]


def test_what_depends_on_the_cloud_comes_from_the_stacks_configuration() -> None:
    config = {"labelstack:runtime": "python3.12", "labelstack:rekognitionEndpoint": "http://127.0.0.1:4601"}

    recorded = record_placed(lambda: ImageProcessor("photos", PHOTOS), config=config)

    function = recorded.single("aws:lambda/function:Function", "photos-process-image").inputs
    assert function["runtime"] == "python3.12"
    assert function["environment"]["variables"]["AWS_ENDPOINT_URL_REKOGNITION"] == "http://127.0.0.1:4601"
