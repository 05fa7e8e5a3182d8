"""Commands `rules`: check, test, list and run Sigma rules, without a home."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ombud.cli.options import JsonOption
from ombud.cli.output import BRIEF, counted, note, print_json, print_line, print_table
from ombud.cli.rule_backtest import backtest
from ombud.cli.rule_explain import explain
from ombud.cli.rule_fields import fields
from ombud.cli.rule_run import run
from ombud.cli.rule_states import alerting, disable, enable, status
from ombud.config.rule_files import (
    cases_file,
    find_rule_files,
    read_rules,
    shipped_rules_folder,
)
from ombud.core.errors import InputError
from ombud.detect.cases import CaseResult, parse_cases, run_cases
from ombud.detect.correlation.model import Correlation
from ombud.detect.loading.documents import FILE_SIZE_MAX
from ombud.detect.loading.rule_set import RuleSet
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
def check(
    paths: PathsArgument,
    shipped: Annotated[
        bool,
        typer.Option(
            "--shipped", help="Read them with the rules that come with Ombud, as a home does."
        ),
    ] = False,
    json: JsonOption = False,
) -> None:
    """Check that every rule, filter and correlation can run; exit status 1 if any cannot.

    What is refused is named on standard error with its file and every reason.
    Each filter is named with the number of rules that it is put to.  With --shipped
    filters and correlations may name shipped rules; only what lies at PATHS is told.
    """
    loaded = _beside_shipped(paths) if shipped else _at(paths)
    _say(loaded.refusals)
    if not shipped and _is_about_shipped(loaded.refusals):
        note("rules that come with Ombud can be named with --shipped")
    told = {
        one.id: [rule.id for rule in loaded.rules if one.id in rule.filters]
        for one in loaded.filters
    }
    if shipped:
        own = {str(file) for file in find_rule_files(paths)}
        loaded = replace(
            loaded,
            rules=tuple(rule for rule in loaded.rules if rule.path in own),
            correlations=tuple(one for one in loaded.correlations if one.path in own),
        )
    if json:
        print_json(
            {
                "rules": len(loaded.rules),
                "correlations": len(loaded.correlations),
                "filters": [
                    {
                        "filter_id": one.id,
                        "path": one.path,
                        "title": one.title,
                        "rules": told[one.id],
                    }
                    for one in loaded.filters
                ],
                "refused": [
                    {"path": refusal.path, "rule_id": refusal.rule_id, "reason": refusal.reason}
                    for refusal in loaded.refusals
                ],
            }
        )
    else:
        for one in loaded.filters:
            print_line(f"filter `{one.id}` is put to {counted(len(told[one.id]), 'rule')}")
        print_line(f"{_counted(loaded)} can run, {len(loaded.refusals)} refused")
    if loaded.refusals:
        raise typer.Exit(1)


def _at(paths: Sequence[Path]) -> RuleSet:
    """Return the rules at these paths; raises `InputError` if no file there could hold any."""
    if not find_rule_files(paths):
        named = ", ".join(f"`{path}`" for path in paths)
        raise InputError(f"no rules at {named}", hint="files of rules are named *.yml or *.yaml")
    return read_rules(paths)


def _is_about_shipped(refusals: Sequence[Refusal]) -> bool:
    """Whether a reason names a rule that comes with Ombud, by its id or name."""
    if not any("`" in refusal.reason for refusal in refusals):
        return False
    found = read_rules([shipped_rules_folder()])
    every: list[Rule | Correlation] = [*found.rules, *found.correlations]
    names = {f"`{name}`" for one in every for name in (one.id, one.name) if name}
    return any(name in refusal.reason for refusal in refusals for name in names)


def _beside_shipped(paths: Sequence[Path]) -> RuleSet:
    """Return the rules at these paths read after the shipped ones, which are not among them."""
    own = {os.path.realpath(file) for file in find_rule_files(paths)}
    others = [
        file
        for file in find_rule_files([shipped_rules_folder()])
        if os.path.realpath(file) not in own
    ]
    return read_rules([*others, *paths])


def _counted(loaded: RuleSet) -> str:
    counts = [counted(len(loaded.rules), "rule")]
    if loaded.correlations:
        counts.append(counted(len(loaded.correlations), "correlation"))
    if loaded.filters:
        counts.append(counted(len(loaded.filters), "filter"))
    return ", ".join(counts)


@app.command("test")
def run_tests(paths: PathsArgument, json: JsonOption = False) -> None:
    """Put each rule to the events that ship with it; exit status 1 if any case fails.

    The events of `name.yml` stand in `name.tests.yml` beside it.
    """
    loaded = _at(paths)
    rules, refusals = loaded.rules, loaded.refusals
    _say(refusals)
    every: list[Rule | Correlation] = [*rules, *loaded.correlations]
    by_path: dict[str, list[Rule | Correlation]] = {}
    for rule in every:
        by_path.setdefault(rule.path, []).append(rule)
    results: list[tuple[str, CaseResult]] = []
    for file in find_rule_files(paths):
        cases = cases_file(file)
        if not cases.is_file():
            note(f"{file}: no events ship with it")
            continue
        found = by_path.get(str(file), [])
        if found:
            results += [(str(file), result) for result in _run_file(found, cases, loaded)]
    failed = [(path, result) for path, result in results if not result.passed]
    if json:
        for path, result in results:
            print_json(_case_row(path, result))
    else:
        for path, result in failed:
            word = "does not find" if result.expected else "finds"
            print_line(f"{path}: {word} `{result.name}`")
        told = f"{_counted(loaded)}, {counted(len(results), 'case')}"
        print_line(f"{told}, {len(failed)} failed")
    if failed or refusals:
        raise typer.Exit(1)


def _run_file(
    rules: Sequence[Rule | Correlation], cases: Path, within: RuleSet
) -> list[CaseResult]:
    with cases.open("rb") as opened:
        text = opened.read(FILE_SIZE_MAX + 1)
    parsed = parse_cases(text, path=str(cases))
    return run_cases(rules, parsed, path=str(cases), within=within)


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
    """List the shipped rules and correlations and those at PATHS, with the filters in them."""
    loaded = read_rules([shipped_rules_folder(), *(paths or ())])
    _say(loaded.refusals)
    if json:
        listed: tuple[Rule | Correlation, ...] = (*loaded.rules, *loaded.correlations)
        for one in listed:
            print_json(_listed(one, loaded))
        return
    print_table(
        ("rule", "level", "sees", "filters", "alerts", "title"),
        (
            *(
                (
                    rule.id,
                    rule.level,
                    rule.logsource,
                    ", ".join(one[:BRIEF] for one in rule.filters),
                    alerting(is_own=rule.id not in loaded.feeding),
                    rule.title,
                )
                for rule in loaded.rules
            ),
            *(
                (
                    one.id,
                    one.level,
                    counted(len(one.rules), "rule"),
                    "",
                    alerting(is_own=one.id not in loaded.feeding),
                    one.title,
                )
                for one in loaded.correlations
            ),
        ),
        is_sparse=True,
    )


def _listed(one: Rule | Correlation, loaded: RuleSet) -> dict[str, Any]:
    """Return a rule as a row, or a correlation, which sees the matches of other rules."""
    sees: dict[str, Any] = (
        {"logsource": str(one.logsource), "filters": list(one.filters)}
        if isinstance(one, Rule)
        else {"correlates": list(one.rules)}
    )
    return {
        "rule_id": one.id,
        "version": one.version,
        "title": one.title,
        "level": one.level,
        "status": one.status,
        **sees,
        "opens_alerts": one.id not in loaded.feeding,
        "path": one.path,
    }
