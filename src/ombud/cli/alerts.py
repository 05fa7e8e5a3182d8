"""Command `alerts`: what the rules raised, and one alert with all that explains it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import orjson
import typer

from ombud.app.opening import open_door
from ombud.cli.events import event_row
from ombud.cli.options import CaseOption, HomeOption, JsonOption, WhyOption
from ombud.cli.output import (
    note,
    print_facts,
    print_json,
    print_line,
    print_table,
    shortened,
    to_minute,
    wrapped,
)

app = typer.Typer(add_completion=False)

ID_SHOWN = 8  # Characters of an id in a list; the beginning of an id is enough to ask for it.
ACTOR_SHOWN = 20  # Characters of an actor in a list.
EVENTS_SHOWN = 20  # Events of an alert in text; `--json` shows all that it keeps.
EVENT_COLUMNS = ("event", "time (UTC)", "who", "action", "on", "case", "matched by")


@app.command()
def alerts(
    home: HomeOption,
    alert_id: Annotated[
        str | None,
        typer.Argument(metavar="[ID]", help="One alert; the beginning of its id is enough."),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Alerts at most.")] = 100,
    why: WhyOption = None,
    case: CaseOption = None,
    json: JsonOption = False,
) -> None:
    """List alerts, the latest first, or show one: its rule, its events, what matched.

    The look itself becomes an event.
    """
    with open_door(home) as door:
        if alert_id is not None:
            answer = door.alert(alert_id, why=why, case=case)
            if json:
                print_json(answer)
            else:
                _show(answer)
            return
        rows = door.alerts(limit=limit)["alerts"]
    if json:
        for row in rows:
            print_json(row)
        return
    print_table(
        ("alert", "level", "last (UTC)", "actor", "events", "what happened"),
        (
            (
                row["id"][:ID_SHOWN],
                row["level"],
                to_minute(row["last_time"]),
                shortened(row["actor_id"] or "", ACTOR_SHOWN),
                row["event_count"],
                row["sentence"] or row["title"],
            )
            for row in rows
        ),
    )
    if rows:
        note(f"`ombud alerts {rows[0]['id'][:ID_SHOWN]}` shows one: events, what matched, the rule")


def _show(answer: Mapping[str, Any]) -> None:
    alert, rule = answer["alert"], answer["rule"]
    print_line(alert["sentence"] or alert["title"])
    print_line("")
    print_facts(
        {
            "alert": alert["id"],
            "rule": f"{alert['title']} ({alert['rule_id']})",
            "level": alert["level"],
            "actor": alert["actor_id"] or "unknown",
            "group": ", ".join(f"{k} {v}" for k, v in alert["group"].items() if v) or "none",
            "events": alert["event_count"],
            "first": to_minute(alert["first_time"]),
            "last": to_minute(alert["last_time"]),
        }
    )
    for heading, lines in _said(rule):
        print_line("")
        print_line(heading)
        for line in lines:
            print_line(wrapped(line))
    events = answer["events"]
    print_line("")
    print_table(EVENT_COLUMNS, (_event_row(event) for event in events[:EVENTS_SHOWN]))
    if (hidden := alert["event_count"] - min(len(events), EVENTS_SHOWN)) > 0:
        note(f"{hidden} more; `--json` shows the first {len(events)}")


def _said(rule: Mapping[str, Any] | None) -> Iterator[tuple[str, list[str]]]:
    """Yield what the rule says to whoever reads its alert."""
    if rule is None:
        yield "Its rule runs no more.", []
        return
    if not rule["is_same_version"]:
        yield "The rule has changed since; this is what it says now.", []
    for heading, value in (
        ("What it means", [rule["description"]]),
        ("Innocent explanations", rule["falsepositives"]),
        ("What it does not see", rule["blind_spots"]),
        ("What to do", [rule["response"]]),
    ):
        if lines := [" ".join(text.split()) for text in value if text]:
            yield heading, lines


def _text(value: Any) -> str:
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def _event_row(kept: Mapping[str, Any]) -> tuple[object, ...]:
    event = kept["event"]
    index, _, who, action, place, _, case, *_ = event_row(event)
    matched = ", ".join(
        f"{name}={'/'.join(_text(one) for one in values)}" if values else f"{name} missing"
        for name, values in kept["fields"].items()
    )
    return (index, to_minute(event["time"]), who, action, place, case, matched)
