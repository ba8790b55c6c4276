"""Settings: accepted values, and the sentences about others."""

import json
from typing import Any

import pulumi
import pytest

import settings
from settings import KEYS, SettingsError, parse
from tests.recording import record, recorded_packages, run_program

LEAST = {"name": "pictures", "protectData": "false"}


def sentences(values: dict[str, Any]) -> list[str]:
    """Return the sentences about refused values."""
    with pytest.raises(SettingsError) as caught:
        parse(values)
    first, *others = str(caught.value).splitlines()
    assert first == "The stack's settings are wrong:"
    return [other.strip() for other in others]


def test_defaults() -> None:
    assert parse(LEAST) == {
        "name": "pictures",
        "protectData": False,
        "pipeline": "queue",
        "detectors": ("labels",),
        "maxLabels": 10,
        "minConfidence": 70,
        "labelBlocklist": None,
        "labelAllowlist": None,
        "labelAliases": None,
        "minConfidenceByLabel": None,
        "imageProperties": False,
        "keepLocation": False,
        "rekognitionTps": 5,
        "rekognitionTimeoutSeconds": 10,
        "rekognitionEndpoint": None,
        "runtime": "python3.13",
        "architecture": "arm64",
        "memoryMb": 1024,
        "timeoutSeconds": 60,
        "logRetentionDays": 14,
        "logLevel": "INFO",
        "batchSize": 10,
        "maxReceiveCount": 5,
        "onCostBound": "alarm",
        "retryBaseDelaySeconds": 5,
        "uploadExpirationDays": None,
        "noncurrentVersionDays": 30,
        "cacheDays": 30,
        "uploadPrefix": "uploads/",
        "resultsBucket": False,
        "resultsExpirationDays": None,
        "notifications": False,
        "notifyEmails": (),
        "notifyQueues": (),
        "notifyFilter": None,
        "notifyMinConfidence": 0,
        "api": "none",
        "apiAccess": "api_key",
        "apiStage": "v1",
        "apiThrottleRate": 50,
        "apiThrottleBurst": 100,
        "apiLogRole": "none",
        "apiDailyQuota": None,
        "apiRequestsPerAddress": None,
        "apiPurge": False,
        "website": "none",
        "siteMode": "api",
        "guestAccess": False,
        "allowedOrigins": (),
        "publicEndpoint": None,
        "websiteEndpoint": None,
        "previews": False,
        "previewConcurrency": 2,
        "monitoring": False,
        "alarmEmails": (),
        "alarmTopicArn": None,
        "dailyCostBoundUsd": None,
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
    with pytest.raises(SettingsError, match=rf"labelstack:{key}(\.status|\[0\])? is .*: expected "):
        parse(LEAST | {"notifications": "true", key: value})


@pytest.mark.parametrize(("key", "value"), [("notifyEmails", "zoo@example.org"), ("notifyQueues", QUEUE)])
def test_subscribers_need_a_topic(key: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"{key} is .*: expected no such key, or labelstack:notifications true"):
        parse(LEAST | {key: value})


def test_takes_subscribers_and_their_filter() -> None:
    subscribers = {"notifyEmails": "a@b.org, c@d.org", "notifyQueues": QUEUE, "notifyFilter": '{"labels": ["Cat"]}'}

    parsed = parse(LEAST | {"notifications": "true"} | subscribers)

    assert (parsed["notifyEmails"], parsed["notifyQueues"]) == (("a@b.org", "c@d.org"), (QUEUE,))
    assert parsed["notifyFilter"] == {"labels": ["Cat"]}


@pytest.mark.parametrize("text", ['["faces","text"]', "faces,text", "faces, text"])
def test_takes_detectors_as_pulumi_and_as_people_write_them(text: str) -> None:
    assert parse(LEAST | {"detectors": text})["detectors"] == ("faces", "text")


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
    assert str(parse(LEAST | {key: value})[key]) == value


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("name", "", "2 to 31 lower-case letters"),
        ("name", "Pictures", "2 to 31 lower-case letters"),
        ("name", "a" * 32, "2 to 31 lower-case letters"),
        ("name", "1up", "2 to 31 lower-case letters"),
        ("protectData", "perhaps", "true or false"),
        (
            "detectors",
            '["labels","labels"]',
            "a list of labels, faces, moderation and text, at least one, each at most once",
        ),
        ("detectors", "[]", "a list of labels, faces, moderation and text"),
        ("detectors", "[labels]", "a list of labels, faces, moderation and text"),
        ("maxLabels", "0", "a whole number from 1 to 49"),
        ("maxLabels", "50", "a whole number from 1 to 49"),
        ("maxLabels", "2.5", "a whole number from 1 to 49"),
        ("minConfidence", "170", "a number from 0 to 100"),
        ("minConfidence", "-1", "a number from 0 to 100"),
        ("minConfidence", "nan", "a number from 0 to 100"),
        ("imageProperties", "much", "true or false"),
        ("labelAliases", "Human", "a mapping of labels to other names, for example"),
        ("rekognitionTps", "0", "a number from 1 to 1000"),
        ("rekognitionTps", "inf", "a number from 1 to 1000"),
        ("rekognitionTimeoutSeconds", "0", "a number of seconds from 1 to 60"),
        ("rekognitionEndpoint", "localhost:4601", "an http or https URL of an emulator"),
        ("runtime", "python3.10", "python3.11, python3.12, python3.13 or python3.14"),
        ("architecture", "amd64", "arm64 or x86_64"),
        ("memoryMb", "64", "a whole number of megabytes from 128 to 10240"),
        ("pipeline", "lambda", "queue or workflow"),
        ("timeoutSeconds", "901", "a whole number of seconds from 5 to 900"),
        ("logRetentionDays", "15", "one of 1, 3, 5, 7, 14, 30,"),
        ("alarmEmails", '["a@example.org","a@example.org"]', "a list of different items, each an e-mail address"),
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


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("detectors", "labels,celebrities", '[1] is "celebrities": expected labels, faces, moderation or text.'),
        (
            "alarmEmails",
            '["a@example.org", "b"]',
            '[1] is "b": expected an e-mail address.',
        ),
        ("labelBlocklist", '["a,b"]', '[0] is "a,b": expected a label\'s name of 1 to 100 characters without a comma.'),
        ("labelAliases", '{"": "x"}', '. is "": expected a label\'s name of 1 to 100 characters without a comma.'),
        ("minConfidenceByLabel", '{"Cat": 101}', ".Cat is 101: expected a number from 0 to 100."),
    ],
)
def test_names_the_part_of_a_value_that_is_wrong(key: str, value: str, sentence: str) -> None:
    assert sentences(LEAST | {key: value}) == [f"labelstack:{key}{sentence}"]


