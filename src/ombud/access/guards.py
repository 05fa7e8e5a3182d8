"""Guards: prohibitions, and stops at checkpoints, compiled to what they reach.

What can be said of an action and a thing alone is said once (`Reach.over`); what
needs the attempt is left for the decision.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ombud.access.attempt import Attempt, Fulfilment
from ombud.access.condition import Condition
from ombud.access.decision import Obligation, Reason
from ombud.access.model import Checkpoint, CheckpointKind, Prohibition
from ombud.access.scene import NOT_MET, Scene, Who
from ombud.access.things import DATASET, Thing, ThingKey
from ombud.access.wildcards import Names

WHOLE: frozenset[str] = frozenset({"*"})  # The whole thing, not some columns of it.
ACKNOWLEDGEMENT = "acknowledgement"
ACKNOWLEDGED_MINUTES = 365 * 24 * 60  # A year, or until the grant ends if that is sooner.


class Reach:
    """Which actions on which things a prohibition or a checkpoint speaks of."""

    __slots__ = ("_actions", "_classes", "_columns", "_resources", "_type")

    def __init__(self, rule: Prohibition | Checkpoint) -> None:
        self._actions = None if rule.actions is None else Names(rule.actions)
        self._resources = None if rule.resources is None else Names(rule.resources)
        # "Any resource" is meant in earnest: of every type, unless one is named.
        self._type = None if rule.resources is None and rule.type == DATASET else rule.type
        self._classes = None if rule.classifications is None else frozenset(rule.classifications)
        columns = rule.columns if isinstance(rule, Prohibition) else None
        self._columns = None if columns is None else frozenset(columns)

    @property
    def is_wide(self) -> bool:
        """Whether it speaks of things of every type."""
        return self._type is None

    def over(self, action: str, thing: Thing) -> frozenset[str] | None:
        """Return the columns of the thing that it speaks of, `WHOLE`, or None for nothing.

        What is derived from a dataset is spoken of with it.
        """
        if self._actions is not None and not self._actions.match(action):
            return None
        if not any(map(self._is_of, thing.origins)):
            return None
        return self._over_columns(thing)

    def _is_of(self, origin: ThingKey) -> bool:
        type_, id_ = origin
        if self._type is not None and self._type != type_:
            return False
        return self._resources is None or self._resources.match(id_)

    def _over_columns(self, thing: Thing) -> frozenset[str] | None:
        is_classed = self._classes is None or not self._classes.isdisjoint(thing.classifications)
        if self._columns is None and is_classed:
            return WHOLE
        if thing.columns is None:
            # Nobody said which columns there are: one of this name may be what is meant.
            return self._columns or self._likely_of_class(thing)
        names = frozenset(thing.columns) if self._columns is None else self._columns
        hit = {
            name
            for name in names
            if name in thing.columns
            and (is_classed or not (self._classes or frozenset()).isdisjoint(thing.columns[name]))
        }
        return frozenset(hit) or None

    def _likely_of_class(self, thing: Thing) -> frozenset[str] | None:
        classes = self._classes or frozenset()
        return (
            frozenset(name for name, own in thing.likely.items() if not classes.isdisjoint(own))
            or None
        )


class Ban(NamedTuple):
    """One prohibition as it stands over one action on one thing.

    `columns` are those it holds for, or `WHOLE`.  None of `who` and `when` means always.
    `is_loose`: it was not said of things of this kind, which may have no columns at all.
    """

    reason: str
    text: str
    columns: frozenset[str] = WHOLE
    who: Who | None = None
    when: Condition | None = None
    is_loose: bool = False

    def holds(self, scene: Scene) -> bool:
        """Whether it holds, or it cannot be said that it does not."""
        if self.who is not None and not self.who.may_have(scene):
            return False
        return self.when is None or scene.check(self.when) != NOT_MET

    def hits(self, scene: Scene) -> bool:
        """Whether it refuses the attempt; columns that were not named can be left out."""
        if self.columns is not WHOLE:
            asked = scene.attempt.columns
            if asked is not None and not names_any(asked, self.columns, scene.thing):
                return False
            if asked is None and (self.is_loose or scene.thing.columns is not None):
                return False
        return self.holds(scene)


class Guard(NamedTuple):
    """A prohibition, compiled."""

    name: str
    text: str
    reach: Reach
    who: Who | None
    when: Condition | None

    def over(self, action: str, thing: Thing) -> Ban | None:
        """Return what it is over one action on one thing; None where it is nothing."""
        columns = self.reach.over(action, thing)
        if columns is None:
            return None
        reason = f"{Reason.PROHIBITED.value}:{self.name}"
        is_loose = self.reach.is_wide and not thing.is_dataset
        return Ban(reason, self.text, columns, self.who, self.when, is_loose)


class Stop(NamedTuple):
    """A checkpoint over one action on one thing."""

    name: str
    reason: str
    columns: frozenset[str]
    who: Who | None
    when: Condition | None
    areas: frozenset[str] | None
    rows_min: int | None
    obligation: Obligation

    def applies(self, scene: Scene, rows_max: int | None) -> bool:
        """Whether the actor must stop; also where it cannot be said that they need not.

        `rows_max` is what a permit would bound the act to.
        """
        attempt = scene.attempt
        named = None if self.columns is WHOLE else attempt.columns
        if named is not None and not names_any(named, self.columns, scene.thing):
            return False
        if self.areas is not None:
            area = attempt.context.get("area")
            if isinstance(area, str) and area not in self.areas:
                return False
        if self.rows_min is not None:
            rows = attempt.context.get("rows")
            most = rows if type(rows) is int and rows >= 0 else rows_max
            if most is not None and most < self.rows_min:
                return False
        if self.who is not None and not self.who.may_have(scene):
            return False
        return self.when is None or scene.check(self.when) != NOT_MET

    def is_met(self, scene: Scene) -> bool:
        """Whether the actor has met it for this attempt."""
        return any(counts(each, self.name, scene) for each in scene.attempt.fulfilments)


def names_any(asked: Iterable[str], columns: frozenset[str], thing: Thing) -> bool:
    """Whether some of the columns that are asked for may be one of these.

    Where none are declared, the scope refuses no other spelling of a column's name, and
    the system behind may take one for the other.
    """
    if not columns.isdisjoint(asked):
        return True
    if thing.columns is not None:
        return False
    folded = {name.casefold() for name in columns}
    return any("*" in name or name.casefold() in folded for name in asked)


def counts(fulfilment: Fulfilment, checkpoint: str, scene: Scene) -> bool:
    """Whether a fulfilment is of this checkpoint, by this very actor, and for this act."""
    return not why_not(fulfilment, checkpoint, scene)


def why_not(fulfilment: Fulfilment, checkpoint: str, scene: Scene) -> str:
    """Return why a fulfilment does not count; nothing if it does."""
    attempt = scene.attempt
    objections = (
        (fulfilment.checkpoint != checkpoint, "it is of another checkpoint"),
        (
            (fulfilment.actor_type, fulfilment.actor_id) != scene.actor.key,
            "somebody else met it",
        ),
        (fulfilment.purpose != scene.purpose, "it is for another purpose"),
        (fulfilment.is_refused, "facts contradict it"),
        (scene.now >= fulfilment.until, "it holds no longer"),
        (
            fulfilment.attempt is not None and fulfilment.attempt != attempt.id,
            "it is for another attempt",
        ),
        (
            bool(fulfilment.resources) and not _is_among(attempt, fulfilment.resources),
            "it is for other resources",
        ),
    )
    return next((why for objects, why in objections if objects), "")


def _is_among(attempt: Attempt, resources: Iterable[str]) -> bool:
    # What stands before the first colon is the type: `a:b` of `c` is no `a` of `b:c`.
    type_, id_ = attempt.resource_type, attempt.resource_id
    return ":" not in type_ and f"{type_}:{id_}" in resources


class Checkpost(NamedTuple):
    """A checkpoint, compiled."""

    rule: Checkpoint
    reach: Reach
    who: Who | None
    when: Condition | None

    def over(self, action: str, thing: Thing) -> Stop | None:
        """Return what it is over one action on one thing; None where it is nothing."""
        columns = self.reach.over(action, thing)
        if columns is None:
            return None
        rule = self.rule
        return Stop(
            name=rule.name,
            reason=f"{Reason.CHECKPOINT.value}:{rule.name}",
            columns=columns,
            who=self.who,
            when=self.when,
            areas=None if rule.areas is None else frozenset(rule.areas),
            rows_min=rule.rows_min,
            obligation=Obligation("checkpoint", describe_checkpoint(rule)),
        )


def describe_checkpoint(rule: Checkpoint) -> dict[str, Any]:
    """Return what somebody who is stopped is shown and must give."""
    shown: dict[str, Any] = {"name": rule.name, "kind": rule.kind.value, "prompt": rule.prompt}
    optional: dict[str, Any] = {
        "pattern": rule.pattern,
        "length_min": rule.length_min,
        "choices": list(rule.choices),
        "multiple": rule.multiple,
        "with_text": rule.with_text,
    }
    shown.update({name: value for name, value in optional.items() if value})
    shown["every_minutes"] = rule.every_minutes
    shown["per"] = rule.per
    return shown


def acknowledgement(text: str) -> Checkpoint:
    """Return the checkpoint at which the text of a purpose is acknowledged."""
    return Checkpoint(
        name=ACKNOWLEDGEMENT,
        kind=CheckpointKind.ACKNOWLEDGEMENT,
        prompt=text,
        every_minutes=ACKNOWLEDGED_MINUTES,
        per="actor",
    )
