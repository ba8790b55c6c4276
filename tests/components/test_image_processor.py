"""ImageProcessor alone."""

from typing import Any

import pytest

from components.announcements import Announcements
from components.errors import InvalidArgumentError
from components.image_processor import ImageProcessor, ImageProcessorArgs
from tests.recording import ACCOUNT, REGION, Record, record

SQS = f"arn:aws:sqs:{REGION}:{ACCOUNT}:"
QUEUE, DEAD_LETTERS = f"{SQS}pipe-events-0a1b2c3", f"{SQS}pipe-dead-letters-0a1b2c3"
EXPIRED = "s3:LifecycleExpiration:DeleteMarkerCreated"
TABLE = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/results"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:"


@pytest.fixture
def made(pipeline_arguments: dict[str, Any]) -> Any:
    """Makes a component with some arguments and gives the record."""

    def make(**arguments: Any) -> Record:
        args = ImageProcessorArgs(**(pipeline_arguments | {"service": "pipe-test"} | arguments))
        return record(lambda: ImageProcessor("pipe", args))

    return make


def statements(recorded: Record, function: str) -> list[dict[str, Any]]:
    policy = recorded.one("aws:iam/rolePolicy:RolePolicy", f"pipe-{function}-policy").policy()
    return [statement for statement in policy["Statement"] if not statement["Action"][0].startswith("logs:")]


def environment(recorded: Record, function: str) -> dict[str, str]:
    inputs = recorded.one("aws:lambda/function:Function", f"pipe-{function}").inputs
    return dict(inputs["environment"]["variables"])


def test_queue_outlasts_the_function_and_gives_up_to_the_dead_letters(made: Any) -> None:
    recorded = made(timeout_s=20, max_receive_count=7)

    queue = recorded.one("aws:sqs/queue:Queue", "pipe-events")
    assert queue.inputs["visibilityTimeoutSeconds"] == 120
    assert queue.policy("redrivePolicy") == {"deadLetterTargetArn": DEAD_LETTERS, "maxReceiveCount": 7}


def test_dead_letters_stay_longer_than_in_the_queue(made: Any) -> None:
    recorded = made()

    queue = recorded.one("aws:sqs/queue:Queue", "pipe-events").inputs
    dead_letters = recorded.one("aws:sqs/queue:Queue", "pipe-dead-letters").inputs
    assert queue["messageRetentionSeconds"] == 4 * 86_400
    assert dead_letters["messageRetentionSeconds"] == 14 * 86_400
    recorder = recorded.one("aws:lambda/function:Function", "pipe-record-failure").inputs
    assert dead_letters["visibilityTimeoutSeconds"] >= 6 * recorder["timeout"]


def test_dead_letters_come_from_that_queue_alone(made: Any) -> None:
    redrive = made().one("aws:sqs/redriveAllowPolicy:RedriveAllowPolicy")

    assert redrive.inputs["queueUrl"].endswith("/pipe-dead-letters-0a1b2c3")
    assert redrive.policy("redriveAllowPolicy") == {"redrivePermission": "byQueue", "sourceQueueArns": [QUEUE]}


def test_queues_are_encrypted(made: Any) -> None:
    assert [queue.inputs["sqsManagedSseEnabled"] for queue in made().of("aws:sqs/queue:Queue")] == [True, True]


def test_only_the_bucket_sends_and_only_over_tls(made: Any) -> None:
    policy = made().one("aws:sqs/queuePolicy:QueuePolicy", "pipe-events-policy")

    allowed, denied = policy.policy()["Statement"]
    assert allowed == {
        "Effect": "Allow",
        "Principal": {"Service": "s3.amazonaws.com"},
        "Action": ["sqs:SendMessage"],
        "Resource": QUEUE,
        "Condition": {
            "ArnEquals": {"aws:SourceArn": "arn:aws:s3:::pictures"},
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
        },
    }
    assert (denied["Effect"], denied["Resource"]) == ("Deny", QUEUE)
    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_dead_letters_are_reached_over_tls_only(made: Any) -> None:
    (denied,) = made().one("aws:sqs/queuePolicy:QueuePolicy", "pipe-dead-letters-policy").policy()["Statement"]

    assert (denied["Effect"], denied["Resource"], denied["Action"]) == ("Deny", DEAD_LETTERS, ["sqs:*"])


def test_processor_may_do_what_its_detectors_need(made: Any) -> None:
    assert statements(made(), "process-image") == [
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:GetObjectVersion"],
            "Resource": "arn:aws:s3:::pictures/*",
        },
        {"Effect": "Allow", "Action": ["s3:ListBucket"], "Resource": "arn:aws:s3:::pictures"},
        {
            "Effect": "Allow",
            "Action": [
                "dynamodb:GetItem",
                "dynamodb:PutItem",
                "dynamodb:UpdateItem",
                "dynamodb:DeleteItem",
                "dynamodb:ConditionCheckItem",
                "dynamodb:Query",
            ],
            "Resource": TABLE,
        },
        {
            "Effect": "Allow",
            "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
            "Resource": QUEUE,
        },
        {"Effect": "Allow", "Action": ["sqs:ChangeMessageVisibility"], "Resource": QUEUE},
        {"Effect": "Allow", "Action": ["sqs:SendMessage"], "Resource": QUEUE},
        {"Effect": "Allow", "Action": ["rekognition:DetectLabels", "rekognition:DetectFaces"], "Resource": "*"},
    ]


def test_processor_may_decrypt_with_the_buckets_key(made: Any) -> None:
    key = "arn:aws:kms:eu-central-1:1:key/k"

    assert {"Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": key} in statements(
        made(bucket_kms_key_arn=key), "process-image"
    )


