"""What the functions' zips hold is all that they import."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from components.packaging import Package
from tests.recording import PROJECT, record_stack

IN_LAMBDAS_RUNTIME = {"boto3", "botocore"}
DISTRIBUTIONS = {"PIL": "pillow", "pillow_heif": "pillow-heif", "aws_lambda_powertools": "aws-lambda-powertools"}
FUNCTIONS = ("process_image", "record_failure")


@pytest.fixture(params=FUNCTIONS)
def package(request: pytest.FixtureRequest, packages: list[Package]) -> Package:
    """What the program asks for as a function's zip."""
    record_stack("prod")
    (found,) = [package for package in packages if package.packages[0] == f"handlers/{request.param}"]
    return found


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


def test_handler_is_there(package: Package) -> None:
    assert (PROJECT / package.packages[0] / "handler.py").is_file()


def test_holds_every_module_of_the_project_that_it_imports(package: Package) -> None:
    files, _ = reached(f"{package.packages[0].replace('/', '.')}.handler")

    folders = [PROJECT / name for name in package.packages]
    outside = [path for path in files if not any(path.is_relative_to(folder) for folder in folders)]
    assert len(files) > 1
    assert outside in ([], [PROJECT / "handlers" / "__init__.py"])


def test_locks_every_library_that_it_imports(package: Package) -> None:
    _, others = reached(f"{package.packages[0].replace('/', '.')}.handler")

    assert package.requirements is not None
    lock = (PROJECT / package.requirements).read_text()
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
