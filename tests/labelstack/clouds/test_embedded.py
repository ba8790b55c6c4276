"""The embedded cloud as processes: start, stop, attach, and the state after a process dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from labelstack.clouds import EmbeddedCloud
from labelstack.clouds.processes import ProcessId, start_time
from labelstack.errors import CloudNotRunningError, CloudRunningError, CloudStartError
from tests.labelstack.clouds.conftest import Deploy, processes_of, wait_until

ROOT = Path(__file__).resolve().parents[3]
# Starts a cloud in the folder it is given, says so, and does nothing more.
HOLDER = """
import sys, time
from pathlib import Path
from labelstack.clouds import EmbeddedCloud
EmbeddedCloud.start(Path(sys.argv[1]), rekognition=False, detach=sys.argv[2] == "detach")
print("started", flush=True)
time.sleep(float(sys.argv[3]))
"""


def hold(folder: Path, how: str, seconds: float) -> subprocess.Popen[str]:
    """Start a cloud in another process."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), how, str(seconds)],
        env={"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "started\n"
    process.stdout.close()
    return process


def main_process(folder: Path) -> int:
    """Return the pid of ministack, by the cloud's record."""
    return int(json.loads((folder / "cloud.json").read_text())["processes"]["ministack"]["pid"])


def test_answers_as_the_account_s_root(cloud: EmbeddedCloud) -> None:
    identity = cloud.client("sts").get_caller_identity()

    assert identity["Account"] == "000000000000"
    assert identity["Arn"].endswith(":root")


def test_dictates_what_a_stack_on_it_needs(cloud: EmbeddedCloud) -> None:
    config = cloud.stack_config()

    assert config["labelstack:runtime"] == f"python3.{sys.version_info.minor}"
    assert config["labelstack:architecture"] in ("x86_64", "arm64")
    assert config["aws:region"] == cloud.region
    assert "labelstack:rekognitionEndpoint" not in config  # it was started without


def test_environment_lets_the_sdk_reach_it(cloud: EmbeddedCloud) -> None:
    assert cloud.environment()["AWS_ENDPOINT_URL"] == cloud.endpoint_url


def test_stop_leaves_the_logs_and_nothing_else_and_may_be_repeated(tmp_path: Path) -> None:
    with EmbeddedCloud.start(tmp_path) as cloud:
        assert processes_of(tmp_path)
        assert cloud.stack_config()["labelstack:rekognitionEndpoint"] == cloud.endpoint_url
        cloud.stop()

    assert processes_of(tmp_path) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lock", "logs"]
    assert sorted(path.name for path in cloud.log_folder.iterdir()) == ["ministack.log", "rekognition.log"]


def test_refuses_a_second_one_in_a_folder(cloud: EmbeddedCloud) -> None:
    with pytest.raises(CloudRunningError, match=r"runs in .* already"):
        EmbeddedCloud.start(cloud.folder)

    assert cloud.client("s3").list_buckets()["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_start_error_names_the_log_and_shows_its_end(tmp_path: Path) -> None:
    with pytest.raises(CloudStartError) as caught:
        EmbeddedCloud.start(tmp_path, rekognition_arguments=["--no-such-option"])

    assert caught.value.log == tmp_path / "logs" / "rekognition.log"
    assert str(caught.value.log) in str(caught.value)
    assert "--no-such-option" in str(caught.value)
    assert processes_of(tmp_path) == []
    assert not (tmp_path / "run").exists()


def test_attach_finds_one(cloud: EmbeddedCloud) -> None:
    attached = EmbeddedCloud.attach(cloud.folder)

    assert attached.endpoint_url == cloud.endpoint_url
    assert attached.instance == cloud.instance


def test_attach_without_one_says_how_to_start_it(tmp_path: Path) -> None:
    with pytest.raises(CloudNotRunningError, match="labelstack up"):
        EmbeddedCloud.attach(tmp_path)


def test_attach_to_a_dead_one_shows_the_log_and_clears_up(tmp_path: Path) -> None:
    with EmbeddedCloud.start(tmp_path, rekognition=False):
        os.killpg(main_process(tmp_path), signal.SIGKILL)
        wait_until("its end", lambda: not start_time(main_process(tmp_path)))

        with pytest.raises(CloudNotRunningError, match=r"has died \(ministack\)") as caught:
            EmbeddedCloud.attach(tmp_path)

    assert "ministack.log" in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_stale_record_with_a_pid_used_again_harms_nobody(tmp_path: Path) -> None:
    record = {
        "instance": "old",
        "endpoint_url": "http://127.0.0.1:9",
        "rekognition_url": "",
        "sites_url": "http://127.0.0.1:9",
        "processes": {"ministack": {"pid": os.getpid(), "started": "1"}},
    }
    (tmp_path / "cloud.json").write_text(json.dumps(record))

    with EmbeddedCloud.start(tmp_path, rekognition=False) as cloud:  # we are still here
        assert cloud.instance != "old"


def test_one_of_another_version_is_ended_and_not_left_behind(tmp_path: Path) -> None:
    with EmbeddedCloud.start(tmp_path, rekognition=False):
        record = json.loads((tmp_path / "cloud.json").read_text())
        del record["sites_url"]
        (tmp_path / "cloud.json").write_text(json.dumps(record))

        with pytest.raises(CloudNotRunningError, match="another version"):
            EmbeddedCloud.attach(tmp_path)

        assert processes_of(tmp_path) == []


def test_damaged_record_is_no_running_cloud(tmp_path: Path) -> None:
    (tmp_path / "cloud.json").write_text("{")

    with pytest.raises(CloudNotRunningError):
        EmbeddedCloud.attach(tmp_path)


def test_process_is_recognised_by_its_start_too() -> None:
    assert ProcessId(os.getpid(), start_time(os.getpid())).is_alive()
    assert not ProcessId(os.getpid(), "1").is_alive()


def test_ends_when_the_process_that_started_it_is_killed(tmp_path: Path) -> None:
    holder = hold(tmp_path, "attached", 60)
    assert len(processes_of(tmp_path)) >= 2

    holder.kill()
    holder.wait()

    wait_until("the cloud's end", lambda: not processes_of(tmp_path))


def test_detached_outlives_the_process_that_started_it_until_another_stops_it(tmp_path: Path) -> None:
    holder = hold(tmp_path, "detach", 0)
    assert holder.wait(60) == 0

    attached = EmbeddedCloud.attach(tmp_path)
    assert attached.client("s3").list_buckets()["Buckets"] == []
    attached.stop()

    assert processes_of(tmp_path) == []


def test_stop_ends_functions_that_hang(tmp_path: Path, deploy: Deploy) -> None:
    with EmbeddedCloud.start(tmp_path, rekognition=False) as cloud:
        source = "import signal, time\ndef handle(event, context):\n"
        source += "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n    time.sleep(60)\n"
        name = deploy(source, on=cloud, Timeout=60)
        cloud.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
        wait_until("a worker", lambda: len(processes_of(tmp_path / "run" / "function-runtime")) >= 2)

    assert processes_of(tmp_path) == []


def test_orphaned_functions_are_ended_by_the_next_start(tmp_path: Path, deploy: Deploy) -> None:
    with EmbeddedCloud.start(tmp_path, rekognition=False) as cloud:
        asleep = tmp_path / "asleep"
        source = "import pathlib, time\ndef handle(event, context):\n"
        source += f"    pathlib.Path({str(asleep)!r}).touch()\n    time.sleep(60)\n"
        name = deploy(source, on=cloud, Timeout=60)
        cloud.client("lambda").invoke(FunctionName=name, InvocationType="Event", Payload=b"{}")
        wait_until("the function", asleep.exists)
        os.kill(main_process(tmp_path), signal.SIGKILL)
        wait_until("ministack's end", lambda: not start_time(main_process(tmp_path)))
        assert processes_of(tmp_path)  # the function sleeps on

        with EmbeddedCloud.start(tmp_path, rekognition=False) as second:
            assert second.instance != cloud.instance

    assert processes_of(tmp_path) == []
