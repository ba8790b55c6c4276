"""CI's own files: what actions are pinned to, what jobs may do, and for how long. `make check` knows their schemas."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from labelstack.engines.automation.cli import CLI_VERSION
from tests.recording import PROJECT

WORKFLOWS = sorted((PROJECT / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: [\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


@pytest.fixture(params=WORKFLOWS, ids=lambda file: file.name)
def file(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


@pytest.fixture
def workflow(file: Path) -> dict[Any, Any]:
    parsed: dict[Any, Any] = yaml.safe_load(file.read_text())
    return parsed


def test_there_are_workflows() -> None:
    assert WORKFLOWS


def test_every_action_is_pinned_to_a_commit_and_tells_its_version(file: Path) -> None:
    uses = [line.strip().removeprefix("- ") for line in file.read_text().splitlines() if "uses:" in line]
    assert uses
    assert [line for line in uses if not PINNED.match(line)] == []


def test_one_action_has_one_version(file: Path) -> None:
    pins = re.findall(r"uses: (\S+)@([0-9a-f]{40})", file.read_text())
    assert len({action for action, _ in pins}) == len(set(pins))


# Rights of a job beside reading: CI's preview takes a role by OIDC, and a release is made.
MORE = {
    "ci.yml": {"preview": {"contents": "read", "id-token": "write"}},
    "release.yml": {"attach": {"contents": "write"}},
}


def test_jobs_may_read_only_unless_they_say_more(file: Path, workflow: dict[Any, Any]) -> None:
    assert workflow["permissions"] == {"contents": "read"}
    more = {name: job["permissions"] for name, job in workflow["jobs"].items() if "permissions" in job}
    assert more == MORE[file.name]


def test_every_job_ends_and_keeps_no_token(workflow: dict[Any, Any]) -> None:
    for job in workflow["jobs"].values():
        assert 0 < job["timeout-minutes"] <= 60
        checkouts = [step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@")]
        assert [checkout["with"]["persist-credentials"] for checkout in checkouts] in ([False], [])
        # A job that may write runs none of the repository's code.
        assert bool(checkouts) is (job.get("permissions", {}).get("contents") != "write")


def test_a_release_attaches_the_wheel_that_labelled_a_picture() -> None:
    jobs = yaml.safe_load((PROJECT / ".github" / "workflows" / "release.yml").read_text())["jobs"]
    commands = [step.get("run", "") for step in jobs["wheel"]["steps"]]
    (tried,) = (place for place, command in enumerate(commands) if "integration_tests/test_wheel.py" in command)
    assert commands.index("make wheel") < tried < len(commands) - 1
    assert jobs["wheel"]["steps"][-1]["with"]["path"] == "dist/*.whl"
    assert jobs["attach"]["needs"] == "wheel"
    assert jobs["attach"]["steps"][-1]["run"].startswith('gh release create "$GITHUB_REF_NAME" ./*.whl')


def test_what_has_secrets_or_a_role_never_runs_code_of_a_fork(workflow: dict[Any, Any]) -> None:
    for job in workflow["jobs"].values():
        if "secrets." in yaml.safe_dump(job) or "id-token" in job.get("permissions", {}):
            assert "github.event.pull_request.head.repo.full_name == github.repository" in job["if"]
            assert "vars.AWS_ROLE_ARN != ''" in job["if"]
    assert "pull_request_target" not in workflow[True]  # YAML 1.1 takes the key `on` for true


def test_ci_runs_the_documented_commands_on_every_python() -> None:
    jobs = yaml.safe_load((PROJECT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    commands = {name: [step["run"] for step in job["steps"] if "run" in step] for name, job in jobs.items()}
    assert commands["check"] == ["make check", "make actionlint", "make prose"]
    assert commands["test"][-1] == "make test"
    assert commands["localstack"] == ["make localstack-test"]
    assert commands["compose"] == ["make compose-test"]
    assert commands["pulumi"][-1] == "make pulumi-test CLOUD=${{ matrix.cloud }}"
    assert jobs["pulumi"]["strategy"]["matrix"]["cloud"] == ["localstack", "embedded"]
    assert jobs["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13", "3.14"]


def test_ci_installs_the_pinned_pulumi() -> None:
    jobs = yaml.safe_load((PROJECT / ".github" / "workflows" / "ci.yml").read_text())["jobs"]
    installs = [
        step["with"]["pulumi-version"]
        for job in jobs.values()
        for step in job["steps"]
        if step.get("uses", "").startswith("pulumi/actions@")
    ]
    assert installs == [str(CLI_VERSION)] * 2
