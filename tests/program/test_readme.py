"""Compares the documents with their subjects: settings, commands, outputs, routes, codes, links and make targets."""

import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import get_args

import pytest

from handlers.results.codes import Code
from labelstack.cli.app import cli
from labelstack.cli.repair import FAILURES
from labelstack.reference import commands_page, outputs_page, settings_page
from settings import KEYS, PipelineKind
from tests.recording import PROJECT, record_stack

README = PROJECT / "README.md"
OUTPUTS = PROJECT / "docs" / "outputs.md"
PAGES = sorted(
    chain(*(PROJECT.glob(names) for names in ("*.md", "[!.]*/*.md", "examples/*/*.md", "docs/decisions/*.md")))
)
CODE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
PIPELINES = get_args(PipelineKind)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def section(page: Path, heading: str) -> str:
    """Return the text below a heading of the second level."""
    parts = re.split(r"^## (.+)$", page.read_text(), flags=re.MULTILINE)
    by_heading = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert heading in by_heading, f"{page.name} has no section {heading!r}"
    return by_heading[heading]


def rows(text: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the tables in a text, without the tables' heads."""
    lines = text.splitlines()
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        if line.startswith("| ") and not following.startswith("|---"):
            yield [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def codes(cell: str) -> list[str]:
    """Return the code in a cell."""
    return CODE.findall(cell)


def anchor(heading: str) -> str:
    """Return a heading's address within its page, as GitHub makes it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def leads_somewhere(page: Path, link: str) -> bool:
    """Return whether there is such a file, with such a heading."""
    name, _, place = link.partition("#")
    target = page.parent / name if name else page
    if not place or not target.exists():
        return target.exists()
    return place in map(anchor, re.findall(r"^#+ (.+)$", target.read_text(), flags=re.MULTILINE))


# --- definitions in the code -----------------------------------------------------------------------------------------


def test_settings_are_listed_as_the_components_describe_them() -> None:
    assert (PROJECT / "docs" / "settings.md").read_text() == settings_page(), "run `make generated`"


def test_every_setting_is_explained() -> None:
    assert {key for key, setting in KEYS.items() if not setting.description} == set()


def test_outputs_are_listed_as_the_program_groups_them() -> None:
    assert OUTPUTS.read_text() == outputs_page(), "run `make generated`"


def test_every_output_is_listed() -> None:
    # All that there can be: stack dev has everything but guests and a pause, and a pipeline is one or the other.
    more = {"labelstack:guestAccess": "true", "labelstack:onCostBound": "pause"}
    whole = [record_stack("dev", {**more, "labelstack:pipeline": kind}) for kind in PIPELINES]
    exported = {name for record in whole for name in record.outputs}

    assert sorted(chain.from_iterable(codes(row[1]) for row in rows(OUTPUTS.read_text()))) == sorted(exported)


def test_outputs_depend_on_settings_that_exist() -> None:
    settings = [row[0].partition(":")[0] for row in rows(OUTPUTS.read_text())]

    assert set(settings) - set(KEYS) == {"always"}


def test_commands_are_listed_as_their_help_describes_them() -> None:
    assert (PROJECT / "docs" / "commands.md").read_text() == commands_page(), "run `make generated`"


def test_readme_is_one_screen() -> None:
    text = README.read_text()

    assert (len(text.splitlines()) <= 120, len(text.split()) <= 900) == (True, True)


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
    calls = [call for row in rows((PROJECT / "docs" / "api.md").read_text()) for call in codes(row[0])]

    assert {call.split()[1].partition("?")[0] for call in calls} == set(
        re.findall(r"^  (/[\w-]+):$", contract, flags=re.MULTILINE)
    )


# --- other pages -----------------------------------------------------------------------------------------------------


def test_codes_are_explained() -> None:
    listed = [
        (codes(status), codes(code)[0]) for status, code, _ in rows(section(PROJECT / "docs/pictures.md", "Codes"))
    ]
    first_failed = [code for status, code in listed if status == ["FAILED"]]
    rejected = [code for _, code in listed][: [code for _, code in listed].index(first_failed[0])]

    assert set(rejected) == set(Code) - {*FAILURES, Code.UNREADABLE_MESSAGE, Code.OBJECT_DELETED}
    assert sorted(code for _, code in listed) == sorted(set(Code) - {Code.OBJECT_DELETED})


def test_architecture_is_one_page_and_links_to_functions_that_exist() -> None:
    text = (PROJECT / "ARCHITECTURE.md").read_text()
    functions = re.findall(r"\[`([\w.]+)`\]\(([\w/]+\.py)\)", text)
    missing = [
        name for name, file in functions for part in name.split(".")
        if not re.search(rf"^ *(def|class) {part}\b", (PROJECT / file).read_text(), re.MULTILINE)
    ]  # fmt: skip

    assert len(text.splitlines()) <= 120
    assert len(functions) >= 10
    assert not missing


def test_decisions_are_short_and_listed() -> None:
    folder = PROJECT / "docs" / "decisions"
    files = {path.name: path.read_text() for path in folder.glob("[0-9]*.md")}
    parts = ("Date: ", "**Context.** ", "**Decision.** ", "**Consequences.** ", "**Rejected.** ")

    assert set(files) == set(LINK.findall((folder / "README.md").read_text()))
    assert not [
        name for name, text in files.items() if len(text.splitlines()) > 40 or any(p not in text for p in parts)
    ]


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
