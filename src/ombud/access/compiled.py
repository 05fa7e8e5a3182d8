"""Compiled policy: what an attempt needs of the policy, found by one look into a table.

An `Act` is an action on a thing for a purpose, with everything about it that does not
depend on who asks, when, or with which words.  The tables of acts are memory: they
hold what would otherwise be worked out again, and are bounded.
"""

from __future__ import annotations

from collections.abc import Mapping

from ombud.access.attempt import Attempt
from ombud.access.decision import Obligation, Reason
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
# What is left of an act where nothing must be asked but whether the actor has a grant:
# end and lineage of the purpose; whether any columns may be named, and whether amounts
# count; obligations without and with columns named; ids of purpose and line.
Plain = tuple[
    int,
    tuple[str, ...],
    bool,
    bool,
    tuple[Obligation, ...],
    tuple[Obligation, ...],
    str,
    str,
    bool,
]
_NO_THING = Thing("", "")
_RESOURCE_UNKNOWN = (Reason.RESOURCE_UNKNOWN.value,)
_ACTION_UNKNOWN = (Reason.ACTION_UNKNOWN.value,)
_OUT_OF_SCOPE = (Reason.OUT_OF_SCOPE.value,)


class CompiledPurpose:
    """One purpose; `lineage` is itself and those above it, nearest first."""

    __slots__ = (
        "_named",
        "_wide",
        "bit",
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
        self._named: dict[ThingKey, tuple[ScopeLine, ...]] = {}
        self._wide: dict[str, tuple[ScopeLine, ...]] = {}
        self.guards: tuple[Guard, ...] = ()
        self.checkposts: tuple[Checkpost, ...] = ()

    def index(self) -> None:
        """Find lines by the things they name, once all of them are there."""
        names = {
            (line.line.type, name): None for line in self.lines for name in line.resources.exact
        }
        types = {line.line.type for line in self.lines if line.resources.patterns}
        self._named = {key: self._match(*key) for key in names}
        self._wide = {
            type_: tuple(line for line in self.lines if line.line.type == type_) for type_ in types
        }

    def find_lines(self, type_: str, id_: str) -> tuple[ScopeLine, ...]:
        """Return the lines that speak of a thing, in their order."""
        lines = self._named.get((type_, id_))
        if lines is None:
            lines = self._match(type_, id_) if type_ in self._wide else ()
        return lines

    def _match(self, type_: str, id_: str) -> tuple[ScopeLine, ...]:
        lines = self._wide.get(type_, self.lines)
        return tuple(
            line for line in lines if line.line.type == type_ and line.resources.match(id_)
        )


class Act:
    """An action on a thing for a purpose.

    `bans` are the prohibitions over it; `hides` is whether one is of some columns only,
    `is_guarded` whether anything but a grant must be asked before the scope.
    `nothing` says why there is no line for it; `lacking` names what, of the thing and
    its sources, is not intended for the purpose.
    """

    __slots__ = (
        "bans",
        "cuts",
        "hides",
        "is_guarded",
        "lacking",
        "nothing",
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
        self.plain: dict[ActKey, Plain] = {}
        self._plains: dict[tuple[str, int], Plain] = {}
        self._strange: dict[ActKey, Act] = {}
        self._cuts: dict[object, Cut] = {}
        self._empty: dict[tuple[str, tuple[str, ...]], Act] = {}

    def find_act(self, purpose: str | None, action: str, type_: str, id_: str) -> Act | None:
        """Return an act, remembered or new; None if the purpose is not one."""
        key = (purpose, action, type_, id_)
        act = self.acts.get(key)
        if act is not None:
            return act
        compiled = self.purposes.get(purpose or self.policy.when_no_purpose or "")
        if compiled is None:
            return None
        thing = self.things.get((type_, id_))
        is_declared = thing is not None and action in self.actions
        if not is_declared:
            act = self._strange.get(key)
            if act is not None:
                return act
        thing = thing or Thing(type_, id_)
        lines = compiled.find_lines(type_, id_)
        if not lines and not self._is_guarded(compiled, thing):
            act = self._find_empty(compiled, self._find_nothing(action, thing))
            if is_declared and len(self.acts) < ACTS_MAX:
                self.acts[key] = act
            return act
        act = self._make(compiled, action, thing, lines)
        acts, most = (self.acts, ACTS_MAX) if is_declared else (self._strange, STRANGE_ACTS_MAX)
        if len(acts) >= most:
            # Those of the other table stay: names made up by somebody slow nobody else down.
            for known in acts:
                self.plain.pop(known, None)
            acts.clear()
        acts[key] = act
        plain = self._find_plain(act)
        if plain is not None:
            self.plain[key] = plain
        return act

    def make_act(self, purpose: CompiledPurpose, attempt: Attempt) -> Act:
        """Return an act of its own, remembered nowhere, with the thing that it is on."""
        type_, id_ = attempt.resource_type, attempt.resource_id
        thing = self.things.get((type_, id_)) or Thing(type_, id_)
        return self._make(purpose, attempt.action, thing, purpose.find_lines(type_, id_))

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

    def _is_guarded(self, purpose: CompiledPurpose, thing: Thing) -> bool:
        """Whether something may have to be asked even where there is no line."""
        own = thing.barred or thing.barred_columns
        return bool(own or purpose.guards or purpose.who is not None or self.asks_reasons)

    def _find_empty(self, purpose: CompiledPurpose, nothing: tuple[str, ...]) -> Act:
        """Return what all acts without a line, and with nothing to ask, have in common."""
        key = (purpose.id, nothing)
        act = self._empty.get(key)
        if act is None:
            act = self._empty[key] = Act(purpose, _NO_THING, nothing or _OUT_OF_SCOPE)
        return act

    def _make(
        self,
        purpose: CompiledPurpose,
        action: str,
        thing: Thing,
        lines: tuple[ScopeLine, ...],
    ) -> Act:
        act = Act(purpose, thing, self._find_nothing(action, thing))
        act.bans = (*_bar(purpose, thing), *_over(purpose.guards, action, thing))
        act.is_guarded = bool(act.bans) or purpose.who is not None or self.asks_reasons
        act.hides = any(ban.columns is not WHOLE for ban in act.bans)
        if not act.nothing:
            act.cuts = tuple(self._cut(line, thing) for line in lines if line.actions.match(action))
            act.nothing = () if act.cuts else _OUT_OF_SCOPE
        if act.cuts:
            act.lacking = tuple(
                name for name, purposes in thing.intended if not purposes & purpose.bit
            )
            stops = (post.over(action, thing) for post in purpose.checkposts)
            act.stops = tuple(stop for stop in stops if stop is not None)
        return act

    def _find_plain(self, act: Act) -> Plain | None:
        cut = act.cuts[0] if act.cuts else None
        purpose = act.purpose
        asks = act.is_guarded or act.lacking or act.stops or purpose.is_standing
        if cut is None or asks or not (cut.is_plain and cut.is_ready):
            return None
        key = (purpose.id, id(cut))
        plain = self._plains.get(key)
        if plain is None:
            plain = self._plains[key] = (
                purpose.until,
                purpose.lineage,
                cut.is_open,
                cut.is_bounded,
                cut.obligations,
                cut.obligations_named,
                purpose.id,
                cut.name,
                purpose.requesters is None,
            )
        return plain

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
            return _RESOURCE_UNKNOWN
        return () if action in self.actions else _ACTION_UNKNOWN


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
