"""Parts of the engine that need no cloud."""

from __future__ import annotations

import zipfile
from io import BytesIO
from pathlib import Path

import boto3
import pulumi
import pytest

from labelstack.engines import archives, configuration, requests
from labelstack.engines.answers import property_at_fault
from labelstack.engines.configuration import Project
from labelstack.engines.inputs import Inputs
from labelstack.engines.provisioners import find
from labelstack.errors import DeployError, ProgramError


def test_unread_properties_are_unused() -> None:
    inputs = Inputs({"a": 1, "b": {"c": 2, "d": 3}, "e": [{"f": 4}, {"f": 5, "g": 6}], "absent": None})

    inputs.get("a")
    nested = inputs.object("b")
    assert nested is not None
    nested.get("c")
    for item in inputs.objects("e"):
        item.get("f")

    assert inputs.unused() == ["b.d", "e[1].g"]


def test_taking_a_property_whole_uses_all_of_it() -> None:
    inputs = Inputs({"tags": {"a": "b"}})
    inputs.get("tags")

    assert inputs.unused() == []


def test_missing_property_is_named_with_its_path() -> None:
    nested = Inputs({"b": {}}).object("b")
    assert nested is not None

    with pytest.raises(DeployError, match=r"b\.c is required") as caught:
        nested.require("c")

    assert caught.value.property == "b.c"


def test_text_in_place_of_an_object_is_told() -> None:
    with pytest.raises(DeployError, match=r"property b: expected an object"):
        Inputs({"b": "text"}).object("b")


def test_request_takes_what_the_api_knows_and_leaves_the_rest_unused() -> None:
    client = boto3.client("lambda", region_name="us-east-1")
    inputs = Inputs(
        {"memorySize": 256, "environment": {"variables": {"A": 1}}, "tracingConfig": {"mode": "Active"}, "shoeSize": 43}
    )

    built = requests.structure(inputs, requests.shape_of(client, "CreateFunction"))

    assert built == {
        "MemorySize": 256,
        "Environment": {"Variables": {"A": "1"}},
        "TracingConfig": {"Mode": "Active"},
    }
    assert inputs.unused() == ["shoeSize"]


def test_request_of_the_wrong_type_names_the_property() -> None:
    client = boto3.client("lambda", region_name="us-east-1")

    with pytest.raises(DeployError, match="property memorySize: expected a value of type integer") as caught:
        requests.structure(Inputs({"memorySize": {"much": True}}), requests.shape_of(client, "CreateFunction"))

    assert caught.value.property == "memorySize"


def test_archive_depends_on_neither_time_nor_order(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "package").mkdir(parents=True)
    (tmp_path / "one" / "b.py").write_text("b")
    (tmp_path / "one" / "package" / "a.py").write_text("a")
    (tmp_path / "two" / "package" / "a.py").write_text("a")
    (tmp_path / "two" / "b.py").write_text("b")

    first, two = (archives.archive_bytes(pulumi.FileArchive(str(tmp_path / name))) for name in ("one", "two"))

    assert first == two
    assert zipfile.ZipFile(BytesIO(first)).namelist() == ["b.py", "package/a.py"]


def test_assets_of_an_archive_are_in_the_zip(tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("file")
    archive = pulumi.AssetArchive(
        {
            "m.py": pulumi.StringAsset("text"),
            "folder": pulumi.FileArchive(str(tmp_path)),
            "f": pulumi.FileAsset(str(tmp_path / "file.txt")),
        }
    )

    packed = zipfile.ZipFile(BytesIO(archives.archive_bytes(archive)))

    assert {name: packed.read(name) for name in packed.namelist()} == {
        "f": b"file",
        "folder/file.txt": b"file",
        "m.py": b"text",
    }


def test_record_has_digests_in_place_of_files() -> None:
    first, second = (archives.without_assets({"code": [pulumi.StringAsset(text)]}) for text in ("one", "two"))

    assert first["code"][0].startswith("sha256:")
    assert first != second


@pytest.mark.parametrize(
    ("answer", "property"),
    [
        ("CreateFunction answered ValidationException: Value 'x' at 'timeout' failed", "timeout"),
        ("CreateQueue answered InvalidAttributeValue: Invalid value for DelaySeconds", "nested.delaySeconds"),
        ("CreateFunction answered InvalidParameterValueException: no role arn:aws:iam::1:role/x", "role"),
        ("CreateFunction answered InternalError: try again", None),
    ],
)
def test_property_at_fault_is_named_or_quoted(answer: str, property: str | None) -> None:
    inputs = {"timeout": 3, "role": "arn:aws:iam::1:role/x", "nested": {"delaySeconds": 1}, "name": "function-1"}

    assert property_at_fault(inputs, answer) == property


def test_configuration_is_read_as_pulumi_reads_it(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text(
        "name: p\nruntime: {name: python}\nconfig:\n  a: 1\n  b: {type: integer, default: 2}\n  c: {value: 3}\n  d: 4\n"
    )
    (tmp_path / "Pulumi.s.yaml").write_text("config:\n  p:c: [x, y]\n  p:d: true\n  aws:region: eu-west-1\n")

    values = configuration.read(Project.read(tmp_path), "s", {"aws:region": "us-east-1", "p:d": "cloud"}, {"d": "own"})

    assert values == {"p:a": "1", "p:b": "2", "p:c": '["x", "y"]', "p:d": "own", "aws:region": "us-east-1"}


def test_project_in_another_language_is_told(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: p\nruntime: nodejs\n")

    with pytest.raises(ProgramError, match="Python programs only"):
        Project.read(tmp_path)


def test_every_type_of_the_design_has_a_provisioner() -> None:
    tokens = {
        "aws:s3/bucket:Bucket",
        "aws:sqs/queue:Queue",
        "aws:dynamodb/table:Table",
        "aws:iam/role:Role",
        "aws:lambda/function:Function",
        "aws:lambda/eventSourceMapping:EventSourceMapping",
        "aws:cloudwatch/logGroup:LogGroup",
    }
    assert [token for token in tokens if find(token) is None] == []
