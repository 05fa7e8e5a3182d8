"""Trend: results kept as small files, and the page that shows them over time.

Results are only ever added: a figure that got worse is seen beside the better one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from ombud.core.errors import Conflict

FIGURES_SHOWN = 6  # Columns a reader can compare; the file holds the rest.

_INTRODUCTION = """\
# Performance

What Ombud costs, measured by `ombud bench NAME --json`. `ombud bench` lists the benchmarks;
`--save benchmarks/results` adds a result here (`python scripts/document.py` writes this page).

How to read it:

- **CPU per event** counts all processes involved, in microseconds, and is the figure to hold. A
  busy machine raises it too, by up to a half (shared caches and cores): look at `load`.
- Events per second, latency and all else in wall-clock time depend on how busy the machine was:
  compare ratios, not absolutes. `sha256` (1,300 bytes) and `fdatasync` (64 KiB) were measured in
  the same run, so that two machines can be set in relation.
- Figures are medians of the runs stated. Memory is the proportional set size of all processes.
- Nothing here is a test: a test of speed fails for reasons that are not the code's.
"""


def save_result(folder: Path, document: dict[str, Any]) -> Path:
    """Add a result to a folder and return its path; never overwrites one."""
    folder.mkdir(parents=True, exist_ok=True)
    moment = document["at"].replace("-", "").replace(":", "").rstrip("Z")
    path = folder / f"{document['benchmark']}-{moment}.json"
    if path.exists():
        raise Conflict(f"`{path}` exists already")
    path.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n")
    return path


def read_results(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the kept results by benchmark, oldest first."""
    results: dict[str, list[dict[str, Any]]] = {}
    for path in folder.glob("*.json"):
        document = orjson.loads(path.read_bytes())
        results.setdefault(document["benchmark"], []).append(document)
    for documents in results.values():
        documents.sort(key=lambda document: document["at"])
    return dict(sorted(results.items()))


def performance_page(folder: Path) -> str:
    """Return the text of `docs/performance.md`."""
    parts = [_INTRODUCTION]
    parts += [_section(name, documents) for name, documents in read_results(folder).items()]
    return "\n".join(parts)


def _section(name: str, documents: list[dict[str, Any]]) -> str:
    latest = documents[-1]
    limited = [limit["figure"] for limit in latest["limits"]]
    columns = list(dict.fromkeys([*limited, *latest["figures"], *latest["ratios"]]))[:FIGURES_SHOWN]
    heads = [_head(column, latest) for column in columns]
    lines = [
        f"## {name}\n",
        f"| when | events | runs | load | sha256 µs | fdatasync ms | {' | '.join(heads)} |",
        "|---|---|---|---|---|---|" + "---|" * len(columns),
    ]
    for document in documents:
        machine = document["machine"]
        values = {**document["figures"], **document["ratios"]}
        cells = [
            document["at"][:16].replace("T", " "),
            f"{document['events']:,}",
            str(document["reps"]),
            str(machine["load"]),
            str(machine["sha256_us"]),
            str(machine["fdatasync_ms"]),
            *(f"{values[column]:,g}" if column in values else "" for column in columns),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    if len(_limits(documents)) > FIGURES_SHOWN:
        lines += ["", *_limits_table(documents)]
    machine = latest["machine"]
    lines.append(
        f"\nMachine of the latest: {machine['processor']}, {machine['cores']} cores,"
        f" {machine['memory_gb']} GB, Python {machine['python']}.\n"
    )
    return "\n".join(lines)


def _limits(documents: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the latest result that has each limited figure: parts may be run one by one."""
    return {limit["figure"]: document for document in documents for limit in document["limits"]}


def _limits_table(documents: list[dict[str, Any]]) -> list[str]:
    """Return every limit beside the latest figure and the lowest and highest of all results."""
    lines = [
        "Every limit, and the figure of the latest result that has it:\n",
        "| figure | limit | latest | when | load | of all results |",
        "|---|---|---|---|---|---|",
    ]
    for figure, document in _limits(documents).items():
        values = [one["figures"][figure] for one in documents if figure in one["figures"]]
        cells = [
            *_head(figure, document).rstrip(")").split(" ("),
            f"{document['figures'][figure]:,g}",
            document["at"][:16].replace("T", " "),
            str(document["machine"]["load"]),
            f"{min(values):,g} to {max(values):,g}" if len(values) > 1 else "",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _head(column: str, document: dict[str, Any]) -> str:
    """Return a column's heading: its name and, where there is one, its limit."""
    for limit in document["limits"]:
        if limit["figure"] == column:
            bound = f"≤ {limit['at_most']:g}" if "at_most" in limit else f"≥ {limit['at_least']:g}"
            return f"{column} ({bound})"
    return column
