"""Settings: what is taken, and what is said about what is not."""

import json
from typing import Any

import pulumi
import pytest
from pydantic import ValidationError

import settings
from settings import Settings, SettingsError, parse

LEAST = {"name": "pictures", "protectData": "false"}


def sentences(values: dict[str, Any]) -> list[str]:
    """What is said about values that are refused."""
    with pytest.raises(SettingsError) as caught:
        parse(values)
    first, *others = str(caught.value).splitlines()
    assert first == "The stack's settings are wrong:"
    return [other.strip() for other in others]


def test_defaults() -> None:
    assert parse(LEAST).model_dump() == {
        "name": "pictures",
        "protect_data": False,
        "pipeline": "queue",
        "detectors": ("labels",),
        "max_labels": 10,
        "min_confidence": 70,
        "image_properties": False,
        "rekognition_tps": 5,
        "rekognition_timeout_seconds": 10,
        "rekognition_endpoint": None,
        "runtime": "python3.13",
        "architecture": "arm64",
        "memory_mb": 1024,
        "timeout_seconds": 60,
        "log_retention_days": 14,
        "log_level": "INFO",
        "batch_size": 10,
        "max_receive_count": 5,
        "retry_base_delay_seconds": 5,
        "upload_expiration_days": None,
        "noncurrent_version_days": 30,
        "cache_days": 30,
        "upload_prefix": "uploads/",
        "results_bucket": False,
        "results_expiration_days": None,
        "notifications": False,
        "notify_emails": (),
        "notify_queues": (),
        "notify_filter": None,
        "notify_min_confidence": 0,
        "api": "none",
        "api_access": "open",
        "api_stage": "v1",
        "api_throttle_rate": 50,
        "api_throttle_burst": 100,
        "api_log_role": True,
        "website": "none",
        "site_mode": "api",
        "guest_access": False,
        "allowed_origins": (),
        "public_endpoint": None,
        "website_endpoint": None,
        "monitoring": False,
        "alarm_emails": (),
        "alarm_topic_arn": None,
        "daily_cost_bound_usd": None,
    }


QUEUE = "arn:aws:sqs:eu-west-1:123456789012:mine"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("notifyEmails", "zoo"),
        ("notifyEmails", "a@b.org,a@b.org"),
        ("notifyQueues", "https://sqs.eu-west-1.amazonaws.com/123456789012/mine"),
        ("notifyQueues", QUEUE + ".fifo"),
        ("notifyFilter", '{"colour": ["red"]}'),
        ("notifyFilter", '{"status": "FAILED"}'),
        ("notifyFilter", '["FAILED"]'),
        ("notifyFilter", "FAILED"),
        ("notifyMinConfidence", "101"),
        ("resultsExpirationDays", "0"),
    ],
)
def test_wrong_setting_of_announcements_is_named(key: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"labelstack:{key} is .*: expected "):
        parse(LEAST | {"notifications": "true", key: value})


