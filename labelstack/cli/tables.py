"""Results for people: tables of several pictures and one picture's page."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from handlers.results.document import Face, Result
from labelstack.cli.screen import visible

STATUS_STYLES = {"LABELED": "bold green", "REJECTED": "bold yellow"}
BAD_STATUS_STYLE = "bold red"
CAPTURE = (("takenAt", "Taken"), ("camera", "Camera"), ("lens", "Lens"))
SHOWN_LABELS = 6
SHOWN_OTHERS = 3
SHOWN_ALL = 20
SHOWN_CHARACTERS = 60
NAME_WIDTH = 28
TELLING_YEARS = 60  # a wider range of ages says nothing
BAR_WIDTH = 30
TABLE_WIDTH = 80  # narrower terminals get lines in place of tables
SPACE = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Row:
    """One picture in a table.

    Attributes:
        name: As the user knows it.
        result: Its result.
        seconds: From upload to result, where known.
    """

    name: str
    result: Result
    seconds: float | None = None


@dataclass(frozen=True)
class Fitting:
    """A table where there is room for it, else a line for each of its rows."""

    table: RenderableType
    lines: Sequence[Text]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table if the console is wide enough, else its lines."""
        yield from [self.table] if options.max_width >= TABLE_WIDTH else self.lines


def results_table(rows: Sequence[Row]) -> RenderableType:
    """Return a table of several pictures, and below it the words read and the reasons of those not labelled."""
    timed = any(row.seconds is not None for row in rows)
    table = plain_table(leading=1)
    longest = max((len(visible(row.name)) for row in rows), default=0)
    table.add_column("Picture", overflow="fold", min_width=min(longest, NAME_WIDTH), max_width=NAME_WIDTH)
    table.add_column("Status", no_wrap=True)
    table.add_column("Labels", overflow="fold", no_wrap=True, max_width=30)
    table.add_column("Faces", overflow="fold", max_width=18)
    table.add_column("Moderation", overflow="fold", min_width=10, max_width=18)
    if timed:
        table.add_column("Time", justify="right", no_wrap=True, style="dim")
    for row in rows:
        cells = [
            Text(visible(row.name)),
            status_text(row.result["status"]),
            _cell_lines(row.result.get("labels"), label_text, SHOWN_LABELS),
            _cell_lines(row.result.get("faces"), face_text),
            _cell_lines(row.result.get("moderation"), label_text),
        ]
        if timed:
            cells.append(Text("" if row.seconds is None else f"{row.seconds:.2f} s"))
        table.add_row(*cells)
    printed = [_print_line(row.name, row.result) for row in rows if row.result.get("text")]
    reasons = [summary_line(row.result, row.name) for row in rows if "code" in row.result]
    notes = [Text(), *printed, *reasons, *([Text()] if printed or reasons else [])]
    return Fitting(Group(table, *notes), [*(summary_line(row.result, row.name) for row in rows), *printed])


def result_page(result: Result) -> RenderableType:
    """Return a page about one picture."""
    facts = Table.grid(padding=(0, 2))
    facts.add_column(style="dim", no_wrap=True)
    facts.add_column(overflow="fold")
    for name, value in _facts(result):
        facts.add_row(name, value)
    parts: list[RenderableType] = [facts]
    if result.get("labels"):
        labels = plain_table("Label", "Confidence", "Seen", "Parents", right=("Confidence", "Seen"))
        for label in result["labels"]:
            instances = len(label.get("instances", []))
            labels.add_row(
                Text(visible(label["name"])),
                percent(label["confidence"]),
                str(instances or ""),
                Text(visible(", ".join(label["parents"]))),
            )
        parts += [Text(), labels]
    return Group(*parts)


def matches_table(matches: Sequence[Result], searched: Sequence[str]) -> RenderableType:
    """Return a table of matches with the searched labels (in lower case), or else the surest."""
    table, lines = plain_table("Picture", "Labels"), list[Text]()
    table.add_column("Processed", no_wrap=True, style="dim")
    for match in matches:
        by_name = {label["name"].lower(): label for label in reversed(match.get("labels", []))}
        shown = [by_name[name] for name in searched if name in by_name] or match.get("labels", [])[:SHOWN_LABELS]
        labels = " · ".join(map(label_text, shown))
        table.add_row(Text(visible(match["key"])), Text(labels), match["processedAt"])
        lines.append(Text.assemble((visible(match["key"]), "bold"), "  ", labels))
    return Fitting(table, lines)


