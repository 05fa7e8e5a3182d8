"""Output: results on standard output, everything else on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from textwrap import fill
from typing import TYPE_CHECKING, Any

import orjson
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from ombud.core.clock import format_instant

if TYPE_CHECKING:
    from collections.abc import Iterator

# What a name or a query could tell a terminal instead of a reader, but for line feed and tab.
_UNSEEN = {
    code: f"\\u{code:04x}"
    for code in (*range(0x20), *range(0x7F, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A))
    if chr(code) not in "\n\t"
}
WIDTH_UNSEEN = 200  # Columns when no terminal says how many there are.

stdout = Console(highlight=False, soft_wrap=True)
if not stdout.is_terminal and not os.environ.get("COLUMNS"):
    stdout.width = WIDTH_UNSEEN
stderr = Console(stderr=True, highlight=False, soft_wrap=True)


def visible(text: str) -> str:
    """Return a text with characters that command a terminal written out."""
    return text.translate(_UNSEEN)


def to_minute(unix_ms: int) -> str:
    """Return an instant to the minute, UTC, for lists that people read."""
    return format_instant(unix_ms)[:16].replace("T", " ")


def to_second(unix_ms: int) -> str:
    """Return an instant to the second, UTC, for timelines that people read."""
    return format_instant(unix_ms)[:19].replace("T", " ")


def shortened(text: str, length: int) -> str:
    """Return the end of a text that is too long for a column: there names differ."""
    return text if len(text) <= length else "…" + text[1 - length :]


def wrapped(text: str) -> str:
    """Return a paragraph indented, and cut into lines that fit the screen."""
    return fill(text, width=stdout.width, initial_indent="  ", subsequent_indent="    ")


def print_json(value: Any) -> None:
    """Print one value as one line of JSON."""
    sys.stdout.write(orjson.dumps(value, default=str).decode() + "\n")


def print_line(text: str) -> None:
    """Print one line of result as it is."""
    sys.stdout.write(visible(text) + "\n")


def flush() -> None:
    """Let what was printed out now, for whoever waits at the other end of a pipe."""
    sys.stdout.flush()


def note(text: str) -> None:
    """Say something that is no result."""
    stderr.print(Text(visible(text)))


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[object]], *, title: str = ""
) -> None:
    """Print rows for people; values are shown as text, never as markup."""
    table = Table(title=title or None, title_justify="left", header_style="bold", box=None)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if value is None else visible(str(value))) for value in row))
    stdout.print(table)


def print_facts(facts: Mapping[str, object]) -> None:
    """Print names with their values, one per line, aligned."""
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        stdout.print(Text(visible(f"{name:<{width}}  {value}")))


@contextmanager
def progress(label: str, *, unit: str = "events") -> Iterator[Progress]:
    """Show a progress bar on a terminal, and nothing elsewhere."""
    columns = (
        SpinnerColumn(),
        TextColumn(label),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns,
        console=stderr,
        disable=not stderr.is_terminal,
        # Results that go to a file must not be drawn around the bar instead.
        redirect_stdout=stdout.is_terminal,
    ) as bar:
        yield bar
