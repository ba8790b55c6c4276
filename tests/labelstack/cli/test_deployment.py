"""`up`, `down`, `outputs`, and where outputs are found."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from labelstack.errors import DeployError, DestroyError, PulumiMissingError
from tests.labelstack.cli.conftest import Run
from tests.labelstack.cli.fakes import OUTPUTS, FakeBackend


@pytest.fixture
def nothing_runs(backend: FakeBackend) -> FakeBackend:
    backend.running = False
    backend.deployer.deployed.clear()
    return backend


def test_up_starts_a_cloud_that_stays_and_deploys(run: Run, nothing_runs: FakeBackend, tmp_path: Path) -> None:
    done = run("up")
    assert done.exit_code == 0
    assert nothing_runs.started == [(tmp_path / "state" / "embedded", True)]
    assert nothing_runs.deployer.deployed == {"local": OUTPUTS}
    assert not nothing_runs.cloud.stopped


def test_up_shows_each_resource_the_outputs_and_what_to_do_next(run: Run, nothing_runs: FakeBackend) -> None:
    done = run("up")
    assert "+ Bucket" in done.stderr
    assert "2 created" in done.stderr
    assert "the-bucket" in done.stdout
    for command in ("upload", "search", "watch", "down"):
        assert f" {command}" in done.stdout


def test_what_to_do_next_meets_the_same_stack(run: Run, nothing_runs: FakeBackend, tmp_path: Path) -> None:
    shown = run("up", "--stack", "my stack").stdout

    hints = [line for line in shown.splitlines() if " down" in line or " upload " in line or " watch" in line]
    assert len(hints) == 3
    assert all(f"--stack 'my stack' --state-dir {tmp_path / 'state'}" in line for line in hints)


def test_a_second_up_deploys_on_the_running_cloud(run: Run, backend: FakeBackend) -> None:
    done = run("up")
    assert done.exit_code == 0
    assert backend.started == []
    assert "2 unchanged" in done.stderr


def test_up_as_json_prints_the_outputs_alone(run: Run, nothing_runs: FakeBackend) -> None:
    assert json.loads(run("up", "--json").stdout) == OUTPUTS


STAYS = "What is deployed so far stays."


@pytest.mark.parametrize("failure", [DeployError("uploads (aws:s3/bucket:Bucket): TooMany"), KeyboardInterrupt()])
def test_a_failed_first_up_stops_the_cloud_it_started_and_says_that_all_is_gone(
    run: Run, nothing_runs: FakeBackend, failure: DeployError | KeyboardInterrupt
) -> None:
    failure.add_note(STAYS)
    nothing_runs.deployer.failure = failure
    done = run("up")
    assert done.exit_code == (1 if isinstance(failure, DeployError) else 130)
    first, second = done.stderr.splitlines()[-2:]
    assert first in ("error: uploads (aws:s3/bucket:Bucket): TooMany", "stopped.")
    assert "The stack is gone" in second
    assert nothing_runs.cloud.stopped


@pytest.mark.parametrize("cloud", ["embedded", "localstack"])
def test_a_failed_up_leaves_a_cloud_alone_that_ran_before_and_says_what_the_engine_left(
    run: Run, backend: FakeBackend, cloud: str
) -> None:
    failure = DeployError("uploads (aws:s3/bucket:Bucket): TooMany")
    failure.add_note(STAYS)
    backend.deployer.failure = failure
    done = run("up", "--cloud", cloud)
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1] == STAYS
    assert not backend.cloud.stopped


@pytest.mark.parametrize("command", ["up", "down"])
def test_stacks_on_aws_are_pulumi_s(run: Run, backend: FakeBackend, command: str) -> None:
    done = run(command, "--cloud", "aws")
    assert done.exit_code == 1
    assert "pulumi" in done.stderr
    assert backend.connected == []


def test_up_and_down_on_localstack_start_and_stop_nothing(run: Run, nothing_runs: FakeBackend) -> None:
    assert run("up", "--cloud", "localstack").exit_code == 0
    assert nothing_runs.started == []
    assert run("down", "--cloud", "localstack").exit_code == 0
    assert nothing_runs.deployer.deployed == {}
    assert not nothing_runs.cloud.stopped


def test_down_destroys_and_stops(run: Run, backend: FakeBackend) -> None:
    done = run("down")
    assert done.exit_code == 0
    assert backend.deployer.deployed == {}
    assert backend.cloud.stopped


def test_down_where_nothing_runs_is_fine(run: Run, nothing_runs: FakeBackend, tmp_path: Path) -> None:
    record = tmp_path / "state" / "stacks" / "embedded" / "local.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    done = run("down")
    assert done.exit_code == 0
    assert "nothing to stop" in done.stderr
    assert not record.exists()


def test_down_stops_the_cloud_even_if_a_resource_stays(run: Run, backend: FakeBackend) -> None:
    backend.deployer.failure = DestroyError("1 resources could not be removed; try again:\n  a table")
    done = run("down")
    assert done.exit_code == 0
    assert "a table" in done.stderr
    assert backend.cloud.stopped


def test_prints_outputs(run: Run) -> None:
    assert "the-bucket" in run("outputs").stdout
    assert json.loads(run("outputs", "--json").stdout) == OUTPUTS


def test_a_stack_that_is_not_deployed_is_told(run: Run, nothing_runs: FakeBackend) -> None:
    nothing_runs.running = True
    done = run("outputs")
    assert done.exit_code == 1
    assert "labelstack up" in done.stderr


def test_a_hint_meets_the_stack_that_was_asked_for(run: Run, backend: FakeBackend, tmp_path: Path) -> None:
    hint = run("list", "--stack", "other").stderr

    assert f"`labelstack up --stack other --state-dir {tmp_path / 'state'}`" in hint


def test_outputs_of_aws_come_from_pulumi(run: Run, backend: FakeBackend) -> None:
    backend.by_pulumi = {**OUTPUTS, "uploadBucket": "on-aws"}
    done = run("outputs", "--cloud", "aws", "--region", "eu-central-1", "--profile", "work", "--json")
    assert json.loads(done.stdout)["uploadBucket"] == "on-aws"
    assert backend.connected == [("aws", "eu-central-1", "work")]


def test_outputs_of_localstack_come_from_the_engine_first(run: Run, backend: FakeBackend) -> None:
    backend.by_pulumi = {**OUTPUTS, "uploadBucket": "by-pulumi"}
    assert json.loads(run("outputs", "--cloud", "localstack", "--json").stdout) == OUTPUTS


def test_a_named_outputs_file_wins(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps({**OUTPUTS, "uploadBucket": "from-file"}))
    assert "from-file" in run("outputs", "--outputs", file).stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [("{", "not JSON"), ("[]", "must contain a JSON object"), ('{"uploadBucket": "b"}', "resultsTable")],
)
def test_a_wrong_outputs_file_is_told(run: Run, tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "outputs.json"
    file.write_text(content)
    done = run("labels", "--outputs", file)
    assert done.exit_code == 1
    assert said in done.stderr


def test_unknown_outputs_say_how_to_give_them(run: Run, backend: FakeBackend) -> None:
    done = run("labels", "--cloud", "aws")
    assert done.exit_code == 1
    assert "pulumi stack output --json --stack dev" in done.stderr
    assert "--outputs" in done.stderr


def test_up_with_the_pulumi_engine(run: Run, nothing_runs: FakeBackend) -> None:
    assert run("up", "--engine", "pulumi").exit_code == 0
    assert nothing_runs.pulumi.deployed == {"local": OUTPUTS}
    assert nothing_runs.deployer.deployed == {}


def test_without_the_pulumi_cli_nothing_is_started(run: Run, nothing_runs: FakeBackend) -> None:
    nothing_runs.pulumi_missing = PulumiMissingError("the Pulumi engine needs the Pulumi CLI")
    done = run("up", "--engine", "pulumi")
    assert done.exit_code == 1
    assert done.stderr == "error: the Pulumi engine needs the Pulumi CLI\n"
    assert nothing_runs.started == []


@pytest.mark.parametrize("cloud", ["embedded", "localstack"])
def test_down_and_outputs_use_the_engine_that_has_deployed(run: Run, backend: FakeBackend, cloud: str) -> None:
    backend.deployer.deployed.clear()
    backend.pulumi.deployed["local"] = {**OUTPUTS, "uploadBucket": "by-pulumi"}
    assert json.loads(run("outputs", "--cloud", cloud, "--json").stdout)["uploadBucket"] == "by-pulumi"
    assert run("down", "--cloud", cloud).exit_code == 0
    assert backend.pulumi.deployed == {}


@pytest.mark.parametrize("command", ["up", "outputs"])
def test_one_engine_does_not_touch_what_the_other_has_made(run: Run, backend: FakeBackend, command: str) -> None:
    done = run(command, "--engine", "pulumi")
    assert done.exit_code == 1
    assert "was deployed by the in-process engine: destroy it first (labelstack down)" in done.stderr
    assert backend.pulumi.deployed == {}
