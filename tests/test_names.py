"""Names of values say what they hold. The words below do not."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
EMPTY = frozenset({"one", "made", "found", "told", "given", "seen", "wanted", "asked", "held"})
FOLDERS = (
    "benchmarks", "component_provider", "components", "compose_tests", "examples", "handlers", "integration_tests",
    "labelstack", "rekognition_local", "tests",
)  # fmt: skip
WORD = "|".join(sorted(EMPTY))
# Declarations, parameters and destructured members; a comment or a text has none of these forms.
IN_JAVASCRIPT = re.compile(
    rf"\b(?:const|let|function)\s+(?:[\w, ]+, )?({WORD})\b|\(({WORD})(?:, \w+)*\) =>|\b({WORD}) =>|"
    rf"\(\w+, ({WORD})(?: =|\))|\[\w+, ({WORD})\] (?:of|=)|: ({WORD}) \}} ="
)


def names_bound_in(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield each name that a module gives to a value, a parameter, a function or an attribute, with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, node.lineno
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()) | ast.arg(arg=name):
                yield name, node.lineno
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name, node.lineno
            case ast.alias(asname=str(name)):
                yield name, node.lineno


def python_files() -> Iterator[Path]:
    yield from PROJECT.glob("*.py")
    for folder in FOLDERS:
        yield from (path for path in (PROJECT / folder).rglob("*.py") if "node_modules" not in path.parts)


def test_names_in_python_say_what_values_hold() -> None:
    empty = [
        f"{path.relative_to(PROJECT)}:{line}: {name}"
        for path in python_files()
        for name, line in ((path.stem, 0), *names_bound_in(ast.parse(path.read_bytes())))
        if name.strip("_") in EMPTY
    ]

    assert not empty, "name what the value holds"


def test_names_in_javascript_say_what_values_hold() -> None:
    empty = [
        f"{path.name}:{number}: {match[0]}"
        for path in (PROJECT / "web" / "js").glob("*.js")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        for match in IN_JAVASCRIPT.finditer(line)
    ]

    assert not empty, "name what the value holds"


def test_bindings_of_every_kind_are_looked_at() -> None:
    python = "def f(one): ...\nfor found in (): ...\ntry: ...\nexcept E as told: ...\nx.made = (seen := 1)\n"
    javascript = [
        "const found = 1;", "let asked = false, other;", "all.map((one) => one.x)", "one => one", "f(x, told) {",
        "for (const [name, one] of all) ", "const { Keys: given } = x;",
    ]  # fmt: skip

    assert EMPTY & {name for name, _ in names_bound_in(ast.parse(python))} == {"one", "found", "told", "made", "seen"}
    assert [text for text in javascript if not IN_JAVASCRIPT.search(text)] == []
