"""Failed deployments: the error says what and why, and nothing is left behind or hangs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.credentials import Credentials

from labelstack.clouds import EmbeddedCloud
from labelstack.engines import InProcessEngine
from labelstack.engines.provisioners.s3 import empty
from labelstack.engines.state import exclusive
from labelstack.errors import DeployError, DestroyError, NotLocalError, ProgramError, StateError, UnsupportedError
from tests.labelstack.engines.conftest import HEADER, Stack

ROOT = Path(__file__).resolve().parents[3]


class Elsewhere:
    """A cloud that is not on this machine."""

    name = "elsewhere"
    region = "us-east-1"
    instance = "elsewhere"
    capabilities = EmbeddedCloud.capabilities

    def __init__(self, endpoint_url: str | None) -> None:
        self.endpoint_url = endpoint_url

    def client(self, service: str) -> object:
        """Fail: no test may call this."""
        raise AssertionError(service)

    def credentials(self) -> Credentials:
        """Fail: no test may call this."""
        raise AssertionError("credentials")

    def stack_config(self) -> dict[str, str]:
        """Return no settings."""
        return {}


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "https://sqs.us-east-1.amazonaws.com",
        "http://localhost.evil.example:4566",
        "http://10.0.0.1:4566",
        "http://localstack:4566",
        "http://[fe80::1]:4566",
        "http://127.0.0.1.evil.example",
        "http://user@evil.example:4566/localhost",
    ],
)
def test_refuses_an_endpoint_that_is_not_local(tmp_path: Path, url: str | None) -> None:
    with pytest.raises(NotLocalError, match="pulumi up"):
        InProcessEngine(tmp_path, Elsewhere(url), tmp_path)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:1",
        "http://127.8.8.8:1",
        "http://[::1]:4566",
        "http://localhost:4566",
        "http://s3.localhost.localstack.cloud:4566",
    ],
)
def test_takes_an_endpoint_that_is_local(tmp_path: Path, url: str) -> None:
    assert InProcessEngine(tmp_path, Elsewhere(url), tmp_path).cloud.endpoint_url == url


def test_unused_property_is_named(stack: Stack) -> None:
    with pytest.raises(UnsupportedError) as caught:
        stack.up("aws.s3.Bucket('photos', acceleration_status='Enabled')")

    assert caught.value.property == "accelerationStatus"
    assert caught.value.resource == "photos"
    assert "photos (aws:s3/bucket:Bucket), property accelerationStatus" in str(caught.value)
    assert stack.names("buckets") == []


def test_unused_nested_property_is_named(stack: Stack) -> None:
    rule = "{'id': 'r', 'status': 'Enabled', 'expiration': {'days': 1, 'dayz': 2}}"
    program = "aws.s3.BucketLifecycleConfiguration('l', bucket=aws.s3.Bucket('b').bucket, rules=[" + rule + "])"

    with pytest.raises(UnsupportedError) as caught:
        stack.up(program)

    assert caught.value.property == "rules[0].expiration.dayz"
    assert stack.names("buckets") == []


def test_type_without_provisioner_is_named(stack: Stack) -> None:
    with pytest.raises(UnsupportedError, match=r"kiosk \(aws:ec2/vpc:Vpc\).*no provisioner"):
        stack.up("aws.sqs.Queue('jobs')\naws.ec2.Vpc('kiosk', cidr_block='10.0.0.0/16')")

    assert stack.names("queues") == []


def test_resource_elsewhere_is_refused(stack: Stack) -> None:
    with pytest.raises(UnsupportedError, match="eu-west-1 is not served"):
        stack.up("aws.sqs.Queue('jobs', region='eu-west-1')")


@pytest.mark.parametrize("option", ["import_='x'", "ignore_changes=['tags.x']"])
def test_option_that_would_not_be_honoured_is_refused(stack: Stack, option: str) -> None:
    with pytest.raises(UnsupportedError, match=option.partition("=")[0]):
        stack.up(f"aws.sqs.Queue('jobs', opts=pulumi.ResourceOptions({option}))")


def test_reading_somebody_else_s_resource_is_refused(stack: Stack) -> None:
    with pytest.raises((ProgramError, UnsupportedError), match="reads other"):
        stack.up("aws.sqs.Queue.get('other', 'http://localhost/q')")


def test_refused_resource_is_named_with_property_and_answer_and_all_is_removed(stack: Stack) -> None:
    with pytest.raises(DeployError) as caught:
        stack.up(
            """
            first = aws.sqs.Queue("first")
            table = aws.dynamodb.Table("second", billing_mode="PAY_PER_REQUEST", hash_key="a",
                attributes=[{"name": "a", "type": "S"}], opts=pulumi.ResourceOptions(depends_on=[first]))
            aws.sqs.Queue("third", visibility_timeout_seconds=99999999, opts=pulumi.ResourceOptions(depends_on=[table]))
            aws.sqs.Queue("fourth")
            """
        )

    assert (caught.value.resource, caught.value.resource_type) == ("third", "aws:sqs/queue:Queue")
    assert caught.value.property == "visibilityTimeoutSeconds"
    assert "CreateQueue answered InvalidAttributeValue" in caught.value.answer
    assert caught.value.answer in str(caught.value)
    assert (stack.names("queues"), stack.names("tables")) == ([], [])
    assert not (stack.folder / ".state" / "test.json").exists()


def test_what_depends_on_a_failure_is_not_made(stack: Stack) -> None:
    with pytest.raises(DeployError, match="broken"):
        stack.up(
            """
            broken = aws.sqs.Queue("broken", visibility_timeout_seconds=99999999)
            bucket = aws.s3.Bucket("bucket", tags={"queue": broken.url.apply(lambda url: url.upper())})
            pulumi.export("bucket", bucket.bucket)
            """
        )

    assert stack.names("buckets") == []


def test_failure_of_a_second_up_keeps_what_was_there(stack: Stack) -> None:
    stack.up("aws.sqs.Queue('old', name='old')")

    with pytest.raises(DeployError):
        stack.up(
            "aws.sqs.Queue('new', name='new')\naws.sqs.Queue('bad', name='bad', visibility_timeout_seconds=99999999)"
        )

    assert stack.names("queues") == ["old"]
    assert [entry.name for entry in stack.engine.resources("test")] == ["old"]


def test_failure_of_a_replacement_keeps_the_old_one(stack: Stack) -> None:
    table = "aws.dynamodb.Table('t', billing_mode='{}', hash_key='{}', attributes=[{{'name': 'a', 'type': 'S'}}])"
    stack.up(table.format("PAY_PER_REQUEST", "a"))
    before = stack.names("tables")

    with pytest.raises(DeployError):
        stack.up(table.format("PAY_PER_REQUEST", "no-such-attribute"))

    assert stack.names("tables") == before
    assert [entry.id for entry in stack.engine.resources("test")] == before
    assert stack.up(table.format("PAY_PER_REQUEST", "a")).unchanged == 1


def test_what_cannot_be_removed_again_is_told_and_stays_recorded(stack: Stack) -> None:
    program = """
        bucket = aws.s3.Bucket("b")
        kept = aws.s3.BucketObjectv2("o", bucket=bucket.bucket, key="k", content="x",
            opts=pulumi.ResourceOptions(retain_on_delete=True))
        aws.sqs.Queue("bad", delay_seconds=-1, opts=pulumi.ResourceOptions(depends_on=[kept]))
        """

    with pytest.raises(DeployError) as raised:
        stack.up(program)

    (note,) = raised.value.__notes__
    assert note.startswith("The resources of this deployment are removed again, but for:\n  b (aws:s3/bucket:Bucket): ")
    assert "is not empty" in note
    assert [entry.name for entry in stack.engine.resources("test")] == ["b"]
    empty(stack.cloud.client("s3"), stack.engine.resources("test")[0].id)
    assert stack.destroy() == 1


def test_half_made_resource_is_removed(stack: Stack) -> None:
    with pytest.raises(DeployError):
        stack.up("aws.s3.Bucket('b', tags={'aws:reserved': 'x' * 300})\naws.sqs.Queue('q', delay_seconds=-1)")

    assert (stack.names("buckets"), stack.names("queues")) == ([], [])


def test_somebody_else_s_resource_of_the_same_name_is_left_alone(stack: Stack) -> None:
    stack.cloud.client("s3").create_bucket(Bucket="theirs")
    try:
        with pytest.raises(DeployError, match="a resource named theirs exists already") as caught:
            stack.up("aws.s3.Bucket('ours', bucket='theirs', force_destroy=True)")

        assert caught.value.property == "bucket"
        assert "theirs" in stack.names("buckets")
    finally:
        stack.cloud.client("s3").delete_bucket(Bucket="theirs")


def test_name_that_would_be_too_long_is_told(stack: Stack) -> None:
    with pytest.raises(DeployError, match="63 are allowed"):
        stack.up(f"aws.s3.Bucket('{'b' * 60}')")


def test_two_resources_of_one_name_are_told(stack: Stack) -> None:
    with pytest.raises(DeployError, match="two resources of this type and name"):
        stack.up("aws.sqs.Queue('q')\naws.sqs.Queue('q')")


def test_program_s_own_error_is_its_message_and_nothing_else(stack: Stack) -> None:
    (stack.folder / "settings.py").write_text("class SettingsError(Exception): ...\n")

    with pytest.raises(ProgramError) as caught:
        stack.up(
            "import settings\naws.sqs.Queue('q')\nraise settings.SettingsError('maxLabels is 0: expected 1 to 49')"
        )

    assert str(caught.value) == "maxLabels is 0: expected 1 to 49"
    assert stack.names("queues") == []


def test_missing_configuration_is_told_in_pulumi_s_words(stack: Stack) -> None:
    with pytest.raises(ProgramError, match="small:detectors"):
        stack.up("pulumi.Config().require('detectors')")


def test_mistake_in_the_program_is_told_with_its_place(stack: Stack) -> None:
    with pytest.raises(ProgramError, match=r"ZeroDivisionError: division by zero \(__main__.py, line 3\)"):
        stack.up("1 / 0")


def test_mistake_in_an_apply_is_told(stack: Stack) -> None:
    with pytest.raises(ProgramError, match="KeyError"):
        stack.up("pulumi.export('x', aws.sqs.Queue('q').url.apply(lambda url: {}[url]))")

    assert stack.names("queues") == []


def test_program_that_ends_itself_is_told(stack: Stack) -> None:
    with pytest.raises(ProgramError, match="not today"):
        stack.up("import sys\nsys.exit('not today')")


def test_provider_function_without_answer_is_named(stack: Stack) -> None:
    with pytest.raises((ProgramError, UnsupportedError), match="getAvailabilityZones"):
        stack.up("pulumi.export('zones', aws.get_availability_zones().names)")


def test_unknown_stack_is_told_with_those_there_are(stack: Stack) -> None:
    with pytest.raises(ProgramError, match=r"no stack other: .*stacks: test"):
        stack.engine.up("other")


def test_folder_without_project_is_told(tmp_path: Path, cloud: EmbeddedCloud) -> None:
    with pytest.raises(ProgramError, match=r"Pulumi\.yaml cannot be read"):
        InProcessEngine(tmp_path, cloud, tmp_path).up("test")


def test_encrypted_setting_is_told(stack: Stack) -> None:
    (stack.folder / "Pulumi.hidden.yaml").write_text("config:\n  small:key:\n    secure: v1:abc\n")
    stack.write("")

    with pytest.raises(ProgramError, match="small:key of stack hidden is encrypted"):
        stack.engine.up("hidden")


def test_protected_resource_is_not_removed_and_neither_is_anything_else(stack: Stack) -> None:
    protected = "aws.sqs.Queue('q', name='kept', opts=pulumi.ResourceOptions(protect={}))\naws.s3.Bucket('b')"
    stack.up(protected.format(True))

    with pytest.raises(DestroyError, match=r"q \(aws:sqs/queue:Queue\) is protected; nothing was removed"):
        stack.destroy()
    assert "kept" in stack.names("queues")
    with pytest.raises(DestroyError, match="is protected"):
        stack.up("")

    stack.up(protected.format(False))
    assert stack.destroy() == 2


def test_bucket_with_objects_is_kept_without_force_destroy(stack: Stack) -> None:
    bucket = "pulumi.export('name', aws.s3.Bucket('b', force_destroy={}).bucket)"
    name = stack.up(bucket.format(False)).outputs["name"]
    s3 = stack.cloud.client("s3")
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"1", b"2"):
        s3.put_object(Bucket=name, Key="k", Body=body)
    s3.delete_object(Bucket=name, Key="k")

    with pytest.raises(DestroyError, match="is not empty: empty it first, or set forceDestroy"):
        stack.destroy()
    assert name in stack.names("buckets")

    stack.up(bucket.format(True))
    stack.destroy()
    assert name not in stack.names("buckets")


def test_destroying_what_is_gone_is_fine(stack: Stack) -> None:
    url = stack.up("pulumi.export('url', aws.sqs.Queue('q').url)").outputs["url"]
    stack.cloud.client("sqs").delete_queue(QueueUrl=url)

    assert stack.destroy() == 1
    assert stack.destroy() == 0


def test_another_process_at_the_same_stack_is_told(stack: Stack) -> None:
    stack.write("")
    with (
        exclusive(stack.folder / ".state" / "test.json"),
        pytest.raises(StateError, match="another process is deploying"),
    ):
        stack.again()


def test_damaged_record_is_told(stack: Stack) -> None:
    file = stack.folder / ".state" / "test.json"
    file.parent.mkdir()
    file.write_text("{")

    with pytest.raises(StateError, match="cannot be read"):
        stack.up("")
    file.unlink()


@pytest.mark.parametrize("operation", ["up", "destroy"])
def test_record_of_another_version_is_told_and_kept(stack: Stack, operation: str) -> None:
    stack.write("")
    file = stack.folder / ".state" / "test.json"
    file.parent.mkdir()
    file.write_text('{"format": 99}')

    with pytest.raises(StateError, match="was written by another version of labelstack: destroy the stack with that"):
        stack.again() if operation == "up" else stack.destroy()
    assert file.read_text() == '{"format": 99}'
    file.unlink()


def test_killed_deployment_can_be_destroyed(stack: Stack) -> None:
    program = """
    import time
    made = aws.sqs.Queue("made")
    made.url.apply(lambda _: print("made", flush=True) or time.sleep(60))
    """
    stack.write(program)
    script = (
        "import sys\nfrom pathlib import Path\nfrom labelstack.clouds import EmbeddedCloud\n"
        "from labelstack.engines import InProcessEngine\nfolder = Path(sys.argv[2])\n"
        "InProcessEngine(folder, EmbeddedCloud.attach(Path(sys.argv[1])), folder / '.state').up('test')\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(stack.cloud.folder), str(stack.folder)],
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "made\n"
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert len(stack.names("queues")) == 1

    assert stack.destroy() == 1
    assert stack.names("queues") == []


def test_resource_made_when_the_kill_came_is_found_by_its_name(stack: Stack) -> None:
    stack.up("aws.sqs.Queue('q')")
    state = stack.folder / ".state" / "test.json"
    raw = json.loads(state.read_text())
    raw["entries"][0] |= {"id": "", "creating": True, "outputs": {}}
    state.write_text(json.dumps(raw))

    assert stack.destroy() == 1
    assert stack.names("queues") == []


def test_header_has_the_imports_that_programs_count_on() -> None:
    assert HEADER.count("\n") == 2  # a test above counts lines
