"""Policy difference: what changes for whom, the essence first and what is alike together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from textwrap import wrap
from typing import Any, NamedTuple

from ombud.cli.output import note, print_facts, print_line, stdout

Json = dict[str, Any]

PARTS_MAX = 12  # Groups of each kind of change that are shown unless all are asked for.
NAMES_MAX = 4  # Purposes and actors named in a line; the rest are counted.
EFFECTS = {"loosened": "!", "tightened": "~", "changed": "~"}
ALONE = {
    "first": "one person, for it is the first",
    "allowed": "one person, for it lowers no oversight",
    "lone": "one person, for the policy lets them until a date",
}


class Group(NamedTuple):
    """Audiences that gain or lose the same rights for the same purposes."""

    purposes: tuple[str, ...]
    who: tuple[tuple[str, tuple[str, ...]], ...]  # Each with its people now.
    rights: tuple[str, ...]


def print_difference(diff: Json, *, everything: bool = False) -> None:
    """Print a difference: how much, what lowers oversight, then who gains and loses what."""
    if not (diff["gains"] or diff["loses"] or diff["rules"]):
        print_line("no difference")
        return
    print_facts({"gained": _amount(diff["gains"]), "lost": _amount(diff["loses"])})
    lowering = [line for line in _lowering(diff) if line]
    others = [f"~ {_of_rule(rule)}" for rule in diff["rules"] if rule["effect"] != "loosened"]
    _print_capped([f"! {line} (loosened)" for line in lowering], "!", everything=True)
    _print_capped(others, "~", everything=everything)
    for sign, changes in (("+", diff["gains"]), ("-", diff["loses"])):
        _print_capped(list(_blocks(sign, changes)), sign, everything=everything)


def print_needed(diff: Json) -> None:
    """Print who must agree to what is to be applied."""
    if diff["second_persons"]:
        outside = " from another unit" if diff["is_outside"] else ""
        print_line(f"needs {persons(diff['second_persons'])}{outside}")
    elif diff["alone"]:
        print_line(f"needs {ALONE[diff['alone']]}")


def persons(count: int) -> str:
    """Return how many second persons, in words."""
    return "a second person" if count == 1 else f"{count} other people"


def find_groups(changes: Iterable[Json]) -> list[Group]:
    """Put together what is alike: rights of one audience, its purposes, then audiences."""
    rights: dict[tuple[Any, ...], dict[tuple[Any, ...], list[str]]] = {}
    for change in changes:
        who = (change["who"], tuple(change["actors"]))
        kind = "" if change["type"] == "dataset" else f"{change['type']} "
        right = (tuple(change["actions"]), kind, tuple(change["what"]))
        at = rights.setdefault((who, change["purpose"]), {})
        at.setdefault(right, []).append(change["resource"])
    purposes: dict[tuple[Any, ...], list[str]] = {}
    for (who, purpose), found in rights.items():
        purposes.setdefault((who, tuple(map(_right, found, found.values()))), []).append(purpose)
    audiences: dict[tuple[Any, ...], list[Any]] = {}
    for (who, bundle), names in purposes.items():
        audiences.setdefault((tuple(names), bundle), []).append(who)
    return sorted(
        Group(names, tuple(who), bundle) for (names, bundle), who in audiences.items()
    )  # fmt: skip


def _right(right: tuple[Any, ...], resources: Sequence[str]) -> str:
    actions, kind, what = right
    said = f"{', '.join(actions)} {kind}{_named(resources)}"
    return f"{said} ({'; '.join(what)})" if what else said


def _amount(changes: Sequence[Json]) -> str:
    if not changes:
        return "nothing"
    counts = {
        "audience": {change["who"] for change in changes},
        "resource": {(change["type"], change["resource"]) for change in changes},
        "purpose": {change["purpose"] for change in changes},
    }
    of = [f"{len(each):,} {name}{'' if len(each) == 1 else 's'}" for name, each in counts.items()]
    return f"by {of[0]}, over {of[1]}, for {of[2]}"


def _lowering(diff: Json) -> list[str]:
    """Return in what oversight is lowered; who must agree may have found more than the rules."""
    rules = [_of_rule(rule) for rule in diff["rules"] if rule["effect"] == "loosened"]
    return list(dict.fromkeys([*rules, *diff.get("lowers", ())]))


def _of_rule(rule: Json) -> str:
    return f"{rule['place']}: {rule['text']}"


def _blocks(sign: str, changes: Sequence[Json]) -> Iterable[str]:
    """Yield one block for each set of purposes, with a line for each set of audiences."""
    for names, groups in groupby(find_groups(changes), key=lambda group: group.purposes):
        lines = [f"{sign} for {_stemmed(names)}"]
        for group in groups:
            lines += _folded(f"{_people(group.who)}: {'; '.join(group.rights)}")
        yield "\n".join(lines)


def _folded(text: str) -> list[str]:
    return wrap(
        text, width=max(stdout.width, 40), initial_indent="    ", subsequent_indent="      ",
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip


def _stemmed(names: Sequence[str]) -> str:
    """Return purposes, those whose names go on from the first by their ends alone."""
    stem = f"{names[0]}."
    ends = [name.removeprefix(names[0]) if name.startswith(stem) else name for name in names]
    return _named(ends)


def _named(names: Sequence[str]) -> str:
    more = len(names) - NAMES_MAX
    if more < 2:  # One more name is no longer than that there is one more.
        return ", ".join(names)
    return f"{', '.join(names[:NAMES_MAX])} and {more} more"


def _people(who: Sequence[tuple[str, tuple[str, ...]]]) -> str:
    """Return audiences with the people in them now; those without anybody together, last."""
    known = [
        name if actors == (name,) else f"{name} (now {_named(actors)})"
        for name, actors in who
        if actors
    ]
    nobody = [name for name, actors in who if not actors]
    if nobody:
        known.append(f"{', '.join(nobody)} (nobody now)")
    return ", ".join(known)


def _print_capped(parts: Sequence[str], sign: str, *, everything: bool) -> None:
    shown = parts if everything else parts[:PARTS_MAX]
    for part in shown:
        for line in part.split("\n"):
            print_line(line)
    if len(parts) > len(shown):
        note(f"{sign} and {len(parts) - len(shown):,} more; `--all` lists them")
