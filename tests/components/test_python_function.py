"""PythonFunction alone."""

import zipfile
from pathlib import Path
from typing import Any, cast

import pulumi
import pytest

from components.errors import InvalidArgumentError
from components.policies import Statement
from components.python_function import PythonFunction, PythonFunctionArgs
from tests.recording import ACCOUNT, REGION, Record, once, record

NAME = "labels-0a1b2c3"
LOGS_ARN = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{NAME}"


@once
def record_function(sources: Path, name: str = "labels", **arguments: Any) -> Record:
    args: dict[str, Any] = {
        "source_dir": sources,
        "packages": ["handlers/results"],
        "handler": "handlers.results.handle",
    }
    return record(lambda: PythonFunction(name, cast(PythonFunctionArgs, args | arguments)))


def test_has_the_settings_given(sources: Path) -> None:
    recorded = record_function(
        sources,
        runtime="python3.14",
        architecture="x86_64",
        memory_mb=300,
        timeout_seconds=9,
        environment={"TABLE": "results"},
        description="Does it.",
    )

    inputs = dict(recorded.single("aws:lambda/function:Function").inputs)
    del inputs["code"]
    assert inputs == {
        "name": NAME,
        "description": "Does it.",
        "role": f"arn:aws:iam::{ACCOUNT}:role/{NAME}",
        "handler": "handlers.results.handle",
        "runtime": "python3.14",
        "architectures": ["x86_64"],
        "memorySize": 300,
        "timeout": 9,
        "environment": {"variables": {"TABLE": "results"}},
        "tags": {"project": "labelstack", "stack": "test", "component": "labels"},
    }


def test_defaults_to_arm_and_a_current_python(sources: Path) -> None:
    inputs = record_function(sources).single("aws:lambda/function:Function").inputs

    assert (inputs["architectures"], inputs["runtime"]) == (["arm64"], "python3.13")


def test_code_is_a_zip_kept_below_the_sources(sources: Path) -> None:
    code = record_function(sources).single("aws:lambda/function:Function").inputs["code"]

    assert isinstance(code, pulumi.FileArchive)
    assert Path(code.path).parent == sources / ".labelstack" / "packages"
    assert zipfile.ZipFile(code.path).namelist() == ["handlers/__init__.py", "handlers/results/__init__.py"]


def test_builds_where_it_is_told(sources: Path, tmp_path: Path) -> None:
    code = record_function(sources, build_dir=tmp_path / "zips").single("aws:lambda/function:Function").inputs["code"]

    assert Path(code.path).parent == tmp_path / "zips"


def test_role_may_log_to_its_own_group_and_do_what_it_is_told(sources: Path) -> None:
    recorded = record_function(sources, statements=[Statement(["sqs:DeleteMessage"], ["arn:aws:sqs:eu-central-1:1:q"])])

    policy = recorded.single("aws:iam/rolePolicy:RolePolicy")
    assert policy.inputs["role"] == NAME
    assert policy.policy()["Statement"] == [
        {"Effect": "Allow", "Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": f"{LOGS_ARN}:*"},
        {"Effect": "Allow", "Action": ["sqs:DeleteMessage"], "Resource": "arn:aws:sqs:eu-central-1:1:q"},
    ]


def test_only_lambda_takes_the_role(sources: Path) -> None:
    (statement,) = record_function(sources).single("aws:iam/role:Role").policy("assumeRolePolicy")["Statement"]

    assert (statement["Principal"], statement["Action"]) == ({"Service": "lambda.amazonaws.com"}, ["sts:AssumeRole"])


def test_log_group_with_retention_is_there_before_the_function(sources: Path) -> None:
    recorded = record_function(sources, log_retention_days=5)

    group = recorded.single("aws:cloudwatch/logGroup:LogGroup")
    assert (group.inputs["name"], group.inputs["retentionInDays"]) == (f"/aws/lambda/{NAME}", 5)
    assert {"labels-logs", "labels-policy"} <= recorded.single("aws:lambda/function:Function").dependencies


def test_refuses_a_name_too_long_for_its_role(sources: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=r"PythonFunction n+: name is .*: expected 56 characters or fewer"):
        record_function(sources, name="n" * 57)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"requirements": "locks.txt"}, r'requirements is "locks\.txt": expected a lock in '),
        ({"packages": ["handlers/lable"]}, r'packages is "handlers/lable": expected a folder in '),
    ],
)
def test_refuses_sources_that_are_not_there(sources: Path, arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InvalidArgumentError, match=f"PythonFunction labels: {sentence}"):
        record_function(sources, **arguments)
