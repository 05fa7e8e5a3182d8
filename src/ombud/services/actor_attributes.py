"""Actor attributes: what the directory says of actors at an instant, for the decision.

An actor is a person by id or by account.  A name that stands for several people is
nobody's, and gets nothing: half-truths deny.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ombud.directory.kinds import Rows, begins_of, ends_of
from ombud.directory.span import BEGINNING, END
from ombud.directory.spans import Belonging, Belongings
from ombud.directory.timeline import Timelines

KINDS_READ = ("person", "account", "unit", "membership", "supervision")
TYPES = ("person", "user")  # What actors are called here, and by AuthZEN's examples.

Attributes = Mapping[str, Any]
NOTHING: Attributes = {}


@dataclass(frozen=True, slots=True)
class Actors:
    """What is known of actors by type and id, from an instant up to `until`, when it changes.

    `people` gives the person behind an id or account.
    """

    attributes: Mapping[tuple[str, str], Attributes]
    people: Mapping[str, str]
    until: int = END


NOBODY = Actors({}, {})


class _Stands(NamedTuple):
    """For whom a name stands, from `begins` up to `ends`."""

    begins: int
    ends: int
    person: str


class ActorsOverTime:
    """What the directory says of actors, over all time."""

    def __init__(self, rows: Rows) -> None:
        timelines = Timelines(rows.get("unit", ()), rows.get("supervision", ()))
        self._belongings = Belongings(rows.get("membership", ()), timelines)
        self._kept: dict[str, list[tuple[Belonging, Attributes]]] = {}
        self._names: dict[str, list[_Stands]] = {}
        for row in rows.get("person", ()):
            self._names.setdefault(row.values[0], []).append(_Stands(BEGINNING, END, row.values[0]))
        for row in rows.get("account", ()):
            account, _, person, from_, to = row.values
            stands = _Stands(begins_of(from_), ends_of(to), person)
            self._names.setdefault(account, []).append(stands)

    def person(self, name: str, at: int) -> str | None:
        """Return who a person's id or an account stood for at an instant, if that is one person."""
        people = {one.person for one in self._names.get(name, ()) if one.begins <= at < one.ends}
        return people.pop() if len(people) == 1 else None

    def attributes(self, person: str, at: int) -> Attributes:
        """Return what was known of a person at an instant; the same value while it lasts."""
        return next(said for one, said in self._of(person) if one.begins <= at < one.ends)

    def at(self, now: int) -> Actors:
        """Return what is known of everybody at an instant."""
        people = {name: person for name in self._names if (person := self.person(name, now))}
        attributes = {
            (type_, name): said
            for name, person in people.items()
            if (said := self.attributes(person, now))
            for type_ in TYPES
        }
        return Actors(attributes, people, min(self._changes(now), default=END))

    def _of(self, person: str) -> list[tuple[Belonging, Attributes]]:
        known = self._kept.get(person)
        if known is None:
            known = [(one, _attributes(one)) for one in self._belongings.of(person)]
            self._kept[person] = known
        return known

    def _changes(self, now: int) -> Iterator[int]:
        """Yield the instants after this one at which somebody is, or is called, something else."""
        for stretches in self._names.values():
            for one in stretches:
                if one.ends > now:
                    yield one.ends if one.begins <= now else one.begins
        for parts in self._kept.values():
            yield from (one.ends for one, _ in parts if one.begins <= now < one.ends)


def read_actors(rows: Rows, now: int) -> Actors:
    """Return what the directory says of every actor at an instant (ms since the epoch)."""
    return ActorsOverTime(rows).at(now)


def _attributes(one: Belonging) -> Attributes:
    said: dict[str, Any] = {"unit": one.unit, "units": list(one.units), "role": one.role}
    return {name: value for name, value in said.items() if value} or NOTHING
