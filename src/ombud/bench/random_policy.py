"""Random policy: small worlds in which everything that a decision depends on occurs.

They are for comparing two deciders: names are few, so that grants, lines, prohibitions
and checkpoints meet often.  The same seed gives the same world.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fnmatch import fnmatchcase
from random import Random
from typing import Any

from ombud.access.attempt import Attachment, Attempt, Fulfilment, Grant, Spent
from ombud.access.model import (
    Audience,
    Checkpoint,
    CheckpointKind,
    Column,
    Dataset,
    Entity,
    Hours,
    Limits,
    Line,
    Policy,
    Prohibition,
    Purpose,
    ReasonCode,
)
from ombud.bench.random_world import (
    ACTIONS,
    ACTORS,
    AREAS,
    ATTRIBUTES,
    CODES,
    COLUMNS,
    DAY_MS,
    LABELS,
    NOWS,
    ROLES,
    START,
    UNITS,
    VALUES,
    Atom,
    Compound,
    Formula,
    World,
    write,
)


class Maker:
    """Makes worlds and attempts of one seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)
        self._formulas: dict[str, Formula] = {}

    def world(self) -> World:
        """Return a new world."""
        self._formulas = {}
        random = self._random
        purposes = self._purposes()
        names = [purpose.id for purpose in purposes]
        datasets = self._datasets(names)
        ids = [dataset.id for dataset in datasets]
        policy = Policy(
            purposes=tuple(self._fill(purpose, ids) for purpose in purposes),
            datasets=datasets,
            entities=self._entities(),
            prohibitions=tuple(
                self._prohibition(f"x{n}", ids) for n in range(random.choice((0, 0, 0, 1)))
            ),
            checkpoints=tuple(
                self._checkpoint(f"c{n}", ids) for n in range(random.choice((0, 0, 1)))
            ),
            reason_codes=(ReasonCode(code="support"), ReasonCode(code="legal", allowed=False)),
            vendor=self._maybe(self._audience, 0.06),
            attributes=ATTRIBUTES,
            when_no_purpose=self._maybe(lambda: random.choice(names), 0.3),
        )
        return World(
            policy=policy,
            grants=tuple(self._grant(n, names) for n in range(random.randint(4, 12))),
            attachments=tuple(self._attachment(ids, names) for _ in range(random.randint(0, 3))),
            directory={key: self._known() for key in ACTORS[:3] if random.random() < 0.7},
            fulfilments=tuple(self._fulfilment(n, policy, names, ids) for n in range(6)),
            spent={
                (*actor, name): Spent(*(random.choice((0, 5, 10, 20)) for _ in range(3)))
                for actor in ACTORS
                for name in names
                if random.random() < 0.3
            },
            formulas=self._formulas,
        )

    def attempt(self, world: World, number: int) -> Attempt:
        """Return an attempt in a world; most of them are near to being permitted."""
        random = self._random
        things = [(each.type, each.id) for each in world.policy.datasets]
        things += [("record", "r1"), ("record", "r2"), ("record", "other"), ("dataset", "nothing")]
        actor = random.choice((*ACTORS, ("person", "stranger")))
        purpose: str | None = random.choice(world.policy.purposes).id
        thing = random.choice(things)
        action = random.choice(ACTIONS)
        if random.random() < 0.7:
            grant = random.choice(world.grants)
            actor = (grant.actor_type, grant.actor_id)
            below = [each for each in world.policy.purposes if _is_below(each, grant, world)]
            chosen = random.choice(below)
            purpose = chosen.id
            line = random.choice(chosen.scope)
            near = [
                each for each in things if _has(line.resources, each[1]) and each[0] == line.type
            ]
            thing = random.choice(near or things)
            action = random.choice(
                [each for each in ACTIONS if _has(line.actions, each)] or ACTIONS
            )
        if random.random() < 0.05:
            purpose = random.choice((None, "unheard"))
            action = random.choice((*ACTIONS, "fly"))
        return Attempt(
            actor_type=actor[0],
            actor_id=actor[1],
            action=action,
            resource_type=thing[0],
            resource_id=thing[1],
            purpose=purpose,
            actor=self._attributes("actor", 0.4),
            resource=self._attributes("resource", 0.5),
            action_properties=self._attributes("action", 0.5),
            context={**self._attributes("context", 0.7), **self._circumstances()},
            columns=self._maybe(lambda: tuple(self._some(COLUMNS)), 0.4),
            fulfilments=tuple(each for each in world.fulfilments if random.random() < 0.7),
            id=f"a{number % 4}",
        )

    def now(self) -> int:
        """Return an instant at which to decide."""
        return self._random.choice(NOWS)

    def _circumstances(self) -> dict[str, Any]:
        random = self._random
        possible: dict[str, Callable[[], Any]] = {
            "area": lambda: random.choice((*AREAS, "elsewhere")),
            "rows": lambda: random.choice((0, 5, 11, 30)),
            "bytes": lambda: random.choice((0, 5, 30)),
            "subjects": lambda: random.choice((0, 5, 30)),
            "reason_code": lambda: random.choice((*CODES, "unheard")),
            "aggregate": lambda: random.random() < 0.5,
        }
        return {name: make() for name, make in possible.items() if random.random() < 0.5}

    def _purposes(self) -> list[Purpose]:
        random = self._random
        made: list[Purpose] = []
        for number in range(random.randint(1, 5)):
            parent = random.choice((None, *(each.id for each in made)))
            made.append(Purpose(id=f"p{number}", title="", parent=parent))
        return made

    def _fill(self, purpose: Purpose, ids: Sequence[str]) -> Purpose:
        random = self._random
        audience = self._maybe(self._audience, 0.25)
        few = (0, 0, 0, 0, 0, 1)
        return Purpose(
            id=purpose.id,
            title="",
            parent=purpose.parent,
            audience=audience,
            standing=audience is not None and random.random() < 0.6,
            acknowledgement=self._maybe(lambda: "I know", 0.1),
            scope=tuple(self._line(f"l{n}", ids) for n in range(random.randint(1, 4))),
            limits=self._limits(),
            until=self._maybe(lambda: random.choice(NOWS), 0.15),
            prohibitions=tuple(
                self._prohibition(f"{purpose.id}x{n}", ids) for n in range(random.choice(few))
            ),
            checkpoints=tuple(
                self._checkpoint(f"{purpose.id}c{n}", ids) for n in range(random.choice(few))
            ),
        )

    def _line(self, name: str, ids: Sequence[str]) -> Line:
        random = self._random
        type_ = random.choice(("dataset", "dataset", "record"))
        resources = ("*", "r1", "r*") if type_ == "record" else ("*", "*", "d*", "d1*", *ids)
        return Line(
            name=name,
            actions=random.choice(
                (("*",), ("read", "search"), ("re*",), (random.choice(ACTIONS),))
            ),
            resources=tuple(self._some(resources)),
            type=type_,
            systems=self._maybe(lambda: ("sys1",), 0.15),
            columns=self._maybe(lambda: tuple(self._some(COLUMNS)), 0.3),
            aggregate_only=self._maybe(lambda: (random.choice(COLUMNS),), 0.15) or (),
            limits=self._limits(),
            areas=self._maybe(lambda: tuple(self._some(AREAS)), 0.15),
            hours=self._maybe(self._hours, 0.15),
            until=self._maybe(lambda: random.choice(NOWS), 0.1),
            when=self._maybe(self._condition, 0.4),
        )

    def _hours(self) -> tuple[Hours, ...]:
        random = self._random
        since, until = random.randrange(0, 1440, 60), random.randrange(0, 1440, 60)
        return (Hours(days=tuple(self._some(range(1, 8))), since=since, until=until),)

    def _limits(self) -> Limits:
        random = self._random
        numbers = {
            name: random.choice((5, 10, 20))
            for name in Limits.__struct_fields__
            if random.random() < 0.07
        }
        return Limits(**numbers)

    def _prohibition(self, name: str, ids: Sequence[str]) -> Prohibition:
        return Prohibition(
            name=name,
            reason="",
            actions=self._maybe(lambda: tuple(self._some(ACTIONS)), 0.6),
            resources=self._maybe(lambda: tuple(self._some(("d1*", *ids))), 0.5),
            columns=self._maybe(lambda: tuple(self._some(COLUMNS)), 0.3),
            classifications=self._maybe(lambda: tuple(self._some(LABELS)), 0.3),
            audience=self._maybe(self._audience, 0.4),
            when=self._maybe(self._condition, 0.5),
        )

    def _checkpoint(self, name: str, ids: Sequence[str]) -> Checkpoint:
        random = self._random
        return Checkpoint(
            name=name,
            kind=CheckpointKind.TEXT,
            prompt="why?",
            actions=self._maybe(lambda: tuple(self._some(ACTIONS)), 0.6),
            resources=self._maybe(lambda: tuple(self._some(ids)), 0.4),
            classifications=self._maybe(lambda: tuple(self._some(LABELS)), 0.3),
            audience=self._maybe(self._audience, 0.3),
            areas=self._maybe(lambda: tuple(self._some(AREAS)), 0.3),
            rows_min=self._maybe(lambda: random.choice((5, 10, 20)), 0.4),
            when=self._maybe(self._condition, 0.3),
        )

    def _audience(self) -> Audience:
        random = self._random
        listed: dict[str, Callable[[], Any]] = {
            "actors": lambda: tuple(":".join(actor) for actor in self._some(ACTORS)),
            "types": lambda: (random.choice(("person", "service")),),
            "units": lambda: (random.choice(UNITS),),
            "roles": lambda: (random.choice(ROLES),),
        }
        chosen = self._some(sorted(listed))
        return Audience(
            **{name: listed[name]() for name in chosen}, when=self._maybe(self._condition, 0.3)
        )

    def _datasets(self, purposes: Sequence[str]) -> tuple[Dataset, ...]:
        random = self._random
        made: list[Dataset] = []
        for number in range(random.randint(2, 6)):
            columns = tuple(
                Column(
                    name=name,
                    classifications=tuple(self._some(LABELS)) if random.random() < 0.3 else (),
                    prohibited=(random.choice(purposes),) if random.random() < 0.03 else (),
                )
                for name in self._some(COLUMNS)
            )
            made.append(
                Dataset(
                    id=random.choice((f"d{number}", f"d1{number}")),
                    system=self._maybe(lambda: random.choice(("sys1", "sys2")), 0.6),
                    columns=columns if random.random() < 0.7 else (),
                    classifications=(random.choice(LABELS),) if random.random() < 0.2 else (),
                    intended=self._maybe(lambda: tuple(self._some(purposes)), 0.25),
                    prohibited=(random.choice(purposes),) if random.random() < 0.03 else (),
                    sources=(random.choice(made).id,) if made and random.random() < 0.3 else (),
                    attributes=self._attributes("resource", 0.4),
                )
            )
        return tuple(made)

    def _entities(self) -> tuple[Entity, ...]:
        random = self._random
        made = [Entity(type="record", id="r1", attributes=self._attributes("resource", 0.6))]
        if random.random() < 0.5:
            made.append(Entity(type="person", id="ana", attributes=self._known()))
        return tuple(made)

    def _known(self) -> dict[str, Any]:
        random = self._random
        possible: dict[str, Any] = {"unit": UNITS, "role": ROLES}
        known = {name: random.choice(of) for name, of in possible.items() if random.random() < 0.6}
        if random.random() < 0.4:
            known["units"] = self._some(UNITS)
        return {**known, **self._attributes("actor", 0.6)}

    def _grant(self, number: int, purposes: Sequence[str]) -> Grant:
        actor = self._random.choice(ACTORS)
        begins, ends = self._span()
        return Grant(f"g{number}", *actor, self._random.choice(purposes), begins, ends)

    def _attachment(self, ids: Sequence[str], purposes: Sequence[str]) -> Attachment:
        return Attachment(self._random.choice(ids), self._random.choice(purposes), *self._span())

    def _fulfilment(
        self, number: int, policy: Policy, purposes: Sequence[str], ids: Sequence[str]
    ) -> Fulfilment:
        random = self._random
        every = [*policy.checkpoints, *(c for p in policy.purposes for c in p.checkpoints)]
        actor = random.choice(ACTORS)
        return Fulfilment(
            id=f"f{number}",
            actor_type=actor[0],
            actor_id=actor[1],
            purpose=random.choice(purposes),
            checkpoint=random.choice((*(each.name for each in every), "acknowledgement")),
            until=random.choice((*NOWS, START * 2)),
            resources=tuple(f"dataset:{id_}" for id_ in self._some(ids))
            if random.random() < 0.3
            else (),
            attempt=self._maybe(lambda: f"a{random.randrange(4)}", 0.2),
            is_refused=random.random() < 0.1,
        )

    def _span(self) -> tuple[int, int]:
        random = self._random
        begins = random.choice((0, 0, 0, 0, NOWS[1], NOWS[3]))
        return begins, random.choice((START * 2, START * 2, begins + DAY_MS, NOWS[4]))

    def _attributes(self, side: str, share: float) -> dict[str, Any]:
        return {
            name.partition(".")[2]: self._random.choice(values)
            for name, values in VALUES.items()
            if name.startswith(f"{side}.") and self._random.random() < share
        }

    def _condition(self) -> str:
        formula = self._formula(2)
        text = write(formula)
        self._formulas[text] = formula
        return text

    def _formula(self, depth: int) -> Formula:
        random = self._random
        if depth == 0 or random.random() < 0.5:
            name = random.choice(sorted(VALUES))
            value = random.choice(VALUES[name])
            ops = ("==", "!=", "<", ">=") if type(value) is int else ("==", "!=")
            return Atom(name, random.choice(ops), value)
        op = random.choice(("and", "or", "not"))
        count = 1 if op == "not" else random.randint(2, 3)
        return Compound(op, tuple(self._formula(depth - 1) for _ in range(count)))

    def _some(self, values: Sequence[Any]) -> list[Any]:
        count = self._random.randint(1, max(1, len(values) - 1))
        return sorted(
            self._random.sample(list(dict.fromkeys(values)), min(count, len(set(values))))
        )

    def _maybe(self, make: Any, share: float) -> Any:
        return make() if self._random.random() < share else None


def _has(names: Sequence[str], name: str) -> bool:
    return any(fnmatchcase(name, each) for each in names)


def _is_below(purpose: Purpose, grant: Grant, world: World) -> bool:
    parents = {each.id: each.parent for each in world.policy.purposes}
    name: str | None = purpose.id
    while name is not None and name != grant.purpose:
        name = parents[name]
    return name is not None
