"""Deploying: first, again, changed, and with less than before."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from labelstack.clouds import EmbeddedCloud
from labelstack.engines import InProcessEngine
from labelstack.errors import StateError
from tests.labelstack.engines.conftest import Stack

QUEUE = "pulumi.export('url', aws.sqs.Queue('jobs', visibility_timeout_seconds={}).url)\n"
FUNCTION = """
role = aws.iam.Role("worker", assume_role_policy='''{trust}''')
code = pulumi.AssetArchive({{"m.py": pulumi.StringAsset("def handle(event, context): return '{answer}'")}})
worker = aws.lambda_.Function("worker", role=role.arn, code=code, handler="m.handle",
    runtime=pulumi.Config("labelstack").require("runtime"), memory_size=256,
    environment={{"variables": {{"ANSWER": "{answer}"}}}})
pulumi.export("name", worker.name)
pulumi.export("arn", worker.arn)
"""
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def call(stack: Stack, name: str) -> object:
    """Return a function's answer."""
    return json.loads(stack.cloud.client("lambda").invoke(FunctionName=name)["Payload"].read())


def test_names_are_made_as_pulumi_makes_them(stack: Stack) -> None:
    outputs = stack.up("pulumi.export('name', aws.s3.Bucket('Photos').bucket)").outputs

    assert re.fullmatch(r"photos-[0-9a-f]{7}", outputs["name"])
    assert outputs["name"] in stack.names("buckets")


def test_a_given_name_is_kept(stack: Stack) -> None:
    stack.up("aws.sqs.Queue('jobs', name='exactly-this')")

    assert "exactly-this" in stack.names("queues")


def test_outputs_are_the_cloud_s_own(stack: Stack) -> None:
    outputs = stack.up("queue = aws.sqs.Queue('jobs')\npulumi.export('queue', [queue.url, queue.arn])").outputs

    url, arn = outputs["queue"]
    assert stack.cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"] == {
        "QueueArn": arn
    }


def test_second_up_changes_nothing(stack: Stack) -> None:
    first = stack.up(FUNCTION.format(trust=TRUST, answer="one"))

    second = stack.again()

    assert (first.created, first.unchanged) == (2, 0)
    assert (second.created, second.updated, second.replaced, second.unchanged) == (0, 0, 0, 2)
    assert second.outputs == first.outputs


def test_changed_property_is_updated_in_place(stack: Stack) -> None:
    first = stack.up(QUEUE.format(60))

    second = stack.up(QUEUE.format(90))

    assert (second.updated, second.outputs) == (1, first.outputs)
    attributes = stack.cloud.client("sqs").get_queue_attributes(
        QueueUrl=first.outputs["url"], AttributeNames=["VisibilityTimeout"]
    )
    assert attributes["Attributes"] == {"VisibilityTimeout": "90"}


def test_changed_code_and_environment_are_updated_in_place(stack: Stack) -> None:
    first = stack.up(FUNCTION.format(trust=TRUST, answer="one"))
    before = call(stack, first.outputs["name"])

    second = stack.up(FUNCTION.format(trust=TRUST, answer="two"))

    assert (before, call(stack, first.outputs["name"])) == ("one", "two")
    assert (second.updated, second.outputs) == (1, first.outputs)
    configuration = stack.cloud.client("lambda").get_function_configuration(FunctionName=first.outputs["name"])
    assert configuration["Environment"]["Variables"] == {"ANSWER": "two"}


def test_property_that_is_no_longer_set_goes_back(stack: Stack) -> None:
    url = stack.up(QUEUE.format(60)).outputs["url"]

    stack.up("pulumi.export('url', aws.sqs.Queue('jobs').url)")

    answer = stack.cloud.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    assert answer["Attributes"] == {"VisibilityTimeout": "30"}


def test_what_cannot_be_updated_is_replaced(stack: Stack) -> None:
    table = "pulumi.export('name', aws.dynamodb.Table('t', billing_mode='PAY_PER_REQUEST', hash_key='{0}', "
    table += "attributes=[{{'name': '{0}', 'type': 'S'}}]).name)"
    old = stack.up(table.format("a")).outputs["name"]

    second = stack.up(table.format("b"))

    assert second.replaced == 1
    assert old not in stack.names("tables")
    described = stack.cloud.client("dynamodb").describe_table(TableName=second.outputs["name"])["Table"]
    assert described["KeySchema"] == [{"AttributeName": "b", "KeyType": "HASH"}]


def test_what_has_a_name_of_the_program_s_is_removed_before_it_is_made_anew(stack: Stack) -> None:
    table = "aws.dynamodb.Table('t', name='the-table', billing_mode='PAY_PER_REQUEST', hash_key='KEY',"
    table += " attributes=[{'name': 'KEY', 'type': 'S'}])"
    stack.up(table.replace("KEY", "a"))

    assert stack.up(table.replace("KEY", "b")).replaced == 1
    described = stack.cloud.client("dynamodb").describe_table(TableName="the-table")["Table"]
    assert described["KeySchema"] == [{"AttributeName": "b", "KeyType": "HASH"}]


def test_what_left_the_program_is_removed(stack: Stack) -> None:
    stack.up("aws.sqs.Queue('stays', name='stays')\naws.sqs.Queue('goes', name='goes')")

    second = stack.up("aws.sqs.Queue('stays', name='stays')")

    assert (second.deleted, second.unchanged) == (1, 1)
    assert "goes" not in stack.names("queues")
    assert "stays" in stack.names("queues")


