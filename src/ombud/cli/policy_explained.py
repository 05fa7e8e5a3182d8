"""Policy explained: how an attempt would be decided, and by which parts, in words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ombud.cli.output import note, print_facts, print_line, to_minute
from ombud.core.clock import format_instant

Json = dict[str, Any]


def print_explanation(answer: Json) -> None:
    """Print how an attempt would be decided, and every part that it came from."""
    would = answer["would"]
    facts: dict[str, object] = {
        "would be": "permitted" if answer["would_permit"] else "denied",
        "at": format_instant(answer["at"]),
        "policy": would["policy_version"],
        "purpose": would["purpose"],
        "grant": would["grant"],
        "line": would["line"],
        "obligations": [one["id"] for one in would["obligations"]],
    }
    print_facts(facts)
    for reason in answer["reasons"]:
        print_line(f"{reason['code']}: {reason['text']}")
    for line in _parts(answer):
        print_line(f"  {line}")
    if would["is_requestable"]:
        note(f"asking would lift it: `ombud request open {would['purpose']}{_asked(answer)}`")


def _asked(answer: Json) -> str:
    lacking = [row["dataset"] for row in answer["intended"] if not row["counts"]]
    return f'{f" --dataset {lacking[0]}" if lacking else ""} --text "…"'


def _parts(answer: Json) -> Iterator[str]:
    yield from map(_grant, answer["grants"])
    yield from map(_line, answer["lines"])
    yield from map(_prohibition, answer["prohibitions"])
    yield from map(_checkpoint, answer["checkpoints"])
    yield from map(_intended, answer["intended"])


def _grant(grant: Json) -> str:
    named = f"grant {grant['id']} for {grant['purpose']}, until {to_minute(grant['ends'])}"
    return f"{named}: {'counts' if grant['counts'] else grant['why_not']}"


def _line(line: Json) -> str:
    clause = f" ({line['clause']})" if line["clause"] else ""
    named = f"line {line['name']}{clause}"
    if line["failed"]:
        reasons = f" ({', '.join(line['reasons'])})" if line["reasons"] else ""
        return f"{named}: does not match in its {line['failed']}{reasons}"
    return f"{named}: {'decides' if line['decides'] else 'matches, but one before it decides'}"


def _prohibition(ban: Json) -> str:
    says = "refuses" if ban["refuses"] else "takes columns away" if ban["holds"] else "not touched"
    return f"prohibition {ban['reason'].removeprefix('prohibited:')}: {says}: {ban['text']}"


def _checkpoint(stop: Json) -> str:
    if not stop["applies"]:
        return f"checkpoint {stop['name']}: not at this act"
    refused = [one["why_not"] for one in stop["fulfilments"] if not one["counts"]]
    why = f" ({'; '.join(refused)})" if refused else ""
    return f"checkpoint {stop['name']}: {f'must be met first{why}' if stop['stops'] else 'met'}"


def _intended(row: Json) -> str:
    if row["is_intended"]:
        return f"dataset {row['dataset']}: meant for this purpose"
    attached = row["attachment"]
    return f"dataset {row['dataset']}: {'attached to it' if attached else 'not meant for it'}"
