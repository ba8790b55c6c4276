"""CONTRIBUTING's lists: the files that they name exist, and an example of each task is in no other file."""

import re
from pathlib import Path

import pytest

from tests.recording import PROJECT

PAGE = (PROJECT / "CONTRIBUTING.md").read_text()
SOURCES = ("api", "component_provider", "components", "handlers", "labelstack", "rekognition_local", "web")
KINDS = {".py", ".yaml", ".json", ".js", ".md"}
# The name of each task's example, as the code has it.
EXAMPLES = {
    "a route": r"/relabel\b|relabelImage",
    "a detector": r"(?i)detect_?moderation_?labels",
    "a resource": r"sns/topicPolicy:|sns\.TopicPolicy",
    "a command": r"^def export\b|cli\.export\b",
}


def task(name: str) -> str:
    """Return the list of a task: what stands between its heading and the next."""
    parts = re.split(r"^### (.+)$", PAGE, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))[name]


def paths_in(text: str) -> list[str]:
    """Return the files and folders of the project that a text names as code."""
    top = {path.name for path in PROJECT.iterdir()}
    return [code for code in re.findall(r"`([\w./<>-]+)`", text) if code.partition("/")[0] in top]


def sources() -> list[Path]:
    return [path for folder in SOURCES for path in (PROJECT / folder).rglob("*") if path.suffix in KINDS]


def is_named(file: str, names: list[str]) -> bool:
    """Return whether one of the names is the file, a folder above it, or a pattern such as `handlers/api_<duty>/`."""
    patterns = [re.sub(r"<\w+>", r"\\w+", name) + (".*" if name.endswith("/") else "") for name in names]
    return any(re.fullmatch(pattern, file) for pattern in patterns)


def test_named_files_exist() -> None:
    names = [name for name in paths_in(PAGE) if "<" not in name]

    assert len(names) > 80
    assert [name for name in names if not (PROJECT / name).exists()] == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_list_names_every_file_that_its_example_is_in(name: str) -> None:
    pattern = re.compile(EXAMPLES[name], re.MULTILINE)
    files = [str(path.relative_to(PROJECT)) for path in sources() if pattern.search(path.read_text())]

    assert len(files) > 1
    assert [file for file in files if not is_named(file, paths_in(task(name)))] == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_a_list_ends_with_a_command_and_tests_that_exist(name: str) -> None:
    (command,) = re.findall(r"^Try it: `(.+?)`", task(name), re.MULTILINE)
    tests = [word for word in command.split() if "tests/" in word]

    assert tests
    assert [path for path in tests if not (PROJECT / path).exists()] == []
