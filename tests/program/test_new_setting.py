"""CONTRIBUTING's list for a new setting, followed in a copy of the project: they name all that is needed."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.program.test_contributing import is_named, paths_in, task
from tests.recording import PROJECT

READ = ("api", "component_provider", "components", "docs", "examples", "handlers", "labelstack", "tests", "web")
# The steps of `make generated`, then whether the value reaches functions, then the tests that hold all of it together.
PROGRAM = """
import pytest
from component_provider import schema
from labelstack import reference
from tests.recording import record_stack

schema.write()
reference.write()
recorded = record_stack("dev", {"labelstack:borderPixels": "7"})
variables = [function.inputs["environment"]["variables"] for function in recorded.of("aws:lambda/function:Function")]
assert "7" in [values.get("BORDER_PIXELS") for values in variables]
tests = ["tests/program/test_settings.py", "tests/component_provider/test_schema.py"]
some = "defaults or every_setting or same_settings or committed_schema"
raise SystemExit(pytest.main(["-q", "-p", "no:cacheprovider", "-k", some, *tests]))
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a copy of the files that the program, its tests and the generated files need."""
    for name in READ:
        ignored = shutil.ignore_patterns("__pycache__", ".venv", "node_modules", "*.jpg", Path(__file__).name)
        shutil.copytree(PROJECT / name, tmp_path / name, ignore=ignored)
    for path in (*PROJECT.glob("*.py"), *PROJECT.glob("Pulumi*.yaml"), *PROJECT.glob("*.toml"), *PROJECT.glob("*.md")):
        shutil.copy(path, tmp_path / path.name)
    return tmp_path


def insert(file: Path, before: str, text: str) -> None:
    """Write text before the first place where `before` stands."""
    content = file.read_text()
    assert before in content, f"{file} has no {before!r}"
    file.write_text(content.replace(before, text + before, 1))


def named_in(clone: Path) -> set[str]:
    """Return the files that name the new setting, however they spell it."""
    spelled = re.compile("borderPixels|border_pixels|BORDER_PIXELS")
    texts = {".py", ".md", ".json", ".yaml", ".js"}
    files = (path for path in clone.rglob("*") if path.suffix in texts and path.is_file())
    return {str(path.relative_to(clone)) for path in files if spelled.search(path.read_text())}


def test_a_setting_that_reaches_a_function_is_written_where_the_list_says(clone: Path) -> None:
    listed = paths_in(task("a setting"))
    member = (
        'border_pixels: Annotated[pulumi.Input[int], Field(3, ge=0, le=9), Variable("BORDER_PIXELS")]\n'
        '    """Pixels around a picture that are left out."""\n    '
    )
    insert(clone / "components" / "pipeline.py", "max_labels: Annotated[", member)
    insert(clone / "handlers" / "labelling" / "composition.py", "\n\ndef ", '\n\nBORDER = "BORDER_PIXELS"')
    insert(
        clone / "tests" / "program" / "test_settings.py", '        "maxLabels": 10,\n', '        "borderPixels": 3,\n'
    )
    insert(clone / "tests" / "program" / "test_settings.py", '    "maxLabels": 7,\n', '    "borderPixels": 7,\n')

    # The copy comes before the installed project on Python's path.
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=clone, capture_output=True, text=True, timeout=240, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    named = named_in(clone)
    assert named == {
        "components/pipeline.py",
        "handlers/labelling/composition.py",
        "tests/program/test_settings.py",
        "component_provider/schema.json",
        "docs/settings.md",
    }
    assert [file for file in named if not is_named(file, listed)] == []
