"""What the functions' zips hold is all that they import."""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from components.packaging import Package
from tests.recording import PROJECT, record_stack

IN_LAMBDAS_RUNTIME = {"boto3", "botocore"}
DISTRIBUTIONS = {"PIL": "pillow", "pillow_heif": "pillow-heif", "aws_lambda_powertools": "aws-lambda-powertools"}
# Of each function: its folder, and the module of its handler.
QUEUE = ("process_image.handler", "record_failure.handler")
WORKFLOW = tuple(f"workflow.{step}" for step in ("start", "inspect", "recognise", "store", "fail", "notify"))


@dataclass(frozen=True)
class Zipped:
    """A function's handler and what the program asks for as its zip."""

    entry: str
    package: Package


@pytest.fixture(scope="module", params=[*QUEUE, *WORKFLOW])
def zipped(request: pytest.FixtureRequest) -> Zipped:
    """Each function."""
    pipeline = "workflow" if request.param in WORKFLOW else "queue"
    recorded = record_stack("prod", {"labelstack:pipeline": pipeline})
    entry = f"handlers.{request.param}"
    functions = recorded.of("aws:lambda/function:Function")
    assert [one for one in functions if one.inputs["handler"] == f"{entry}.handle"]
    folder = "/".join(entry.split(".")[:2])
    # Of one folder's functions some have more libraries than others.
    pictures = request.param in ("workflow.inspect", "workflow.recognise", "workflow.store")
    locks = {"handlers/process_image/requirements.txt"} if pictures else {"handlers/record_failure/requirements.txt"}
    found = [one for one in recorded.packages if one.packages[0] == folder]
    if folder == "handlers/workflow":
        found = [one for one in found if one.requirements in locks]
    return Zipped(entry, found[0])


def imported(path: Path) -> Iterator[str]:
    """The modules that a file imports when it runs, not those for type checkers alone."""
    tree = ast.parse(path.read_text())
    for_types = {
        id(node)
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test)
        for statement in block.body
        for node in ast.walk(statement)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def reached(entry: str) -> tuple[set[Path], set[str]]:
    """The project's files, and the top-level modules of others, that an entry module imports."""
    files, others, waiting = set(), set(), [entry]
    while waiting:
        module = waiting.pop()
        if module.split(".")[0] != "handlers":
            others.add(module.split(".")[0])
            continue
        stem = PROJECT.joinpath(*module.split("."))
        for path in (stem.with_suffix(".py"), stem / "__init__.py", stem.parent / "__init__.py"):
            if path.is_file() and path not in files:
                files.add(path)
                waiting += imported(path)
    return files, others


def test_handler_is_there(zipped: Zipped) -> None:
    assert PROJECT.joinpath(*zipped.entry.split(".")).with_suffix(".py").is_file()


def test_holds_every_module_of_the_project_that_it_imports(zipped: Zipped) -> None:
    files, _ = reached(zipped.entry)

    folders = [PROJECT / name for name in zipped.package.packages]
    outside = [path for path in files if not any(path.is_relative_to(folder) for folder in folders)]
    assert len(files) > 1
    assert outside in ([], [PROJECT / "handlers" / "__init__.py"])


def test_locks_every_library_that_it_imports(zipped: Zipped) -> None:
    _, others = reached(zipped.entry)

    assert zipped.package.requirements is not None
    lock = (PROJECT / zipped.package.requirements).read_text()
    locked = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    libraries = others - set(sys.stdlib_module_names) - IN_LAMBDAS_RUNTIME
    assert {DISTRIBUTIONS[library] for library in libraries} <= locked
    assert "aws-lambda-powertools" in locked


def test_lock_of_a_platform_differs_in_what_its_own_file_names() -> None:
    folder = PROJECT / "handlers" / "process_image"
    pin = re.compile(r"^([a-z0-9-]+==\S+)", re.MULTILINE)
    usual, own = (
        set(pin.findall((folder / f"{name}.txt").read_text()))
        for name in ("requirements", "requirements-python3.11-x86_64")
    )

    assert own - usual == set(pin.findall((folder / "requirements-python3.11-x86_64.in").read_text()))
    assert len(own) == len(usual)
