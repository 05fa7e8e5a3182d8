"""Difference of data: what a policy says of datasets, of those who act, and of words it uses.

Stored attributes, declared types and calendars decide conditions, audiences and
deadlines; whether a change of them widens or narrows these cannot be told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ombud.access.difference_found import CHANGED, LOOSENED, TIGHTENED, Changes, words
from ombud.access.model import Column, Dataset, Policy
from ombud.access.requests_rules import dataset_approval
from ombud.access.wildcards import Names


class DataChanges(Changes):
    """The changes of data from one policy to another."""

    def __init__(self, old: Policy, new: Policy) -> None:
        super().__init__()
        self._old, self._new = old, new
        now = {dataset.id: dataset for dataset in new.datasets}
        for dataset in old.datasets:
            if dataset.id in now:
                self._dataset(dataset, now[dataset.id])
            elif dataset.type != "dataset":
                # Things of other types need not be declared, and are then bound by nothing.
                self.add("dataset", f"dataset {dataset.id}", LOOSENED, "is no longer declared")
        self._rest()
        self._stated()
        self._types()
        self._entities()

    def _dataset(self, was: Dataset, now: Dataset) -> None:
        place = f"dataset {now.id}"
        if (was.approval, was.owner, was.sources) != (now.approval, now.owner, now.sources):
            decide = (dataset_approval(one, now.id) for one in (self._old, self._new))
            self.approval(place, *decide)
        if was.intended != now.intended:
            more = set(now.intended or ()) - set(was.intended or ())
            is_looser = was.intended is not None and (now.intended is None or bool(more))
            said = "any purpose" if now.intended is None else words(now.intended)
            effect = LOOSENED if is_looser else TIGHTENED
            self.add("intended", place, effect, f"is intended for {said}")
        self.marks(place, "prohibited for", was.prohibited, now.prohibited)
        self.marks(place, "derived from", was.sources, now.sources)
        self.marks(place, "classified", was.classifications, now.classifications)
        self._columns(place, was.columns, now.columns)
        if was.subject != now.subject:
            effect = TIGHTENED if was.subject is None else LOOSENED
            said = "nobody" if now.subject is None else now.subject
            self.add("mark", place, effect, f"is about {said}, no longer {was.subject or 'nobody'}")
        self._attributes(place, was.attributes, now.attributes)

    def _columns(self, place: str, before: tuple[Column, ...], after: tuple[Column, ...]) -> None:
        was, now = ({column.name: column for column in each} for each in (before, after))
        if bool(was) is not bool(now):
            effect, said = (LOOSENED, "no longer") if was else (TIGHTENED, "now")
            self.add("mark", place, effect, f"{said} declares its columns")
        for name in dict.fromkeys((*was, *now)):
            known, column = was.get(name, Column(name=name)), now.get(name, Column(name=name))
            where = f"{place}, column {name}"
            self.marks(where, "prohibited for", known.prohibited, column.prohibited)
            self.marks(where, "classified", known.classifications, column.classifications)
            if name in was and name in now and known.type != column.type:
                self.add("type", where, LOOSENED, f"is {column.type}, no longer {known.type}")

    def _attributes(self, place: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        changed = sorted(
            name
            for name in {*was, *now}
            if was.get(name) != now.get(name) or (name in was) is not (name in now)
        )
        if changed:
            text = f"has other stored attributes: {words(changed)}"
            self.add("entity", place, LOOSENED, text)

    def _entities(self) -> None:
        was, now = (
            {(one.type, one.id): one.attributes for one in each.entities}
            for each in (self._old, self._new)
        )
        for type_, id_ in sorted({*was, *now}):
            # What is stored nowhere is taken from the directory, or may be stated.
            key = type_, id_
            self._attributes(f"{type_}:{id_}", was.get(key, {}), now.get(key, {}))

    def _types(self) -> None:
        for root in ("actor", "resource", "action", "context"):
            was = getattr(self._old.attributes, root)
            now = getattr(self._new.attributes, root)
            for name in sorted(name for name in was if name in now and was[name] != now[name]):
                text = f"is {now[name]}, no longer {was[name]}"
                self.add("type", f"attribute {root}.{name}", LOOSENED, text)

    def _rest(self) -> None:
        place, old, new = "policy", self._old, self._new
        if old.when_no_purpose != new.when_no_purpose:
            effect = TIGHTENED if new.when_no_purpose is None else LOOSENED
            said = new.when_no_purpose or "nothing: it is denied"
            self.add("purpose", place, effect, f"an attempt without a purpose is for {said}")
        if old.zone != new.zone:
            text = f"days and hours are those of {new.zone}, no longer {old.zone}"
            self.add("calendar", place, LOOSENED, text)
        more, fewer = set(new.holidays) - set(old.holidays), set(old.holidays) - set(new.holidays)
        if more:
            self.add("calendar", place, LOOSENED, f"deadlines pass over {words(more)} too")
        if fewer:
            self.add("calendar", place, TIGHTENED, f"deadlines no longer pass over {words(fewer)}")
        self._actions(set(new.actions) - set(old.actions))

    def _actions(self, more: Iterable[str]) -> None:
        """Report what is now an action: a line with a wildcard may have it in its scope."""
        lines = [line for purpose in self._new.purposes for line in purpose.scope]
        for action in sorted(more):
            is_meant = any(
                "*" in name and Names([name]).match(action)
                for line in lines
                for name in line.actions
            )
            effect = LOOSENED if is_meant else CHANGED
            self.add("actions", "policy", effect, f"{action} is an action now")

    def _stated(self) -> None:
        before, after = self._old.attributes.stated, self._new.attributes.stated
        more, fewer = set(after) - set(before), set(before) - set(after)
        if more:
            text = f"takes the asking program's word for {words(more)}"
            self.add("stated", "policy", LOOSENED, text)
        if fewer:
            text = f"no longer takes the asking program's word for {words(fewer)}"
            self.add("stated", "policy", TIGHTENED, text)