@pytest.mark.parametrize(("key", "value"), [("notifyEmails", "zoo@example.org"), ("notifyQueues", QUEUE)])
def test_subscribers_need_a_topic(key: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{key} is .*: expected no such key, or labelstack:notifications true"):
        parse(LEAST | {key: value})


def test_takes_subscribers_and_their_filter() -> None:
    given = {"notifyEmails": "a@b.org, c@d.org", "notifyQueues": QUEUE, "notifyFilter": '{"labels": ["Cat"]}'}

    found = parse(LEAST | {"notifications": "true"} | given)

    assert (found.notify_emails, found.notify_queues) == (("a@b.org", "c@d.org"), (QUEUE,))
    assert found.notify_filter == {"labels": ["Cat"]}


@pytest.mark.parametrize("text", ['["faces","text"]', "faces,text", "faces, text"])
def test_takes_detectors_as_pulumi_and_as_people_write_them(text: str) -> None:
    assert parse(LEAST | {"detectors": text}).detectors == ("faces", "text")


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("maxLabels", "49"),
        ("minConfidence", "0"),
        ("minConfidence", "100"),
        ("timeoutSeconds", "900"),
        ("retryBaseDelaySeconds", "0"),
        ("uploadPrefix", "in box/"),
        ("name", "ab"),
        ("name", "a" * 31),
        ("rekognitionEndpoint", "http://127.0.0.1:4601"),
    ],
)
def test_takes_the_bounds(key: str, value: str) -> None:
    given = parse(LEAST | {key: value}).model_dump(by_alias=True)[key]

    assert str(given).removesuffix(".0") == value


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("name", "", "2 to 31 lower-case letters"),
        ("name", "Pictures", "2 to 31 lower-case letters"),
        ("name", "a" * 32, "2 to 31 lower-case letters"),
        ("name", "1up", "2 to 31 lower-case letters"),
        ("protectData", "perhaps", "true (uploads and results cannot be deleted with the stack) or false"),
        ("detectors", "labels,celebrities", "a list of labels, faces, moderation and text"),
        ("detectors", '["labels","labels"]', "a list of labels, faces, moderation and text, each at most once"),
        ("detectors", "[]", "a list of labels, faces, moderation and text"),
        ("detectors", "[labels]", "a list of labels, faces, moderation and text"),
        ("maxLabels", "0", "a whole number from 1 to 49"),
        ("maxLabels", "50", "a whole number from 1 to 49"),
        ("maxLabels", "2.5", "a whole number from 1 to 49"),
        ("minConfidence", "170", "a number from 0 to 100"),
        ("minConfidence", "-1", "a number from 0 to 100"),
        ("minConfidence", "nan", "a number from 0 to 100"),
        ("imageProperties", "much", "true or false"),
        ("rekognitionTps", "0", "a number from 1 to 1000"),
        ("rekognitionTps", "inf", "a number from 1 to 1000"),
        ("rekognitionTimeoutSeconds", "0", "a number of seconds from 1 to 60"),
        ("rekognitionEndpoint", "localhost:4601", "an http or https URL of an emulator"),
        ("runtime", "python3.10", "python3.11, python3.12, python3.13 or python3.14"),
        ("architecture", "amd64", "arm64 or x86_64"),
        ("memoryMb", "64", "a whole number of megabytes from 128 to 10240"),
        ("pipeline", "lambda", "queue (one function labels) or workflow (Step Functions, a step for each detector)"),
        ("timeoutSeconds", "901", "a whole number of seconds from 5 to 900"),
        ("logRetentionDays", "15", "one of 1, 3, 5, 7, 14, 30,"),
        ("alarmEmails", "ops at example.org", "a list of mail addresses, each at most once"),
        ("alarmEmails", '["a@example.org","a@example.org"]', "a list of mail addresses, each at most once"),
        ("alarmTopicArn", "alarms", "the ARN of an SNS topic that CloudWatch may publish to"),
        ("dailyCostBoundUsd", "0", "a number of US dollars above 0"),
        ("logLevel", "LOUD", "DEBUG, INFO, WARNING, ERROR or CRITICAL"),
        ("batchSize", "11", "a whole number from 1 to 10"),
        ("maxReceiveCount", "4", "a whole number from 5 to 1000"),
        ("retryBaseDelaySeconds", "901", "a whole number of seconds from 0 to 900"),
        ("uploadExpirationDays", "0", "a whole number of days from 1 on"),
        ("noncurrentVersionDays", "0", "a whole number of days from 1 on"),
        ("cacheDays", "soon", "a whole number of days from 1 on"),
        ("uploadPrefix", "uploads", "one folder with a / at its end"),
        ("uploadPrefix", "in/box/", "one folder with a / at its end"),
        ("uploadPrefix", "/uploads/", "one folder with a / at its end"),
    ],
)
def test_names_key_value_and_what_is_expected(key: str, value: str, expected: str) -> None:
    (sentence,) = sentences(LEAST | {key: value})

    assert sentence.startswith(f"labelstack:{key} is ")
    assert json.dumps(value) in sentence
    assert f": expected {expected}" in sentence


