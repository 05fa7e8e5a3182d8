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
GAP = 2  # Columns of the screen that a column of a table takes besides its text.
BRIEF = 8  # Digits of an id in a list: enough to tell apart what a home holds.
ROOM = 10  # What is left at least to a column that is folded: a date stays in one piece.

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


def brief_id(text: str) -> str:
    """Return an id with eight of its random digits, as commands take it back."""
    return text[: text.rfind("-") + 1 + BRIEF] if len(text) - text.rfind("-") > BRIEF else text


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, which has a plain plural."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


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


def say_since(answer: Mapping[str, Any]) -> None:
    """Say what an answer could not look at: an index that goes back some days only."""
    since = answer.get("index_since")
    if since:
        note(
            f"index holds events recorded since {format_instant(since['recorded_at'])}"
            f" (event {since['index']}); `ombud search --all` asks the whole record"
        )


def print_table(
    columns: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    title: str = "",
    is_sparse: bool = False,
) -> None:
    """Print rows for people; values are shown as text, never as markup.

    What is narrow stays whole where it fits, so that ids, words and figures can be
    read at a glance; the wide columns are folded.  With `is_sparse` a column in which no
    row has anything is left out.
    """
    cells = [[Text("" if value is None else visible(str(value))) for value in row] for row in rows]
    if is_sparse and cells:
        used = [at for at in range(len(columns)) if any(row[at].plain for row in cells)]
        columns = [columns[at] for at in used]
        cells = [[row[at] for at in used] for row in cells]
    widths = [
        max([Text(column).cell_len, *(row[at].cell_len for row in cells)])
        for at, column in enumerate(columns)
    ]
    whole = whole_columns(widths, stdout.width)
    table = Table(title=title or None, title_justify="left", header_style="bold", box=None)
    for at, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=at in whole)
    for row in cells:
        table.add_row(*row)
    stdout.print(table)


def whole_columns(widths: Sequence[int], screen: int) -> frozenset[int]:
    """Return which columns of a table need no folding.

    First comes the first, which people copy into the next command, then the narrowest.
    `widths` are those of the longest values, `screen` the room there is, in cells.
    """
    left, whole = screen - sum(GAP + min(width, ROOM) for width in widths), set()
    for at in sorted(range(len(widths)), key=lambda at: (at > 0, widths[at])):
        more = max(widths[at] - ROOM, 0)
        if more <= left:
            left -= more
            whole.add(at)
    return frozenset(whole)


def print_facts(facts: Mapping[str, object]) -> None:
    """Print names with their values, one per line, aligned."""
    width = max((len(name) for name in facts), default=0)
    for name, value in facts.items():
        stdout.print(Text(visible(f"{name.replace('_', ' '):<{width}}  {_readable(value)}")))


def _readable(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value)) or "nothing"
    return str(value)


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
