"""Actor attributes: what the directory says of actors at an instant, for the decision.

An actor is a person by id or by account.  A name that stands for several people is
nobody's, and gets nothing: half-truths deny.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ombud.directory.kinds import Rows, begins_of, ends_of
from ombud.directory.span import END
from ombud.directory.spans import Belonging, Belongings
from ombud.directory.timeline import Timelines

KINDS_READ = ("person", "account", "unit", "membership", "supervision")
TYPES = ("person", "user")  # What actors are called here, and by AuthZEN's examples.

Attributes = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Actors:
    """What is known of actors by type and id, from an instant up to `until`, when it changes.

    `people` gives the person behind an id or account.
    """

    attributes: Mapping[tuple[str, str], Attributes]
    people: Mapping[str, str]
    until: int = END


NOBODY = Actors({}, {})


def read_actors(rows: Rows, now: int) -> Actors:
    """Return what the directory says of every actor at an instant (ms since the epoch)."""
    timelines = Timelines(rows.get("unit", ()), rows.get("supervision", ()))
    belongings = Belongings(rows.get("membership", ()), timelines)
    until = END
    of: dict[str, Attributes] = {}
    stand_for: dict[str, set[str]] = {}
    for row in rows.get("person", ()):
        person = row.values[0]
        here = next(one for one in belongings.of(person) if one.begins <= now < one.ends)
        until = min(until, here.ends)
        of[person] = _attributes(here)
        stand_for.setdefault(person, set()).add(person)
    for row in rows.get("account", ()):
        account, _, person, from_, to = row.values
        begins, ends = begins_of(from_), ends_of(to)
        if begins <= now < ends:
            stand_for.setdefault(account, set()).add(person)
            until = min(until, ends)
        elif now < begins:
            until = min(until, begins)
    people = {name: next(iter(them)) for name, them in stand_for.items() if len(them) == 1}
    attributes = {
        (type_, name): of[person]
        for name, person in people.items()
        if of.get(person)
        for type_ in TYPES
    }
    return Actors(attributes, people, until)


def _attributes(one: Belonging) -> Attributes:
    said: dict[str, Any] = {"unit": one.unit, "units": list(one.units), "role": one.role}
    return {name: value for name, value in said.items() if value}
