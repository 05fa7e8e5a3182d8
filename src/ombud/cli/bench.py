"""Command `bench`: what Ombud costs on this machine, by name of the benchmark."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from ombud.bench.registry import BENCHMARKS, find_vectors, get_benchmark
from ombud.bench.report import Options
from ombud.bench.trend import save_result
from ombud.cli.options import JsonOption
from ombud.cli.output import note, print_json, print_table, stderr

app = typer.Typer(add_completion=False)

OnlyOption = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="PART", help="Part of a benchmark to run; may be repeated."),
]
ZircoliteOption = Annotated[
    Path | None,
    typer.Option(
        "--zircolite",
        exists=True,
        file_okay=False,
        help="A checkout of Zircolite to compare detection with.",
    ),
]
ZircolitePythonOption = Annotated[
    Path | None,
    typer.Option(
        "--zircolite-python",
        exists=True,
        dir_okay=False,
        help="The Python that has its requirements; that of its .venv unless told.",
    ),
]


def _list(*, json: bool) -> None:
    if json:
        for name, benchmark in BENCHMARKS.items():
            print_json({"name": name, "events": benchmark.events, "summary": benchmark.summary})
        return
    rows = [(name, f"{b.events:,}", b.summary) for name, b in BENCHMARKS.items()]
    print_table(("Name", "Events", "Measures"), rows)


def _bound(limit: dict[str, Any] | None) -> str:
    if limit is None:
        return ""
    wanted = f"≤ {limit['at_most']:g}" if "at_most" in limit else f"≥ {limit['at_least']:g}"
    return f"{wanted}: {'holds' if limit['holds'] else 'does not hold'}"


def _show(document: dict[str, Any]) -> None:
    limits = {limit["figure"]: limit for limit in document["limits"]}
    rows = []
    for name, value in document["figures"].items():
        low, high = document["spread"].get(name, (value, value))
        rows.append((name, f"{value:,g}", f"{low:,g} to {high:,g}", _bound(limits.get(name))))
    rows += [(name, f"{value:,g}", "", "") for name, value in document["ratios"].items()]
    machine = document["machine"]
    title = f"{document['benchmark']}, {document['events']:,} events, {document['reps']} runs"
    print_table(("Figure", "Median", "Lowest to highest", "Limit"), rows, title=title)
    note(" · ".join(f"{name} {value}" for name, value in machine.items()))
    for line in document["notes"]:
        note(line)


@app.command()
def bench(
    name: Annotated[
        str | None, typer.Argument(help="Benchmark to run; lists them if left out.")
    ] = None,
    *,
    events: Annotated[
        int | None, typer.Option("--events", min=1, help="How many events; each has its own.")
    ] = None,
    reps: Annotated[
        int | None, typer.Option("--reps", min=1, help="How many runs; medians are reported.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Option(
            "--folder", exists=True, file_okay=False, help="Where homes are made; the disk counts."
        ),
    ] = None,
    only: OnlyOption = None,
    zircolite: ZircoliteOption = None,
    zircolite_python: ZircolitePythonOption = None,
    save: Annotated[
        Path | None, typer.Option("--save", file_okay=False, help="Folder to add the result to.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Measure speed, latency, size or memory on this machine.

    Read CPU per event and ratios; wall-clock figures depend on what else runs.
    """
    if name is None:
        _list(json=json)
        return
    benchmark = get_benchmark(name)
    benchmark.check_parts(only or ())
    with tempfile.TemporaryDirectory(prefix="ombud-bench-", dir=folder) as temporary:
        options = Options(
            events=events or benchmark.events,
            reps=reps or benchmark.reps,
            folder=Path(temporary),
            vectors=find_vectors(),
            only=tuple(only or ()),
            zircolite=zircolite,
            zircolite_python=zircolite_python,
        )
        if stderr.is_terminal:
            note(f"{name}: {options.events:,} events, {options.reps} runs")
        document = benchmark.run(options).to_document()
    if save is not None:
        save_result(save, document)
    if json:
        print_json(document)
    else:
        _show(document)
