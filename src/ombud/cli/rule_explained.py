"""Rule explained: the conditions of a rule as a tree, each with what the event has."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.text import Text

from ombud.cli.output import BRIEF, note, print_line, stdout, visible
from ombud.detect.telling.wording import sigma_value

Json = dict[str, Any]

DEMANDS_SHOWN = 6  # Values of one list of a rule that are shown; `--json` has all.
DEMAND_LENGTH = 60  # Characters of one of them.
VALUE_LENGTH = 80  # Characters of one value of the event.
UUID_LENGTH = 32  # Characters of an id that a rule without one is given, or 36 with dashes.
_JOINTS = {"all": "all of", "any": "any of", "not": "not"}


def print_explained(answer: Json) -> None:
    """Print whether a rule matches, whether it sees the event, and every condition."""
    if "rules" in answer:
        _print_correlation(answer)
        return
    rule = answer["rule"]
    title = Text(visible(f"{rule['title']} ({_id(rule)}, version {rule['version'][:8]}) "))
    title.append(
        "matches" if answer["is_match"] else "does not match",
        style="bold green" if answer["is_match"] else "bold red",
    )
    stdout.print(title + Text(visible(f" {_event(answer['event'])}")))
    print_line(f"sees it: {_SEES[answer['sees']]}: {answer['sees_reason']}")
    if rule["filters"]:
        print_line(f"filters in its condition: {', '.join(rule['filters'])}")
    for line in _lacking(answer):
        print_line(line)
    if answer["condition"] is not None:
        for mark, depth, text in _lines(answer["condition"], 0, wanted=True):
            stdout.print(mark + Text(visible("  " * depth + text)))
    if answer["sees"] is False and (answer["condition"] or {}).get("is_met"):
        note("its condition is met, but the rule does not see this event")


def _print_correlation(answer: Json) -> None:
    """Print what the rules of a correlation make of an event, and the group it would be in."""
    rule = answer["rule"]
    counts = "counts for it" if answer["is_match"] else "does not count for it"
    event = _event(answer["event"])
    print_line(f"{rule['title']} ({_id(rule)}), a correlation by {rule['type']}")
    print_line(f"{event} {counts}")
    for name, values in answer["group"].items():
        print_line(f"its {name} is {_joined(values) or 'missing, so it is in no group'}")
    for inner in answer["rules"]:
        print_line("")
        print_explained({**inner, "event": answer["event"]})
    note("one event does not meet a correlation: `ombud rules backtest` puts it to many")


def _id(rule: Json) -> str:
    """Return the beginning of an id that is a UUID, and a name as it is."""
    is_long = len(rule["id"]) >= UUID_LENGTH
    return str(rule["id"][:BRIEF] if is_long else rule["id"])


_SEES = {True: "yes", False: "no", None: "not known"}


def _event(event: Json) -> str:
    if event.get("alert"):
        return f"event {event['index']}, the first of alert {event['alert'][:8]}"
    if event["index"] is not None:
        return f"event {event['index']}"
    line = f" line {event['line']}" if event["line"] is not None else ""
    place = "standard input" if event["file"] == "-" else event["file"]
    return f"the event of {place}{line}"


def _lacking(answer: Json) -> Iterator[str]:
    if answer["condition"] is None:
        why = "is withheld from you" if answer["event"].get("original") == "withheld" else "is gone"
        yield f"the rule is about the original of the event, which {why}"
    for field in answer["unknown_fields"]:
        yield f"not known here: `{field}`, which rules have while they follow the record"


def _lines(finding: Json, depth: int, *, wanted: bool) -> Iterator[tuple[Text, int, str]]:
    """Yield mark, depth and words of a condition and all below it.

    What helps the rule to match is green, which under a `not` is what is not met.
    """
    met = finding["is_met"]
    style = "green" if met is wanted else "red"
    mark = Text("✓ yes " if met else "✗ no  ", style=style)
    named = f"{finding['name']}: " if finding["name"] else ""
    if finding["kind"] in _JOINTS:
        yield mark, depth, named + _JOINTS[finding["kind"]]
        for part in finding["parts"]:
            yield from _lines(part, depth + 1, wanted=wanted is not (finding["kind"] == "not"))
        return
    yield mark, depth, f"{named}{_demand(finding)}  ({_held(finding)})"
    for hint in finding["hints"]:
        yield Text(" " * len(mark)), depth + 1, f"→ {hint}"


def _demand(finding: Json) -> str:
    field = "keyword" if finding["kind"] == "keyword" else finding["field"]
    demanded = finding["demanded"]
    shown = [_cut(sigma_value(value), DEMAND_LENGTH) for value in demanded[:DEMANDS_SHOWN]]
    if len(demanded) > DEMANDS_SHOWN:
        shown.append(f"… {len(demanded) - DEMANDS_SHOWN} more")
    values = shown[0] if len(demanded) == 1 else f"[{', '.join(shown)}]" if demanded else "?"
    return f"{'|'.join((field, *finding['modifiers']))}: {values}"


def _held(finding: Json) -> str:
    values = finding["values"]
    if finding["kind"] == "keyword":
        return f"in {_joined(values)}" if values else "in no value of the event"
    if values is None:
        return "the event has no such field"
    return f"the event has {_joined(values)}" if values else "the event has an empty list"


def _joined(values: list[Any]) -> str:
    return ", ".join(_cut(sigma_value(value), VALUE_LENGTH) for value in values)


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
