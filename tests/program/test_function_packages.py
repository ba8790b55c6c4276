"""The functions' zips hold all that the functions import."""

import ast
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from components.packaging import Package
from tests.recording import PROJECT, record_stack

IN_LAMBDAS_RUNTIME = {"boto3", "botocore"}
DISTRIBUTIONS = {"PIL": "pillow", "pillow_heif": "pillow-heif", "aws_lambda_powertools": "aws-lambda-powertools"}
# Of each function: its folder, the module of its handler, and its name there.
QUEUE = ("process_image.handler.handle", "record_failure.handler.handle", "make_previews.handler.handle")
WORKFLOW = tuple(f"workflow.handler.{step}" for step in ("start", "inspect", "recognise", "store", "fail", "notify"))
LOOK_AT_PICTURES = (
    "process_image.handler.handle",
    "make_previews.handler.handle",
    *(f"workflow.handler.{step}" for step in ("inspect", "recognise", "store")),
)


@dataclass(frozen=True)
class Zipped:
    """A function's handler, and the package of its zip."""

    entry: str
    package: Package
    looks_at_pictures: bool


@pytest.fixture(scope="module", params=[*QUEUE, *WORKFLOW])
def zipped(request: pytest.FixtureRequest) -> Zipped:
    """Return each function."""
    pipeline = "workflow" if request.param in WORKFLOW else "queue"
    recorded = record_stack("prod", {"labelstack:pipeline": pipeline})
    entry = f"handlers.{request.param}"
    functions = recorded.of("aws:lambda/function:Function")
    assert [function for function in functions if function.inputs["handler"] == entry]
    folder = "/".join(entry.split(".")[:2])
    # Of one folder's functions some have more libraries than others.
    pictures = request.param in LOOK_AT_PICTURES
    locks = {"handlers/process_image/requirements.txt"} if pictures else {"handlers/record_failure/requirements.txt"}
    packages = [package for package in recorded.packages if package.packages[0] == folder]
    if folder == "handlers/workflow":
        packages = [package for package in packages if package.requirements in locks]
    return Zipped(entry.rpartition(".")[0], packages[0], pictures)


@cache
def imported(path: Path, module: str, *, calls: bool) -> Sequence[str]:
    """Return what a file imports when it runs, not for type checkers alone; with `calls`, later imports too."""
    tree = ast.parse(path.read_text())
    left_out = {
        id(node)
        for block in ast.walk(tree)
        if (isinstance(block, ast.If) and "TYPE_CHECKING" in ast.dump(block.test))
        or (isinstance(block, ast.FunctionDef) and not calls)
        for statement in block.body
        for node in ast.walk(statement)
    }
    package = module.split(".") if path.name == "__init__.py" else module.split(".")[:-1]
    modules: list[str] = []
    for node in ast.walk(tree):
        if id(node) in left_out:
            continue
        if isinstance(node, ast.Import):
            modules += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            modules += (source, *(f"{source}.{alias.name}" for alias in node.names))
    return modules


def reached(entry: str, *, calls: bool = True) -> tuple[set[Path], set[str]]:
    """Return the project's files, and the top-level modules of others, that an entry module imports."""
    files, others, waiting = set(), set(), [entry]
    while waiting:
        module = waiting.pop()
        if module.split(".")[0] != "handlers":
            others.add(module.split(".")[0])
            continue
        stem = PROJECT.joinpath(*module.split("."))
        parent = module.rpartition(".")[0]
        for path, name in (
            (stem.with_suffix(".py"), module),
            (stem / "__init__.py", module),
            (stem.parent / "__init__.py", parent),
        ):
            if path.is_file() and path not in files:
                files.add(path)
                waiting += imported(path, name, calls=calls)
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
    # Packages that a function imports only to look at a picture; the other functions need not have them.
    _, others = reached(zipped.entry, calls=zipped.looks_at_pictures)

    assert zipped.package.requirements is not None
    lock = (PROJECT / zipped.package.requirements).read_text()
    locked = set(re.findall(r"^([a-z0-9-]+)==", lock, re.MULTILINE))
    libraries = others - set(sys.stdlib_module_names) - IN_LAMBDAS_RUNTIME
    assert {DISTRIBUTIONS[library] for library in libraries} <= locked
    assert "aws-lambda-powertools" in locked


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_lock_of_a_platform_differs_in_what_its_own_file_names(architecture: str) -> None:
    folder = PROJECT / "handlers" / "process_image"
    pin = re.compile(r"^([a-z0-9-]+==\S+)", re.MULTILINE)
    usual, own = (
        set(pin.findall((folder / f"{name}.txt").read_text()))
        for name in ("requirements", f"requirements-python3.11-{architecture}")
    )

    assert own - usual == set(pin.findall((folder / f"requirements-python3.11-{architecture}.in").read_text()))
    assert len(own) == len(usual)