def test_recorder_may_write_results_and_take_dead_letters(made: Any) -> None:
    services = {
        (action.split(":")[0], statement["Resource"])
        for statement in statements(made(), "record-failure")
        for action in statement["Action"]
    }

    assert services == {("dynamodb", TABLE), ("sqs", DEAD_LETTERS)}


def test_tells_the_processor_its_settings(made: Any) -> None:
    assert environment(made(memory_mb=512), "process-image") == {
        "RESULTS_TABLE": "results",
        "UPLOAD_BUCKET": "pictures",
        "QUEUE_URL": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/pipe-events-0a1b2c3",
        "DETECTORS": "labels,faces",
        "MAX_LABELS": "12",
        "MIN_CONFIDENCE": "72.5",
        "IMAGE_PROPERTIES": "false",
        "REKOGNITION_CALLS_PER_SECOND": "15",
        "REKOGNITION_TIMEOUT_S": "10",
        "RETRY_BASE_DELAY_S": "5",
        "CACHE_DAYS": "30",
        "MAX_CONVERTED_PIXELS": "18751006",
        "POWERTOOLS_SERVICE_NAME": "pipe-test",
        "POWERTOOLS_METRICS_NAMESPACE": "Labelstack",
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }


def test_tells_the_recorder_its_settings(made: Any) -> None:
    assert environment(made(), "record-failure") == {
        "RESULTS_TABLE": "results",
        "UPLOAD_BUCKET": "pictures",
        "QUEUE_URL": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/pipe-dead-letters-0a1b2c3",
        "RETRY_BASE_DELAY_S": "5",
        "POWERTOOLS_SERVICE_NAME": "pipe-test",
        "POWERTOOLS_METRICS_NAMESPACE": "Labelstack",
        "POWERTOOLS_LOG_LEVEL": "INFO",
    }


@pytest.mark.parametrize(("setting_s", "recorder_s"), [(0, "5"), (60, "60")])
def test_recorder_never_tries_without_a_pause(made: Any, setting_s: int, recorder_s: str) -> None:
    recorded = made(retry_base_delay_s=setting_s)

    assert environment(recorded, "record-failure")["RETRY_BASE_DELAY_S"] == recorder_s
    assert environment(recorded, "process-image")["RETRY_BASE_DELAY_S"] == str(setting_s)


@pytest.mark.parametrize("function", ["process-image", "record-failure"])
def test_both_functions_announce_where_they_are_told(made: Any, function: str) -> None:
    topic, bucket = f"arn:aws:sns:{REGION}:{ACCOUNT}:told", "arn:aws:s3:::documents"
    plain, recorded = (
        made(announcements=announcements)
        for announcements in (Announcements(), Announcements("documents", bucket, topic, notify_min_confidence=80.5))
    )

    told = {"RESULTS_BUCKET": "documents", "TOPIC_ARN": topic, "NOTIFY_MIN_CONFIDENCE": "80.5"}
    assert environment(recorded, function) == environment(plain, function) | told
    assert [s for s in statements(recorded, function) if s not in statements(plain, function)] == [
        {"Effect": "Allow", "Action": ["s3:PutObject"], "Resource": f"{bucket}/*"},
        {"Effect": "Allow", "Action": ["sns:Publish"], "Resource": topic},
    ]


def test_reaches_an_emulators_rekognition_by_the_standard_variable(made: Any) -> None:
    variables = environment(made(rekognition_endpoint="http://127.0.0.1:9"), "process-image")

    assert variables["AWS_ENDPOINT_URL_REKOGNITION"] == "http://127.0.0.1:9"


def test_runs_as_many_batches_as_the_quota_feeds(made: Any) -> None:
    mapping = made(batch_size=5).one("aws:lambda/eventSourceMapping:EventSourceMapping", "pipe-process-image")

    assert mapping.inputs["scalingConfig"] == {"maximumConcurrency": 4}
    assert mapping.inputs["batchSize"] == 5
    assert mapping.inputs["eventSourceArn"] == QUEUE
    assert mapping.inputs["functionName"] == f"{FUNCTION}pipe-process-image-0a1b2c3"


def test_dead_letters_go_to_the_recorder(made: Any) -> None:
    mapping = made().one("aws:lambda/eventSourceMapping:EventSourceMapping", "pipe-record-failure")

    assert mapping.inputs["eventSourceArn"] == DEAD_LETTERS
    assert mapping.inputs["functionName"] == f"{FUNCTION}pipe-record-failure-0a1b2c3"


def test_batches_fail_in_part(made: Any) -> None:
    mappings = made().of("aws:lambda/eventSourceMapping:EventSourceMapping")

    assert [m.inputs["functionResponseTypes"] for m in mappings] == [["ReportBatchItemFailures"]] * 2


def test_bucket_tells_the_queue_once_it_may(made: Any) -> None:
    notification = made().one("aws:s3/bucketNotification:BucketNotification")

    assert notification.inputs["bucket"] == "pictures"
    assert notification.inputs["queues"] == [
        {"id": "uploads", "queueArn": QUEUE, "events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*", EXPIRED]}
    ]
    assert "pipe-events-policy" in notification.dependencies


def test_every_part_belongs_to_a_component(made: Any) -> None:
    recorded = made()

    parents = {r.name: r.parent for r in recorded.resources if r.type.startswith("labelstack:")}
    assert parents == {
        "pipe": "labelstack-test",
        "pipe-process-image": "pipe",
        "pipe-record-failure": "pipe",
    }
    assert {r.parent for r in recorded.resources if r.type.startswith("aws:")} == set(parents)


def test_refuses_fewer_receives_than_throttling_may_cost(made: Any) -> None:
    with pytest.raises(InvalidArgumentError, match="max_receive_count is 4: expected 5 or more"):
        made(max_receive_count=4)
