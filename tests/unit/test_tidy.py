"""The shape of the code itself: sizes, headings, names, and what may be imported where."""

from __future__ import annotations

import ast
import statistics
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent.parent.parent / "src" / "ombud"
PATHS = sorted(SOURCE.rglob("*.py"))
TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in PATHS}
MODULE_LINES_MAX = 400
MODULE_LINES_MEDIAN_MAX = 150
FUNCTION_LINES_MAX = 60
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "base", "misc"}
ENGINES = ("core", "detect", "tlog", "query")
CORE_MAY_IMPORT = {*sys.stdlib_module_names, "msgspec", "orjson", "ombud"}
CLOCK = SOURCE / "core" / "clock.py"  # The one place from which services take the time.
READS_THE_WORLD = {"now", "today", "utcnow", "time_ns", "perf_counter", "monotonic", "getenv"}

each_module = pytest.mark.parametrize(
    "path", PATHS, ids=[str(path.relative_to(SOURCE)) for path in PATHS]
)


def module_name(path: Path) -> str:
    """Return the dotted name of a module of the source tree."""
    parts = ["ombud", *path.relative_to(SOURCE).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


NAMES = {module_name(path) for path in PATHS}


def imported(tree: ast.AST) -> Iterator[str]:
    """Yield the modules that are imported; `from package import module` names the module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                yield inner if inner in NAMES else node.module


@each_module
def test_module_fits_a_reader(path: Path) -> None:
    """A module says what it is for, in one line, and is no longer than a reader can hold."""
    text = path.read_text(encoding="utf-8")
    heading = (ast.get_docstring(TREES[path]) or "").partition("\n")[0]

    assert not text or heading.endswith(".")
    assert path.name == "__init__.py" or ": " in heading, "a heading is `Noun: what it promises.`"
    assert text.count("\n") <= MODULE_LINES_MAX
    assert path.stem not in FORBIDDEN_NAMES
    assert not FORBIDDEN_NAMES & set(path.relative_to(SOURCE).parts[:-1])


@each_module
def test_functions_are_short_and_import_nothing_of_ours(path: Path) -> None:
    """A function fits on a screen and hides no import of the project."""
    for node in ast.walk(TREES[path]):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        assert (node.end_lineno or 0) - node.lineno < FUNCTION_LINES_MAX, node.name
        hidden = [name for name in imported(node) if name.startswith("ombud")]
        assert not hidden, f"{node.name} imports {hidden}"


def test_modules_are_mostly_small() -> None:
    """The median module is a short read."""
    lines = [path.read_text(encoding="utf-8").count("\n") for path in PATHS]

    assert statistics.median(lines) <= MODULE_LINES_MEDIAN_MAX


def test_no_import_cycles() -> None:
    """No module imports itself, over however many others."""
    graph = {module_name(path): set(imported(tree)) & NAMES for path, tree in TREES.items()}

    try:
        TopologicalSorter(graph).prepare()
    except CycleError as cycle:
        pytest.fail(f"modules import each other: {cycle.args[1]}")


@pytest.mark.parametrize(
    "path", sorted((SOURCE / "core").rglob("*.py")), ids=lambda path: path.stem
)
def test_core_stands_alone(path: Path) -> None:
    """The core imports the standard library, msgspec and orjson, and nothing else."""
    foreign = {name.partition(".")[0] for name in imported(TREES[path])} - CORE_MAY_IMPORT

    assert not foreign


@pytest.mark.parametrize(
    "path",
    [
        path
        for engine in ENGINES
        for path in sorted((SOURCE / engine).rglob("*.py"))
        if path != CLOCK
    ],
    ids=lambda path: str(path.relative_to(SOURCE)),
)
def test_engines_read_no_clock(path: Path) -> None:
    """An engine is given the time; the same input gives the same output."""
    asked = [
        node.attr
        for node in ast.walk(TREES[path])
        if isinstance(node, ast.Attribute) and node.attr in READS_THE_WORLD
    ]

    assert not asked
