"""Compiling: from what policy files say to what decisions need.

`config.policy_files` says where in a file a fault is; what comes here from
elsewhere is refused with the names alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ombud.access.budget import Bounds
from ombud.access.canonical import hash_policy
from ombud.access.compiled import CompiledPolicy, CompiledPurpose
from ombud.access.condition import Condition, ConditionError, parse_condition
from ombud.access.filters import FilterText
from ombud.access.guards import Checkpost, Guard, Reach, acknowledgement
from ombud.access.hours import Clock, Week
from ombud.access.lines import ScopeLine
from ombud.access.model import Audience, Checkpoint, Limits, Line, Policy, Prohibition, Purpose
from ombud.access.purposes import PurposeTree
from ombud.access.scene import Who
from ombud.access.terms import BarredTerms
from ombud.access.things import DATASET, Thing, make_things
from ombud.access.wildcards import Names
from ombud.core.errors import InputError
from ombud.core.event import ACTIONS


def compile_policy(policy: Policy) -> CompiledPolicy:
    """Return a policy as decisions need it; raises `InputError` naming what is wrong."""
    tree = PurposeTree(policy.purposes)
    compiled = CompiledPolicy(policy, hash_policy(policy), tree)
    compiler = _Compiler(policy, compiled)
    compiler.compile()
    return compiled


class _Compiler:
    """Makes one compiled policy; each text is read once, however often it is used."""

    def __init__(self, policy: Policy, compiled: CompiledPolicy) -> None:
        self._policy = policy
        self._compiled = compiled
        self._by_id = {purpose.id: purpose for purpose in policy.purposes}
        self._conditions: dict[str, Condition] = {}
        self._filters: dict[str, FilterText] = {}
        self._clocks: dict[str, Clock] = {}
        self._weeks: dict[object, Week] = {}

    def compile(self) -> None:
        policy, compiled = self._policy, self._compiled
        compiled.things = make_things(policy.datasets, policy.entities, compiled.tree)
        datasets = [thing.type for thing in compiled.things.values() if thing.is_dataset]
        compiled.dataset_types = frozenset({DATASET, *datasets})
        lines = [line for purpose in policy.purposes for line in purpose.scope]
        compiled.types = frozenset({
            *compiled.dataset_types,
            *(thing.type for thing in compiled.things.values()),
            *(line.type for line in lines),
        })  # fmt: skip
        compiled.actions = ACTIONS | frozenset(policy.actions)
        compiled.stated = frozenset(policy.attributes.stated) - {"id", "type"}
        if policy.terms:
            compiled.terms = BarredTerms(policy.terms)
        compiled.vendor = self._who(policy.vendor, "vendor")
        compiled.codes = {code.code: code.allowed for code in policy.reason_codes}
        compiled.asks_reasons = compiled.terms is not None or compiled.vendor is not None
        by_id = self._by_id
        if policy.when_no_purpose is not None and policy.when_no_purpose not in by_id:
            raise InputError(f"`when_no_purpose` is `{policy.when_no_purpose}`, which is none")
        common = [self._guard(rule, "") for rule in policy.prohibitions]
        posts = [self._checkpost(rule, "") for rule in policy.checkpoints]
        for purpose in policy.purposes:
            made = self._purpose(purpose)
            above = [by_id[name] for name in made.lineage]
            made.guards = (*common, *self._guards(above))
            made.checkposts = (*self._acknowledge(above), *posts, *self._checkposts(above))
            _check_posts(made)
            # A purpose does not outlive one that it is part of.
            untils = [each.until for each in above if each.until is not None]
            made.until = min([made.until, *untils])
            compiled.purposes[purpose.id] = made
        compiled.warm()

    def _purpose(self, purpose: Purpose) -> CompiledPurpose:
        tree = self._compiled.tree
        made = CompiledPurpose(purpose.id, tree.lineages[purpose.id], tree.bits[purpose.id])
        where = f"purpose `{purpose.id}`"
        made.who = self._who(purpose.audience, where)
        made.requesters = self._who(purpose.requesters, where)
        if purpose.standing and made.who is None:
            raise InputError(
                f"{where} is standing and says nothing of its audience",
                hint="without an audience everybody would have it: say who",
            )
        made.is_standing = purpose.standing
        made.breaks_glass = purpose.break_glass is not None
        made.notify = () if purpose.break_glass is None else purpose.break_glass.notify
        names = [line.name for line in purpose.scope]
        if len(set(names)) < len(names):
            raise InputError(f"{where} has two lines of one name")
        above = [self._by_id[name].limits for name in made.lineage]
        made.lines = tuple(self._line(line, purpose, above) for line in purpose.scope)
        made.index()
        return made

    def _line(self, line: Line, purpose: Purpose, above: Iterable[Limits]) -> ScopeLine:
        where = f"line `{line.name}` of purpose `{purpose.id}`"
        self._check_names(line.resources, line.type, where)
        self._check_actions(line.actions, where)
        bounds = Bounds(line.limits, *above)
        row_filter = None
        if line.row_filter is not None:
            row_filter = self._filters.get(line.row_filter)
            if row_filter is None:
                row_filter = FilterText(line.row_filter, self._policy.attributes)
                self._filters[line.row_filter] = row_filter
        hours = None
        if line.hours is not None:
            hours = self._weeks.get(line.hours) or Week(line.hours, self._clocks)
            self._weeks[line.hours] = hours
        return ScopeLine(
            line,
            when=self._condition(line.when, where),
            hours=hours,
            row_filter=row_filter,
            bounds=bounds or None,
        )

    def _guards(self, above: Iterable[Purpose]) -> Iterator[Guard]:
        for purpose in above:
            for rule in purpose.prohibitions:
                yield self._guard(rule, f" of purpose `{purpose.id}`")

    def _checkposts(self, above: Iterable[Purpose]) -> Iterator[Checkpost]:
        for purpose in above:
            for rule in purpose.checkpoints:
                yield self._checkpost(rule, f" of purpose `{purpose.id}`")

    def _acknowledge(self, above: Iterable[Purpose]) -> list[Checkpost]:
        """Return the stop at which the text is acknowledged: its own or the nearest above."""
        text = next((each.acknowledgement for each in above if each.acknowledgement), None)
        return [] if text is None else [self._checkpost(acknowledgement(text), "")]

    def _guard(self, rule: Prohibition, where: str) -> Guard:
        where = f"prohibition `{rule.name}`{where}"
        self._check_names(rule.resources or (), rule.type, where)
        self._check_actions(rule.actions or (), where)
        who = self._who(rule.audience, where)
        if who is not None and who.is_nobody:
            raise InputError(f"{where} speaks of nobody", hint="leave out the empty audience")
        return Guard(rule.name, rule.reason, Reach(rule), who, self._condition(rule.when, where))

    def _checkpost(self, rule: Checkpoint, where: str) -> Checkpost:
        where = f"checkpoint `{rule.name}`{where}"
        self._check_names(rule.resources or (), rule.type, where)
        self._check_actions(rule.actions or (), where)
        who = self._who(rule.audience, where)
        if who is not None and who.is_nobody:
            raise InputError(f"{where} stops nobody", hint="leave out the empty audience")
        return Checkpost(rule, Reach(rule), who, self._condition(rule.when, where))

    def _who(self, audience: Audience | None, where: str) -> Who | None:
        if audience is None:
            return None
        return Who(audience, self._condition(audience.when, f"audience of {where}"))

    def _condition(self, text: str | None, where: str) -> Condition | None:
        if text is None:
            return None
        known = self._conditions.get(text)
        if known is None:
            try:
                known = parse_condition(text, attributes=self._policy.attributes)
            except ConditionError as error:
                message = f"{where}: condition, column {error.column}: {error.message}"
                raise InputError(message) from None
            self._conditions[text] = known
        return known

    def _check_names(self, names: Iterable[str], type_: str, where: str) -> None:
        if type_ not in self._compiled.dataset_types:
            return
        things = self._compiled.things
        for name in sorted(Names(names).exact):
            thing: Thing | None = things.get((type_, name))
            if thing is None or not thing.is_dataset:
                raise InputError(f"{where} names the dataset `{name}`, which is not declared")

    def _check_actions(self, names: Iterable[str], where: str) -> None:
        unknown = Names(names).exact - self._compiled.actions
        if unknown:
            raise InputError(
                f"{where} names the action `{min(unknown)}`, which is not declared",
                hint="list it under `actions`",
            )


def _check_posts(purpose: CompiledPurpose) -> None:
    """Raise `InputError` where one fulfilment would be taken for that of two checkpoints."""
    names = [post.rule.name for post in purpose.checkposts]
    twins = sorted({name for name in names if names.count(name) > 1})
    if twins:
        raise InputError(
            f"purpose `{purpose.id}` comes to two checkpoints `{twins[0]}`",
            hint="give each its own name: the purpose's, those of purposes above, and those of all",
        )