@pytest.mark.parametrize("key", ["name", "protectData"])
def test_asks_for_what_has_no_default(key: str) -> None:
    (sentence,) = sentences({k: v for k, v in LEAST.items() if k != key})

    assert sentence.startswith(f"labelstack:{key} is missing: expected ")


def test_lists_everything_that_is_wrong() -> None:
    said = sentences({"name": "", "protectData": "false", "maxLabels": "99", "minConfidence": "170"})

    assert [sentence.split()[0] for sentence in said] == [
        "labelstack:name",
        "labelstack:maxLabels",
        "labelstack:minConfidence",
    ]


def test_guesses_what_an_unknown_key_means() -> None:
    assert sentences(LEAST | {"maxLabel": "5"}) == [
        "labelstack:maxLabel is no setting: did you mean labelstack:maxLabels?"
    ]


def test_takes_keys_in_no_other_spelling() -> None:
    assert sentences(LEAST | {"max_labels": "5"}) == [
        "labelstack:max_labels is no setting: did you mean labelstack:maxLabels?"
    ]


def test_says_that_an_unknown_key_is_like_no_other() -> None:
    assert sentences(LEAST | {"zebra": "5"}) == ["labelstack:zebra is no setting."]


def test_a_batch_must_fit_the_functions_timeout() -> None:
    assert sentences(LEAST | {"rekognitionTps": "1", "timeoutSeconds": "34"}) == [
        "labelstack:timeoutSeconds is 34: expected 35 or more, as a batch of 10 pictures takes that long at "
        "1 Rekognition calls per second (or set a smaller batchSize)."
    ]
    assert parse(LEAST | {"rekognitionTps": "1", "timeoutSeconds": "35"}).timeout_seconds == 35


def test_a_step_must_fit_an_execution() -> None:
    assert sentences(LEAST | {"pipeline": "workflow", "timeoutSeconds": "121"}) == [
        "labelstack:timeoutSeconds is 121: expected 120 or less, as labelstack:pipeline is workflow and an execution "
        "ends after 240 s."
    ]
    assert parse(LEAST | {"pipeline": "workflow", "timeoutSeconds": "120"}).timeout_seconds == 120
    assert parse(LEAST | {"pipeline": "queue", "timeoutSeconds": "121"}).timeout_seconds == 121


def test_a_step_has_no_batch_to_fit() -> None:
    few = {"rekognitionTps": "1", "rekognitionTimeoutSeconds": "10"}

    assert parse(LEAST | few | {"pipeline": "workflow", "timeoutSeconds": "15"}).timeout_seconds == 15
    assert sentences(LEAST | few | {"pipeline": "workflow", "timeoutSeconds": "14"}) == [
        "labelstack:timeoutSeconds is 14: expected 15 or more, as a step asks Rekognition for up to 10 s."
    ]


def test_reads_its_namespace_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({"labelstack:protectData": "true", "aws:region": "eu-central-1"}))
    pulumi.runtime.set_all_config({"labelstack:name": "mine", "other:name": "theirs"})

    read = settings.load()

    assert (read.name, read.protect_data) == ("mine", True)


def test_cannot_be_changed() -> None:
    read: Settings = parse(LEAST)

    with pytest.raises(ValidationError, match="frozen"):
        read.name = "other"


def test_ends_a_program_without_a_traceback() -> None:
    assert issubclass(SettingsError, pulumi.RunError)


def test_a_topic_of_somebody_elses_gets_no_subscribers() -> None:
    given = {"alarmTopicArn": "arn:aws:sns:us-east-1:123456789012:ops", "alarmEmails": "a@example.org"}

    with pytest.raises(SettingsError, match=r"labelstack:alarmEmails is a@example\.org: expected none, as"):
        parse(LEAST | given)