def test_rules_of_labels_have_room_in_a_functions_environment() -> None:
    names = ["x" * 90 + str(number) for number in range(30)]

    expected = "expected shorter rules of labels, together at most 2,000 bytes as JSON."
    assert sentences(LEAST | {"labelBlocklist": names}) == [f'labelstack:labelBlocklist is "30 entries": {expected}']


def test_rules_of_labels_do_not_contradict_each_other() -> None:
    lists = {"labelBlocklist": ["Cat", "Dog"], "labelAllowlist": ["cat", "Fox"]}
    mappings = {"labelAliases": {"Cat": "A", "CAT": "B"}, "minConfidenceByLabel": {"Fox": 80, "fox": 90}}

    assert sentences(LEAST | lists | mappings) == [
        'labelstack:labelBlocklist is "Cat": expected labels that labelstack:labelAllowlist does not have.',
        'labelstack:labelAliases.Cat is "A": expected each label once, in whatever case.',
        'labelstack:labelAliases.CAT is "B": expected each label once, in whatever case.',
        "labelstack:minConfidenceByLabel.Fox is 80: expected each label once, in whatever case.",
        "labelstack:minConfidenceByLabel.fox is 90: expected each label once, in whatever case.",
    ]


def test_an_alias_is_not_renamed_in_turn_which_a_circle_would_be() -> None:
    said = sentences(LEAST | {"labelAliases": {"Human": "Person", "person": "human", "Cat": "CAT"}})

    expected = "expected a name that labelstack:labelAliases does not rename in turn."
    assert said == [
        f'labelstack:labelAliases.Human is "Person": {expected}',
        f'labelstack:labelAliases.person is "human": {expected}',
    ]


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
        "1 Rekognition calls per second (or set a smaller labelstack:batchSize)."
    ]
    assert parse(LEAST | {"rekognitionTps": "1", "timeoutSeconds": "35"})["timeoutSeconds"] == 35


def test_a_step_must_fit_an_execution() -> None:
    assert sentences(LEAST | {"pipeline": "workflow", "timeoutSeconds": "121"}) == [
        "labelstack:timeoutSeconds is 121: expected 120 or less, as an execution of the workflow ends after 240 s."
    ]
    assert parse(LEAST | {"pipeline": "workflow", "timeoutSeconds": "120"})["timeoutSeconds"] == 120
    assert parse(LEAST | {"pipeline": "queue", "timeoutSeconds": "121"})["timeoutSeconds"] == 121


def test_a_step_has_no_batch_to_fit() -> None:
    few = {"rekognitionTps": "1", "rekognitionTimeoutSeconds": "10"}

    assert parse(LEAST | few | {"pipeline": "workflow", "timeoutSeconds": "15"})["timeoutSeconds"] == 15
    assert sentences(LEAST | few | {"pipeline": "workflow", "timeoutSeconds": "14"}) == [
        "labelstack:timeoutSeconds is 14: expected 15 or more, as a step asks Rekognition for up to 10 s."
    ]


