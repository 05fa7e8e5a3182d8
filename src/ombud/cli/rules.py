"""Commands `rules`: check, test, list and run Sigma rules, without a home."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from ombud.cli.options import JsonOption
from ombud.cli.output import note, print_json, print_line, print_table
from ombud.cli.rule_backtest import backtest
from ombud.cli.rule_explain import explain
from ombud.cli.rule_fields import fields
from ombud.cli.rule_run import run
from ombud.cli.rule_states import disable, enable, status
from ombud.config.rule_files import (
    cases_file,
    find_rule_files,
    read_rules,
    shipped_rules_folder,
)
from ombud.detect.cases import CaseResult, parse_cases, run_cases
from ombud.detect.documents import FILE_SIZE_MAX
from ombud.detect.rule import Refusal, Rule

PROGRESS_EVERY = 1000  # Lines between two steps of the progress bar.

app = typer.Typer(add_completion=False, no_args_is_help=True)
for command in (run, backtest, explain, fields, status, enable, disable):
    app.command()(command)

PathsArgument = Annotated[
    list[Path], typer.Argument(help="Rule files, or folders that are searched for them.")
]


def _say(refusals: Sequence[Refusal]) -> None:
    for refusal in refusals:
        note(f"refused {refusal}")


@app.command()
def check(paths: PathsArgument, json: JsonOption = False) -> None:
    """Check that every rule can run; exit status 1 if any cannot.

    Each refused rule is named on standard error with its file and every reason.
    """
    loaded = read_rules(paths)
    rules, refusals = loaded.rules, loaded.refusals
    _say(refusals)
    if json:
        refused = [
            {"path": refusal.path, "rule_id": refusal.rule_id, "reason": refusal.reason}
            for refusal in refusals
        ]
        print_json({"rules": len(rules), "refused": refused})
    else:
        print_line(f"{len(rules)} rules can run, {len(refusals)} refused")
    if refusals:
        raise typer.Exit(1)


@app.command("test")
def run_tests(paths: PathsArgument, json: JsonOption = False) -> None:
    """Put each rule to the events that ship with it; exit status 1 if any case fails.

    The events of `name.yml` stand in `name.tests.yml` beside it.
    """
    loaded = read_rules(paths)
    rules, refusals = loaded.rules, loaded.refusals
    _say(refusals)
    by_path: dict[str, list[Rule]] = {}
    for rule in rules:
        by_path.setdefault(rule.path, []).append(rule)
    results: list[tuple[str, CaseResult]] = []
    for file in find_rule_files(paths):
        cases = cases_file(file)
        if not cases.is_file():
            note(f"{file}: no events ship with it")
            continue
        found = by_path.get(str(file), [])
        if found:
            results += [(str(file), result) for result in _run_file(found, cases)]
    failed = [(path, result) for path, result in results if not result.passed]
    if json:
        for path, result in results:
            print_json(_case_row(path, result))
    else:
        for path, result in failed:
            word = "misses" if result.expected else "matches"
            print_line(f"{path}: {word} `{result.name}`")
        print_line(f"{len(rules)} rules, {len(results)} events, {len(failed)} failed")
    if failed or refusals:
        raise typer.Exit(1)


def _run_file(rules: Sequence[Rule], cases: Path) -> list[CaseResult]:
    with cases.open("rb") as opened:
        text = opened.read(FILE_SIZE_MAX + 1)
    return run_cases(rules, parse_cases(text, path=str(cases)), path=str(cases))


def _case_row(path: str, result: CaseResult) -> dict[str, Any]:
    return {
        "path": path,
        "rule_id": result.rule_id,
        "case": result.name,
        "expected": result.expected,
        "matched": result.matched,
        "passed": result.passed,
    }


@app.command("list")
def list_rules(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Further rule files and folders.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """List the shipped rules and those at PATHS."""
    loaded = read_rules([shipped_rules_folder(), *(paths or ())])
    rules, refusals = loaded.rules, loaded.refusals
    _say(refusals)
    if json:
        for rule in rules:
            print_json(
                {
                    "rule_id": rule.id,
                    "version": rule.version,
                    "title": rule.title,
                    "level": rule.level,
                    "status": rule.status,
                    "logsource": str(rule.logsource),
                    "path": rule.path,
                }
            )
        return
    print_table(
        ("rule", "level", "sees", "title"),
        ((rule.id, rule.level, rule.logsource, rule.title) for rule in rules),
    )
