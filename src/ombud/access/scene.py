"""Scene: who wants to do what to what, as conditions and audiences look at it.

What is stored about an actor wins over what the asking program says, but for the
attributes that the policy takes its word for; of a thing, what is stored wins always.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ombud.access.attempt import Attempt
from ombud.access.condition import Condition, MissingAttribute
from ombud.access.decision import Reason
from ombud.access.model import Audience
from ombud.access.things import Thing

ActorKey = tuple[str, str]
Sides = tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any], Mapping[str, Any]]

# Values beforehand: to ask an enumeration for one costs more than to compare it.
NOT_MET = Reason.CONDITION_NOT_MET.value
_MISSING = Reason.ATTRIBUTE_MISSING.value
_UNKNOWN = Reason.ACTOR_UNKNOWN.value
_OUT = Reason.NOT_IN_AUDIENCE.value
_EVERYONE = frozenset({"*"})


class Actor:
    """Somebody who acts: what is stored about them.

    `is_stored` is False for whoever neither the policy nor the directory knows: of them
    it cannot be said that they are *not* in a unit.
    """

    __slots__ = ("attributes", "is_stored", "key", "roles", "units")

    def __init__(self, key: ActorKey, attributes: Mapping[str, Any] | None = None) -> None:
        stored = attributes or {}
        self.key = key
        self.is_stored = attributes is not None
        self.attributes: dict[str, Any] = {**stored, "type": key[0], "id": key[1]}
        self.units = _words(stored, "unit", "units")
        self.roles = _words(stored, "role", "roles")


class Scene:
    """One attempt with all that conditions may look at, put together when one does."""

    __slots__ = ("_sides", "actor", "attempt", "now", "purpose", "stated", "thing")

    def __init__(
        self,
        attempt: Attempt,
        actor: Actor | None,
        thing: Thing,
        *,
        purpose: str,
        now: int,
        stated: frozenset[str],
    ) -> None:
        self.attempt = attempt
        self.purpose = purpose
        self.now = now
        self.actor = actor or Actor((attempt.actor_type, attempt.actor_id))
        self.thing = thing
        self.stated = stated
        self._sides: Sides | None = None

    @property
    def sides(self) -> Sides:
        """The attributes of actor, resource and action, and the context."""
        if self._sides is None:
            attempt = self.attempt
            actor: Mapping[str, Any] = self.actor.attributes
            if attempt.actor and self.stated:
                said = {name: attempt.actor[name] for name in attempt.actor if name in self.stated}
                actor = {**actor, **said}
            resource: Mapping[str, Any] = self.thing.attributes
            if attempt.resource:
                resource = {**attempt.resource, **resource}
            action = {**attempt.action_properties, "name": attempt.action}
            context = {**attempt.context, "purpose": self.purpose, "time": self.now}
            self._sides = (actor, resource, action, context)
        return self._sides

    def check(self, condition: Condition) -> str:
        """Return the reason why a condition does not hold; nothing when it does."""
        try:
            return "" if condition.test(*self.sides) else NOT_MET
        except MissingAttribute as missing:
            return f"{_MISSING}:{missing.name}"


class Who:
    """An audience, compiled.  With a condition and nothing else it is everyone."""

    __slots__ = ("_actors", "_roles", "_types", "_units", "_when", "is_nobody")

    def __init__(self, audience: Audience, when: Condition | None) -> None:
        self._actors = frozenset(audience.actors)
        self._types = frozenset(audience.types)
        self._units = frozenset(audience.units)
        self._roles = frozenset(audience.roles)
        self._when = when
        is_listed = bool(self._actors or self._types or self._units or self._roles)
        self.is_nobody = not is_listed and when is None
        if not is_listed and when is not None:
            self._types = _EVERYONE

    def check(self, scene: Scene) -> str:
        """Return the reason why the actor is not one of these; nothing when they are.

        `actor_unknown` and `attribute_missing:NAME` mean that it cannot be said.
        """
        member = self._has(scene.actor)
        if member is False:
            return _OUT
        if self._when is not None:
            reason = scene.check(self._when)
            if reason:
                return _OUT if reason == NOT_MET else reason
        return "" if member else _UNKNOWN

    def may_have(self, scene: Scene) -> bool:
        """Whether the actor is one of these, or it cannot be said that they are not."""
        return self.check(scene) != _OUT

    def _has(self, actor: Actor) -> bool | None:
        type_, id_ = actor.key
        if self._types is _EVERYONE or type_ in self._types:
            return True
        # What stands before the first colon is the type: `a:b` of `c` is no `a` of `b:c`.
        if self._actors and ":" not in type_ and f"{type_}:{id_}" in self._actors:
            return True
        if not self._units and not self._roles:
            return False
        if not actor.is_stored:
            return None
        return not (self._units.isdisjoint(actor.units) and self._roles.isdisjoint(actor.roles))


def _words(stored: Mapping[str, Any], *names: str) -> frozenset[str]:
    found: set[str] = set()
    for name in names:
        value = stored.get(name)
        if isinstance(value, str):
            found.add(value)
        elif isinstance(value, Iterable):
            found.update(word for word in value if isinstance(word, str))
    return frozenset(found)
