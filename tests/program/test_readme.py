"""The documents against what they are about: README's tables, the codes, links and make targets."""

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import get_args

import pytest

from handlers.results.codes import REJECTION_CODES, Code
from labelstack.cli.app import cli
from settings import PipelineKind, Settings
from tests.recording import PROJECT, record_stack

README = PROJECT / "README.md"
PAGES = sorted(chain(*(PROJECT.glob(names) for names in ("*.md", "[!.]*/*.md", "examples/*/*.md"))))
CODE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PIPELINES = get_args(PipelineKind)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def section(page: Path, heading: str) -> str:
    """What stands below a heading of the second level."""
    parts = re.split(r"^## (.+)$", page.read_text(), flags=re.MULTILINE)
    found = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert heading in found, f"{page.name} has no section {heading!r}"
    return found[heading]


def rows(text: str) -> Iterator[list[str]]:
    """The cells of each row of the tables in a text, without the tables' heads."""
    lines = text.splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("| ") and not following.startswith("|---"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def codes(cell: str) -> list[str]:
    """What stands in a cell as code."""
    return CODE.findall(cell)


def shown(default: object) -> str:
    """A setting's default as the table has it: YAML as code, or "none"."""
    match default:
        case None:
            return "none"
        case bool():
            return f"`{str(default).lower()}`"
        case tuple():
            return f"`[{', '.join(map(str, default))}]`"
        case float():
            return f"`{default:g}`"
        case _:
            return f"`{default}`"


def anchor(heading: str) -> str:
    """A heading's address within its page, as GitHub makes it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def leads_somewhere(page: Path, link: str) -> bool:
    """Whether there is such a file, and such a heading in it."""
    name, _, place = link.partition("#")
    target = page.parent / name if name else page
    if not place or not target.exists():
        return target.exists()
    return place in map(anchor, re.findall(r"^#+ (.+)$", target.read_text(), flags=re.MULTILINE))


# --- README's tables ------------------------------------------------------------------------------------------


def test_settings_and_their_defaults_are_listed() -> None:
    listed = [(codes(name), default) for name, default, _ in rows(section(README, "Settings"))]

    assert sorted((key, default) for keys, default in listed for key in keys) == sorted(
        (field.alias or name, "required" if field.is_required() else shown(field.default))
        for name, field in Settings.model_fields.items()
    )


def test_outputs_are_listed() -> None:
    # All that there can be: stack dev has everything but guests, and a pipeline is one or the other.
    whole = [record_stack("dev", {"labelstack:guestAccess": "true", "labelstack:pipeline": kind}) for kind in PIPELINES]
    exported = {name for record in whole for name in record.outputs}
    written = set(re.findall(r'pulumi\.export\("(\w+)"', (PROJECT / "__main__.py").read_text()))

    assert written <= exported
    assert sorted(chain.from_iterable(codes(row[0]) for row in rows(section(README, "Outputs")))) == sorted(exported)


def test_outputs_depend_on_settings_that_exist() -> None:
    settings = {field.alias or name for name, field in Settings.model_fields.items()}
    conditions = [row[1] for row in rows(section(README, "Outputs")) if row[1] != "always"]

    assert conditions
    assert {name.partition(":")[0] for cell in conditions for name in codes(cell)} <= settings


def test_commands_are_listed() -> None:
    listed = [codes(row[0])[0].split()[1] for row in rows(section(README, "Commands"))]

    assert sorted(listed) == sorted(cli.commands)


def test_commands_have_the_options_that_are_shown() -> None:
    options = {
        name: {option for parameter in command.params for option in parameter.opts}
        for name, command in cli.commands.items()
    }
    used = [
        words.split() for page in PAGES for words in re.findall(r"(?<![\w/.-])labelstack [^`#\n]+", page.read_text())
    ]
    wrong = [
        f"labelstack {name} {word}"
        for _, name, *words in used
        if name in options
        for word in words
        if word.startswith("--") and word not in options[name]
    ]

    assert sum(name in options for _, name, *_ in used) > len(options)
    assert not wrong


def test_routes_of_the_api_are_listed() -> None:
    contract = (PROJECT / "api" / "openapi.yaml").read_text()
    calls = [call for row in rows(section(README, "The API and the page")) for call in codes(row[0])]

    assert {call.split()[1].partition("?")[0] for call in calls} == set(
        re.findall(r"^  (/[\w-]+):$", contract, flags=re.MULTILINE)
    )


# --- other pages ----------------------------------------------------------------------------------------------


def test_codes_are_explained() -> None:
    listed = [
        (codes(status), codes(code)[0]) for status, code, _ in rows(section(PROJECT / "docs/pictures.md", "Codes"))
    ]
    first_failed = [code for status, code in listed if status == ["FAILED"]]
    rejected = [code for _, code in listed][: [code for _, code in listed].index(first_failed[0])]

    assert set(rejected) == REJECTION_CODES
    assert sorted(code for _, code in listed) == sorted(set(Code) - {Code.OBJECT_DELETED})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = [link for link in LINK.findall(FENCE.sub("", page.read_text())) if "://" not in link]

    assert not [link for link in links if not leads_somewhere(page, link)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_make_has_the_targets_that_are_named(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (PROJECT / "Makefile").read_text(), flags=re.MULTILINE))
    text = page.read_text()
    fenced = re.findall(r"^make ([a-z-]+)", text, flags=re.MULTILINE)

    assert {*fenced, *re.findall(r"`make ([a-z-]+)", text)} <= targets


def test_contributing_names_files_that_exist() -> None:
    table = section(PROJECT / "CONTRIBUTING.md", "To add X, touch these files")
    folders = {path.name for path in PROJECT.iterdir()}
    paths = [name for row in rows(table) for name in codes(row[1]) if name.partition("/")[0] in folders]
    missing = [name for name in paths if "<" not in name and not (PROJECT / name).exists()]

    assert len(paths) > 30
    assert not missing