def test_components_parents_and_dependencies_are_recorded(stack: Stack) -> None:
    stack.up(
        """
        class Pair(pulumi.ComponentResource):
            def __init__(self, name):
                super().__init__("test:index:Pair", name)
                first = aws.sqs.Queue(f"{name}-first", opts=pulumi.ResourceOptions(parent=self))
                aws.sqs.Queue(f"{name}-second", opts=pulumi.ResourceOptions(parent=first, depends_on=[first]))
        Pair("pair")
        """
    )

    first, second = stack.engine.resources("test")
    assert first.urn == "urn:pulumi:test::small::test:index:Pair$aws:sqs/queue:Queue::pair-first"
    assert second.urn == "urn:pulumi:test::small::test:index:Pair$aws:sqs/queue:Queue$aws:sqs/queue:Queue::pair-second"
    assert first.urn in second.dependencies


def test_provider_functions_are_answered(stack: Stack) -> None:
    outputs = stack.up(
        """
        pulumi.export("account", aws.get_caller_identity_output().account_id)
        pulumi.export("region", aws.get_region().region)
        pulumi.export("partition", aws.get_partition().partition)
        document = aws.iam.get_policy_document(statements=[{"actions": ["s3:GetObject"], "resources": ["*"],
            "principals": [{"type": "Service", "identifiers": ["lambda.amazonaws.com"]}],
            "conditions": [{"test": "Bool", "variable": "aws:SecureTransport", "values": ["true"]}]}])
        pulumi.export("document", document.minified_json)
        """
    ).outputs

    assert (outputs["account"], outputs["region"], outputs["partition"]) == ("000000000000", "us-east-1", "aws")
    assert json.loads(outputs["document"])["Statement"] == [
        {
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": "*",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Condition": {"Bool": {"aws:SecureTransport": "true"}},
        }
    ]


def test_secrets_reach_the_cloud_as_they_are(stack: Stack) -> None:
    outputs = stack.up(
        """
        bucket = aws.s3.Bucket("b", force_destroy=True)
        aws.s3.BucketObjectv2("o", bucket=bucket.bucket, key="k", content=pulumi.Output.secret("hush"))
        pulumi.export("bucket", bucket.bucket)
        """
    ).outputs

    content = stack.cloud.client("s3").get_object(Bucket=outputs["bucket"], Key="k")["Body"].read()
    assert content == b"hush"


def test_default_tags_are_on_everything(stack: Stack) -> None:
    tags = json.dumps({"tags": {"owner": "us"}})
    program = "bucket = aws.s3.Bucket('b', tags={'own': 'yes'})\npulumi.export('bucket', bucket.bucket)"

    bucket = stack.up(program, {"aws:defaultTags": tags}).outputs["bucket"]

    tag_set = stack.cloud.client("s3").get_bucket_tagging(Bucket=bucket)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tag_set} == {"owner": "us", "own": "yes"}
    assert stack.again().updated == 1  # they are gone again
    tag_set = stack.cloud.client("s3").get_bucket_tagging(Bucket=bucket)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tag_set} == {"own": "yes"}


def test_ignored_change_is_not_made(stack: Stack) -> None:
    program = "aws.sqs.Queue('q', delay_seconds={}, opts=pulumi.ResourceOptions(ignore_changes=['delaySeconds']))"
    stack.up(program.format(1))

    assert stack.up(program.format(2)).unchanged == 1


def test_project_s_modules_are_read_anew_and_do_not_stay(stack: Stack) -> None:
    import sys

    (stack.folder / "settings.py").write_text("value = 1\n")
    program = "import settings, os\npulumi.export('seen', [settings.value, os.getcwd()])"
    assert stack.up(program).outputs["seen"] == [1, str(stack.folder)]

    (stack.folder / "settings.py").write_text("value = 20\n")

    assert stack.again().outputs["seen"] == [20, str(stack.folder)]
    assert getattr(sys.modules.get("settings"), "value", None) not in (1, 20)
    assert str(stack.folder) not in sys.path


def test_steps_are_told_as_they_are_done(stack: Stack) -> None:
    steps: list[tuple[str, str, str]] = []
    stack.write("aws.sqs.Queue('jobs')")

    stack.engine.up("test", on_step=lambda *step: steps.append(step))
    stack.engine.destroy("test", on_step=lambda *step: steps.append(step))

    assert steps == [("created", "aws:sqs/queue:Queue", "jobs"), ("deleted", "aws:sqs/queue:Queue", "jobs")]


def test_outputs_come_from_the_record(stack: Stack, cloud: EmbeddedCloud) -> None:
    outputs = stack.up(QUEUE.format(60)).outputs

    other = InProcessEngine(stack.folder, cloud, stack.folder / ".state")

    assert other.outputs("test") == outputs


def test_outputs_of_a_stack_that_is_not_deployed_are_an_error(stack: Stack) -> None:
    with pytest.raises(StateError, match="not deployed"):
        stack.engine.outputs("test")


def test_record_of_a_cloud_that_lost_everything_is_dropped(stack: Stack, tmp_path: Path) -> None:
    stack.up("aws.sqs.Queue('jobs')")
    file = tmp_path / ".state" / "test.json"
    raw = json.loads(file.read_text())
    file.write_text(json.dumps({**raw, "instance": "an earlier one"}))

    assert stack.again().created == 1
    stack.cloud.client("sqs").delete_queue(
        QueueUrl=next(entry["id"] for entry in raw["entries"] if entry["name"] == "jobs")
    )


def test_record_is_for_its_owner_only(stack: Stack, tmp_path: Path) -> None:
    stack.up("aws.sqs.Queue('jobs')")

    assert (tmp_path / ".state" / "test.json").stat().st_mode & 0o777 == 0o600