def counts_table(counts: Mapping[str, int]) -> RenderableType:
    """Return a table of labels with their numbers of pictures."""
    table = plain_table("Label", "Pictures", right=("Pictures",), unbroken=("Pictures",))
    table.add_column("", no_wrap=True, overflow="crop")
    most = max(counts.values(), default=1)
    for label, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        table.add_row(Text(visible(label)), f"{count:,}", Text("━" * max(1, BAR_WIDTH * count // most), style="green"))
    return table


def facts_table(facts: Mapping[str, Any]) -> RenderableType:
    """Return a table of names and values, such as a stack's outputs."""
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold", style="bold")
    for name, value in sorted(facts.items()):
        table.add_row(Text(f"  {name}"), Text(_fact(value)))
    return table


def _fact(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_fact, value))
    return value if isinstance(value, str) else json.dumps(value)


def summary_line(result: Result, name: str = "") -> Text:
    """Return a picture on one line."""
    parts = [label_text(label) for label in result.get("labels", [])[:SHOWN_LABELS]]
    if result.get("faces"):
        parts.append(f"{len(result['faces'])} face{'s' if len(result['faces']) > 1 else ''}")
    parts += [f"! {label_text(label)}" for label in result.get("moderation", [])]
    said = reason_text(result) if "code" in result else " · ".join(parts) or "no labels"
    return Text.assemble(status_text(result["status"]), "  ", (visible(name or result["key"]), "bold"), "  ", said)


def status_text(status: str) -> Text:
    """Return a status in its colour."""
    return Text(status, style=STATUS_STYLES.get(status, BAD_STATUS_STYLE))


def percent(confidence: Decimal) -> str:
    """Return a confidence of 0-100 with one decimal."""
    return f"{confidence:.1f}%"


def label_text(label: Mapping[str, Any]) -> str:
    """Return a label, or a kind of content, and how sure it is; never broken over two lines."""
    return f"{visible(label['name'])} {percent(label['confidence'])}".replace(" ", SPACE)


def face_text(face: Face) -> str:
    """Return a face's confidence and its known attributes."""
    parts = [percent(face["confidence"])]
    if "ageRange" in face and face["ageRange"]["high"] - face["ageRange"]["low"] <= TELLING_YEARS:
        parts.append(f"{face['ageRange']['low']}-{face['ageRange']['high']} years".replace(" ", SPACE))
    emotions = [emotion for emotion in face.get("emotions", []) if emotion["type"] != "UNKNOWN"]
    if emotions:
        parts.append(max(emotions, key=lambda emotion: emotion["confidence"])["type"].lower())
    if "smile" in face and face["smile"]["value"]:
        parts.append("smiling")
    return ", ".join(parts)


def quoted_text(text: Mapping[str, Any]) -> str:
    """Print that was read, shortened."""
    words = visible(str(text["text"]))
    return f'"{words if len(words) <= SHOWN_CHARACTERS else words[: SHOWN_CHARACTERS - 1] + "…"}"'


def reason_text(result: Result) -> str:
    """Return why a picture is not labelled: the code and its sentence."""
    return visible(f"{result['code']}: {result.get('message', '')}".rstrip(": "))


def _print_line(name: str, result: Result) -> Text:
    words = _cell_lines(_lines_of(result), quoted_text)
    return Text.assemble(("TEXT", "bold"), "  ", visible(name), "  ", Text(" ").join(words.split("\n")))


def _cell_lines(things: Sequence[Any] | None, text_of: Callable[[Any], str], most: int = SHOWN_OTHERS) -> Text:
    """Return the items of one kind: "none" if the detector saw none, empty if it did not run (None)."""
    if things is None:
        return Text()
    if not things:
        return Text("none", style="dim")
    shown = [Text(text_of(thing)) for thing in things[:most]]
    more = [Text(f"and {len(things) - most} more", style="dim")] if len(things) > most else []
    return Text("\n").join(shown + more)


def _lines_of(result: Result) -> list[Any] | None:
    return [text for text in result["text"] if text["type"] == "LINE"] if "text" in result else None


def _facts(result: Result) -> list[tuple[str, Text]]:
    facts = [("Picture", Text(visible(result["key"]), style="bold")), ("Status", status_text(result["status"]))]
    if "code" in result:
        facts.append(("Reason", Text(reason_text(result))))
    if "width" in result and "height" in result:
        facts.append(("Size", Text(f"{result['width']} x {result['height']} {result.get('format', '')}".rstrip())))
    capture: Mapping[str, object] = {**result.get("capture", {})}
    facts += [(title, Text(visible(str(capture[name])))) for name, title in CAPTURE if name in capture]
    if "latitude" in capture:
        facts.append(("Place", Text(f"{capture['latitude']}, {capture['longitude']}")))
    known = " (known content, no calls)" if result.get("reused") else ""
    facts.append(("Processed", Text(f"{result['processedAt']}{known}")))
    if "faces" in result:
        facts.append(("Faces", _cell_lines(result["faces"], face_text, SHOWN_ALL)))
    if "moderation" in result:
        facts.append(("Moderation", _cell_lines(result["moderation"], label_text, SHOWN_ALL)))
    if "text" in result:
        facts.append(("Text", _cell_lines(_lines_of(result), quoted_text, SHOWN_ALL)))
    if result.get("colors"):
        facts.append(("Colours", Text(", ".join(_color_text(color) for color in result["colors"][:SHOWN_OTHERS]))))
    if not result.get("labels") and "labels" in result:
        facts.append(("Labels", Text("none", style="dim")))
    return facts


def _color_text(color: Mapping[str, Any]) -> str:
    return f"{color['name']} {color['hex']} {percent(color['percent'])}".replace(" ", SPACE)


def plain_table(*columns: str, leading: int = 0, right: Collection[str] = (), unbroken: Collection[str] = ()) -> Table:
    """Return a table with these columns; some of them are justified to the right, or never broken over two lines."""
    table = Table(
        box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0), header_style="dim", leading=leading
    )
    for name in columns:
        justify: Literal["left", "right"] = "right" if name in right else "left"
        table.add_column(name, overflow="fold", justify=justify, no_wrap=name in unbroken)
    return table
