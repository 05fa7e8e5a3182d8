"""Compiled policy: what an attempt needs of the policy, found by one look into a table.

An `Act` is an action on a thing for a purpose, with everything about it that does not
depend on who asks, when, or with which words.  The tables of acts are memory: they
hold what would otherwise be worked out again, and are bounded.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from ombud.access.budget import Bounds
from ombud.access.decision import Reason
from ombud.access.guards import WHOLE, Ban, Checkpost, Guard, Stop
from ombud.access.lines import FOREVER, Cut, ScopeLine
from ombud.access.model import Policy
from ombud.access.purposes import PurposeTree
from ombud.access.scene import Who
from ombud.access.terms import BarredTerms
from ombud.access.things import DATASET, Thing, ThingKey

ACTS_MAX = 262_144  # Of declared things; some 400 bytes each.
STRANGE_ACTS_MAX = 32_768  # Of names that were not declared: whoever asks can make up any.
ActKey = tuple[str | None, str, str, str]


class CompiledPurpose:
    """One purpose; `lineage` is itself and those above it, nearest first."""

    __slots__ = (
        "bit",
        "bounds",
        "breaks_glass",
        "checkposts",
        "guards",
        "id",
        "is_standing",
        "lineage",
        "lines",
        "notify",
        "requesters",
        "until",
        "who",
    )

    def __init__(self, id_: str, lineage: tuple[str, ...], bit: int) -> None:
        self.id = id_
        self.lineage = lineage
        self.bit = bit
        self.until = FOREVER
        self.who: Who | None = None
        self.requesters: Who | None = None
        self.is_standing = False
        self.breaks_glass = False
        self.notify: tuple[str, ...] = ()  # Who is told of acts under break-glass.
        self.lines: tuple[ScopeLine, ...] = ()
        self.bounds: Bounds | None = None
        self.guards: tuple[Guard, ...] = ()
        self.checkposts: tuple[Checkpost, ...] = ()


class Act:
    """An action on a thing for a purpose.

    `bans` are the prohibitions over it; `hides` is whether one is of some columns only,
    `is_guarded` whether anything but a grant must be asked before the scope.
    `nothing` says why there is no line for it; `lacking` names what, of the thing and
    its sources, is not intended for the purpose.  `plain` is the line that decides
    where all that is left to ask is whether the actor has a grant.
    """

    __slots__ = (
        "bans",
        "cuts",
        "hides",
        "is_guarded",
        "lacking",
        "nothing",
        "plain",
        "purpose",
        "stops",
        "thing",
    )

    def __init__(self, purpose: CompiledPurpose, thing: Thing, nothing: tuple[str, ...]) -> None:
        self.purpose = purpose
        self.thing = thing
        self.nothing = nothing
        self.bans: tuple[Ban, ...] = ()
        self.hides = False
        self.is_guarded = False
        self.cuts: tuple[Cut, ...] = ()
        self.lacking: tuple[str, ...] = ()
        self.stops: tuple[Stop, ...] = ()
        self.plain: Cut | None = None


class CompiledPolicy:
    """A policy, compiled by `compile_policy`; says nothing of who holds a grant.

    Invariant: nothing that an answer depends on ever changes; `acts` only remembers.
    """

    def __init__(self, policy: Policy, version: str, tree: PurposeTree) -> None:
        self.policy = policy
        self.version = version
        self.tree = tree
        self.purposes: dict[str, CompiledPurpose] = {}
        self.things: dict[ThingKey, Thing] = {}
        self.dataset_types: frozenset[str] = frozenset({DATASET})
        self.types: frozenset[str] = frozenset({DATASET})
        self.actions: frozenset[str] = frozenset()
        self.stated: frozenset[str] = frozenset()
        self.terms: BarredTerms | None = None
        self.vendor: Who | None = None
        self.codes: Mapping[str, bool] = {}
        self.asks_reasons = False  # Whether words or codes of the attempt can bar it.
        self.acts: dict[ActKey, Act] = {}
        self._strange: dict[ActKey, Act] = {}
        self._cuts: dict[object, Cut] = {}

    def find_act(self, purpose: str | None, action: str, type_: str, id_: str) -> Act | None:
        """Return an act, remembered or new; None if the purpose is not one."""
        key = (purpose, action, type_, id_)
        act = self.acts.get(key) or self._strange.get(key)
        if act is not None:
            return act
        compiled = self.purposes.get(purpose or self.policy.when_no_purpose or "")
        if compiled is None:
            return None
        thing = self.things.get((type_, id_))
        if thing is not None and action in self.actions:
            act = self._make(compiled, action, thing)
            if len(self.acts) >= ACTS_MAX:
                self.acts.clear()
            self.acts[key] = act
        else:
            act = self._make(compiled, action, thing or Thing(type_, id_))
            if len(self._strange) >= STRANGE_ACTS_MAX:
                self._strange.clear()
            self._strange[key] = act
        return act

    def warm(self) -> None:
        """Work out beforehand the acts that scopes name by name."""
        for purpose in self.purposes.values():
            for line in purpose.lines:
                actions = sorted(line.actions.exact)
                for id_ in sorted(line.resources.exact):
                    for action in actions:
                        if len(self.acts) >= ACTS_MAX:
                            return
                        self.find_act(purpose.id, action, line.line.type, id_)

    def _make(self, purpose: CompiledPurpose, action: str, thing: Thing) -> Act:
        act = Act(purpose, thing, self._find_nothing(action, thing))
        act.bans = tuple(chain(_bar(purpose, thing), _over(purpose.guards, action, thing)))
        act.is_guarded = bool(act.bans) or purpose.who is not None or self.asks_reasons
        act.hides = any(ban.columns is not WHOLE for ban in act.bans)
        if not act.nothing:
            act.cuts = tuple(
                self._cut(line, thing) for line in purpose.lines if line.covers(action, thing)
            )
            act.nothing = () if act.cuts else (Reason.OUT_OF_SCOPE.value,)
        if act.cuts:
            act.lacking = tuple(
                name for name, purposes in thing.intended if not purposes & purpose.bit
            )
            stops = (post.over(action, thing) for post in purpose.checkposts)
            act.stops = tuple(stop for stop in stops if stop is not None)
        act.plain = self._find_plain(act)
        return act

    def _find_plain(self, act: Act) -> Cut | None:
        first = act.cuts[0] if act.cuts else None
        asks = act.is_guarded or act.lacking or act.stops or act.purpose.is_standing
        return None if first is None or asks or not (first.is_plain and first.is_ready) else first

    def _cut(self, line: ScopeLine, thing: Thing) -> Cut:
        """Return the line as it applies to the thing; things of one form share it."""
        columns = None if thing.columns is None else frozenset(thing.columns)
        key = (id(line), columns, thing.is_dataset, thing.system)
        cut = self._cuts.get(key)
        if cut is None:
            cut = self._cuts[key] = Cut(line, thing)
        return cut

    def _find_nothing(self, action: str, thing: Thing) -> tuple[str, ...]:
        """Return why there can be no line; nothing if there may be one."""
        if thing.type in self.dataset_types:
            is_known = thing.is_dataset
        else:
            is_known = thing.type in self.types
        if not is_known:
            return (Reason.RESOURCE_UNKNOWN.value,)
        return () if action in self.actions else (Reason.ACTION_UNKNOWN.value,)


def _over(guards: tuple[Guard, ...], action: str, thing: Thing) -> list[Ban]:
    bans = (guard.over(action, thing) for guard in guards)
    return [ban for ban in bans if ban is not None]


def _bar(purpose: CompiledPurpose, thing: Thing) -> list[Ban]:
    """Return what the thing's own words prohibit (the prohibited intended purposes)."""
    bans = [
        Ban(f"{Reason.PROHIBITED.value}:{name}", "the data must not serve this purpose")
        for name, purposes in thing.barred
        if purposes & purpose.bit
    ]
    bans += [
        Ban(
            f"{Reason.PROHIBITED.value}:{name}",
            "the column must not serve this purpose",
            frozenset({column}),
        )
        for name, column, purposes in thing.barred_columns
        if purposes & purpose.bit
    ]
    return bans
