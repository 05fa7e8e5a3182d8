"""Commands `rules status|enable|disable`: the rules of a home."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from ombud.app.opening import open_door
from ombud.cli.options import HomeOption, JsonOption
from ombud.cli.output import counted, note, print_json, print_line, print_table

RuleArgument = Annotated[str, typer.Argument(help="A rule's id, of which the beginning is enough.")]


def status(home: HomeOption, json: JsonOption = False) -> None:
    """Show a home's rules with their states, and what they cannot do there.

    Exit status 1 says that a rule was refused.
    """
    with open_door(home) as door:
        report = door.rules()
    if json:
        print_json(report)
    else:
        print_table(
            ("rule", "level", "state", "alerts", "title"),
            (
                (
                    row["id"],
                    row["level"],
                    row["state"],
                    alerting(is_own=row["opens_alerts"]),
                    row["title"],
                )
                for row in report["rules"]
            ),
        )
        for row in report["never_seen"]:
            print_line(
                f"never seen: `{row['field']}` in {row['event_count']:,} events of"
                f" {row['source']}; needed by {counted(len(row['rule_ids']), 'rule')}"
            )
        for row in report["silent"]:
            print_line(f"cannot fire yet: {row['title']}: {row['reason']}")
        for row in report["left_out"]:
            print_line(f"not all that {row['title']} counts: {_left_out(row)}")
        if report["unreadable"]:
            print_line(f"put to no rule: {report['unreadable']} events that cannot be read")
        for row in report["refused"]:
            note(f"refused {row['path']}: {row['reason']}")
    if report["refused"]:
        raise typer.Exit(1)


def alerting(*, is_own: bool) -> str:
    """Return whether a rule opens alerts, or only feeds a correlation."""
    return "yes" if is_own else "feeds"


def _left_out(row: Mapping[str, Any]) -> str:
    told = {
        "late": "came late and met only what is still kept",
        "no_group": "without a value to group by",
        "no_value": "without the value asked for",
        "overflow": "beyond what is kept",
    }
    return "; ".join(f"{row[name]:,} {why}" for name, why in told.items() if row[name])


def enable(rule: RuleArgument, home: HomeOption, json: JsonOption = False) -> None:
    """Switch a rule on."""
    with open_door(home) as door:
        answer = door.rule_state(rule, is_enabled=True, reason=None)
    if json:
        print_json(answer)
    else:
        note(f"enabled `{answer['id']}`")


def disable(
    rule: RuleArgument,
    home: HomeOption,
    why: Annotated[str, typer.Option("--why", help="Why; it becomes part of the record.")],
    json: JsonOption = False,
) -> None:
    """Switch a rule off; that it was switched off, by whom and why, is on record."""
    with open_door(home) as door:
        answer = door.rule_state(rule, is_enabled=False, reason=why)
    if json:
        print_json(answer)
    else:
        note(f"disabled `{answer['id']}`")