def test_reads_its_namespace_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({"labelstack:protectData": "true", "aws:region": "eu-central-1"}))
    pulumi.runtime.set_all_config({"labelstack:name": "mine", "other:name": "theirs"})

    read = settings.load()

    assert (read["name"], read["protectData"]) == ("mine", True)


def test_ends_a_program_without_a_traceback() -> None:
    assert issubclass(SettingsError, pulumi.RunError)


def test_a_topic_of_somebody_elses_gets_no_subscribers() -> None:
    alarm_settings = {"alarmTopicArn": "arn:aws:sns:us-east-1:123456789012:ops", "alarmEmails": "a@example.org"}

    with pytest.raises(
        SettingsError,
        match=r'labelstack:alarmEmails is \["a@example\.org"\]: expected none, as labelstack:alarmTopicArn has',
    ):
        parse(LEAST | alarm_settings)


# Each setting with a value as YAML has it, together a stack.
VALUES: dict[str, Any] = {
    "name": "zoo",
    "protectData": True,
    "pipeline": "workflow",
    "detectors": ["labels", "text"],
    "maxLabels": 7,
    "minConfidence": 75,
    "labelBlocklist": ["Blur", "Gray Area"],
    "labelAllowlist": ["Cat", "Human"],
    "labelAliases": {"Human": "Person"},
    "minConfidenceByLabel": {"Cat": 91.5},
    "imageProperties": True,
    "keepLocation": True,
    "rekognitionTps": 6,
    "rekognitionTimeoutSeconds": 8,
    "rekognitionEndpoint": "http://127.0.0.1:4601",
    "runtime": "python3.12",
    "architecture": "x86_64",
    "memoryMb": 2048,
    "timeoutSeconds": 90,
    "logRetentionDays": 30,
    "logLevel": "DEBUG",
    "batchSize": 5,
    "maxReceiveCount": 9,
    "onCostBound": "pause",
    "retryBaseDelaySeconds": 0,
    "uploadExpirationDays": 30,
    "noncurrentVersionDays": 1,
    "cacheDays": 3,
    "uploadPrefix": "in/",
    "resultsBucket": True,
    "resultsExpirationDays": 30,
    "notifications": True,
    "notifyEmails": ["a@b.org", "c@d.org"],
    "notifyQueues": [QUEUE],
    "notifyFilter": {"status": ["FAILED"]},
    "notifyMinConfidence": 80.5,
    "api": "rest",
    "apiAccess": "iam",
    "apiStage": 2,
    "apiThrottleRate": 20,
    "apiThrottleBurst": 40,
    "apiLogRole": "own",
    "apiDailyQuota": None,
    "apiRequestsPerAddress": 300,
    "apiPurge": True,
    "website": "s3",
    "siteMode": "guest",
    "guestAccess": True,
    "allowedOrigins": ["https://a.example", "https://b.example"],
    "publicEndpoint": "http://127.0.0.1:4566",
    "websiteEndpoint": "http://127.0.0.1:8081/{bucket}",
    "previews": True,
    "previewConcurrency": 9,
    "monitoring": True,
    "alarmEmails": ["a@b.org"],
    "alarmTopicArn": None,
    "dailyCostBoundUsd": 5,
}


def text(value: Any, *, as_json: bool = True) -> str | None:
    """Return a value as `pulumi config set` takes it; a list as JSON or as people write it."""
    if isinstance(value, list) and not as_json:
        return ", ".join(value)
    return value if isinstance(value, str | None) else json.dumps(value)


def test_every_setting_is_tried_as_text_and_as_yaml_has_it() -> None:
    assert set(VALUES) == set(KEYS)
    defaults = {key: value for key, value in parse(LEAST).items() if value is not None}
    assert {key for key, value in defaults.items() if VALUES[key] == value} == set()


@pytest.mark.parametrize("as_json", [True, False])
def test_text_and_yamls_own_type_give_the_same_settings(as_json: bool) -> None:
    by_text = parse({key: text(value, as_json=as_json) for key, value in VALUES.items()})

    # 75 and 75.0 are equal, but not the same in a `config.json`.
    assert json.dumps(by_text) == json.dumps(parse(VALUES))


def test_text_and_yamls_own_type_give_the_same_program() -> None:
    programs = []
    for values in (VALUES, {key: text(value) for key, value in VALUES.items()}):
        config = {f"labelstack:{key}": value for key, value in values.items() if value is not None}
        with recorded_packages():
            programs.append(json.dumps(record(run_program, config=config).inputs(), sort_keys=True, default=str))

    assert programs[0] == programs[1]
