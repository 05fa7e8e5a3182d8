"""Benchmark `decide`: what one decision costs in process, and what it costs Cedar.

The world is that of a large agency: 5,000 actors, 200 purposes, 2,000 datasets,
20,000 grants.  Cedar is given the shape that suits it best: policies and entities
parsed beforehand, grants and scopes as sets in the entities, so that three policies do
for all; it is spared the ends of grants, hours, budgets and obligations.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Sequence
from random import Random
from time import perf_counter_ns
from typing import Any

from ombud.access.attempt import Attempt, Grant
from ombud.access.decide import decide
from ombud.access.model import (
    Attributes,
    Column,
    Dataset,
    Limits,
    Line,
    Mask,
    MaskKind,
    Policy,
    Prohibition,
    Purpose,
)
from ombud.access.snapshot import Snapshot, compile_policy
from ombud.bench.meter import Meter, quantile
from ombud.bench.oracle import cedarpy
from ombud.bench.report import Figures, Limit, Options, Report, repeat
from ombud.core.errors import Conflict

LIMITS = (
    Limit("p50_us", 3.0),
    Limit("p99_us", 10.0),
    Limit("condition_us", 5.0),
    Limit("load_seconds", 2.0),
    Limit("cedar_ratio", 40.0, is_most=False),
)
ACTORS, PURPOSES, DATASETS, GRANTS = 5_000, 200, 2_000, 20_000
_NOW = 1_800_000_000_000
_DAY_MS = 86_400_000
_PEER_SHARE = 50  # One in so many attempts is given to Cedar, which is slow.
_CONDITIONS = 4  # So many prohibitions with a condition each, for the price of one.
_SCOPES = (("read", "search"), ("read", "search"), ("export",))
_ATTRIBUTES = Attributes(actor={"cleared": "bool"}, context={"rank": "int"})


def run(options: Options) -> Report:
    """Decide on attempts, one at a time, in this process; nothing is stored."""
    report = Report("decide", options, limits=LIMITS)
    policy = big_policy()
    attempts = big_attempts(policy, big_grants(policy), options.events)
    report.notes.append(
        f"{ACTORS:,} actors, {PURPOSES} purposes, {DATASETS:,} datasets, {GRANTS:,} grants"
    )
    if cedarpy is None:
        report.notes.append("Cedar is not installed: no ratio")

    def once(_: int) -> Figures:
        figures, snapshot = _load(policy)
        figures |= _decide_each(snapshot, attempts)
        figures["condition_us"] = _price_of_condition(attempts)
        if cedarpy is not None:
            figures |= _ask_cedar(snapshot, attempts[::_PEER_SHARE], figures["cpu_us"])
        return figures

    return repeat(report, once)


def big_policy(conditions: int = 0) -> Policy:
    """Return the policy; with so many prohibitions whose conditions do not hold."""
    random = Random(4)
    names = [f"purpose{number:03}" for number in range(PURPOSES)]
    ids = [f"dataset{number:04}" for number in range(DATASETS)]
    purposes = [
        Purpose(
            id=name,
            title=name,
            parent=None if number < 20 else names[random.randrange(number // 4)],
            scope=tuple(_line(random, each, ids) for each in range(6)),
        )
        for number, name in enumerate(names)
    ]
    datasets = [
        Dataset(
            id=id_,
            columns=tuple(
                Column(name=column, classifications=("identifier",) if column == "name" else ())
                for column in ("id", "name", "born", "street", "status", "seen_at")
            ),
            sources=(ids[number // 2],) if number % 10 == 9 else (),
        )
        for number, id_ in enumerate(ids)
    ]
    return Policy(
        purposes=tuple(purposes),
        datasets=tuple(datasets),
        attributes=_ATTRIBUTES,
        prohibitions=tuple(
            Prohibition(
                name=f"no{each}", reason="", when=f"!actor.cleared || context.rank > {each}"
            )
            for each in range(5, 5 + conditions)
        ),
    )


def _line(random: Random, number: int, ids: Sequence[str]) -> Line:
    return Line(
        name=f"line{number}",
        actions=_SCOPES[number % len(_SCOPES)],
        resources=tuple(random.sample(ids, 5)),
        row_filter="row.status == 'open'" if number % 2 else None,
        masks=(Mask(column="name", kind=MaskKind.HASH),) if number % 3 else (),
        limits=Limits(rows_per_query=1_000) if number % 2 else Limits(),
    )


def big_grants(policy: Policy) -> list[Grant]:
    """Return grants, four an actor; one in ten has ended."""
    random = Random(5)
    return [
        Grant(
            f"grant{number}",
            "person",
            f"actor{number % ACTORS:04}",
            random.choice(policy.purposes).id,
            _NOW - 90 * _DAY_MS,
            _NOW + (random.randint(1, 90) if random.random() < 0.9 else -1) * _DAY_MS,
        )
        for number in range(GRANTS)
    ]


def big_attempts(policy: Policy, grants: Sequence[Grant], count: int) -> list[Attempt]:
    """Return attempts: most within what the actor has a grant for, one in ten anything."""
    random = Random(6)
    scopes = {purpose.id: purpose.scope for purpose in policy.purposes}
    made = []
    for number in range(count):
        grant = random.choice(grants)
        line = random.choice(scopes[grant.purpose])
        dataset = random.choice(line.resources)
        if random.random() < 0.1:
            dataset = random.choice(policy.datasets).id
        made.append(
            Attempt(
                "person",
                grant.actor_id,
                random.choice(line.actions),
                "dataset",
                dataset,
                grant.purpose,
                context={"rank": 3},
                id=str(number),
            )
        )
    return made


def big_snapshot(policy: Policy) -> Snapshot:
    """Return the snapshot, made of what a server has at hand."""
    known: dict[tuple[str, str], dict[str, Any]] = {
        ("person", f"actor{number:04}"): {"unit": f"unit{number % 50}", "cleared": True}
        for number in range(ACTORS)
    }
    return Snapshot.make(compile_policy(policy), grants=big_grants(policy), directory=known)


def _load(policy: Policy) -> tuple[Figures, Snapshot]:
    with Meter() as meter:
        snapshot = big_snapshot(policy)
    packed = snapshot.pack()
    with Meter() as unpacking:
        Snapshot.unpack(packed)
    return {
        "load_seconds": meter.cpu_seconds,
        "unpack_seconds": unpacking.cpu_seconds,
        "packed_mb": len(packed) / 1e6,
    }, snapshot


def _decide_each(snapshot: Snapshot, attempts: Sequence[Attempt]) -> Figures:
    times = []
    permits = 0
    gc.collect()
    for attempt in attempts:
        start = perf_counter_ns()
        decision = decide(attempt, snapshot, _NOW)
        times.append((perf_counter_ns() - start) / 1000)
        permits += decision.permit
    with Meter() as meter:
        for attempt in attempts:
            decide(attempt, snapshot, _NOW)
    return {
        "p50_us": quantile(times, 0.5),
        "p99_us": quantile(times, 0.99),
        "cpu_us": meter.cpu_seconds / len(attempts) * 1e6,
        "permit_share": permits / len(attempts),
    }


def _price_of_condition(attempts: Sequence[Attempt]) -> float:
    """Return what one more condition costs: each of these is evaluated at each attempt."""
    some = attempts[: max(1, len(attempts) // 4)]
    costs = []
    for count in (1, 1 + _CONDITIONS):
        snapshot = big_snapshot(big_policy(count))
        for attempt in some:
            decide(attempt, snapshot, _NOW)
        with Meter() as meter:
            for attempt in some:
                decide(attempt, snapshot, _NOW)
        costs.append(meter.cpu_seconds / len(some) * 1e6)
    return max(0.0, costs[1] - costs[0]) / _CONDITIONS


def _ask_cedar(snapshot: Snapshot, attempts: Sequence[Attempt], ours_us: float) -> Figures:
    policies = cedarpy.PolicySet.from_str(_CEDAR)
    entities = cedarpy.Entities.from_json_str(json.dumps(_entities(snapshot)))
    requests = [
        {
            "principal": {"type": "Actor", "id": attempt.actor_id},
            "action": {"type": "Action", "id": attempt.action},
            "resource": {"type": "Dataset", "id": attempt.resource_id},
            "context": {"purpose": {"__entity": {"type": "Purpose", "id": attempt.purpose}}},
        }
        for attempt in attempts
    ]
    with Meter() as meter:
        answers = [cedarpy.is_authorized(request, policies, entities) for request in requests]
    ours = [decide(attempt, snapshot, _NOW).permit for attempt in attempts]
    if ours != [answer.allowed for answer in answers]:
        raise Conflict("Cedar and Ombud do not agree; the comparison would mean nothing")
    cedar_us = meter.cpu_seconds / len(requests) * 1e6
    return {"cedar_us": cedar_us, "cedar_ratio": cedar_us / ours_us}


_CEDAR = """
permit(principal, action == Action::"read", resource)
when { context.purpose in principal.granted && resource.read.contains(context.purpose) };
permit(principal, action == Action::"search", resource)
when { context.purpose in principal.granted && resource.search.contains(context.purpose) };
permit(principal, action == Action::"export", resource)
when { context.purpose in principal.granted && resource.export.contains(context.purpose) };
"""


def _entities(snapshot: Snapshot) -> list[dict[str, Any]]:
    policy = snapshot.compiled.policy
    granted: dict[str, list[dict[str, Any]]] = {}
    for grant in snapshot.grants:
        if grant.ends > _NOW:
            entity = {"__entity": {"type": "Purpose", "id": grant.purpose}}
            granted.setdefault(grant.actor_id, []).append(entity)
    allowed: dict[str, dict[str, list[dict[str, Any]]]] = {
        dataset.id: {"read": [], "search": [], "export": []} for dataset in policy.datasets
    }
    for purpose in policy.purposes:
        for line in purpose.scope:
            for action in line.actions:
                for id_ in line.resources:
                    entity = {"__entity": {"type": "Purpose", "id": purpose.id}}
                    allowed[id_][action].append(entity)
    made = [_entity("Actor", id_, {"granted": held}) for id_, held in granted.items()]
    made += [_entity("Dataset", id_, sets) for id_, sets in allowed.items()]
    made += [_entity("Purpose", each.id, {}, each.parent) for each in policy.purposes]
    for number in range(ACTORS):
        if f"actor{number:04}" not in granted:
            made.append(_entity("Actor", f"actor{number:04}", {"granted": []}))
    return made


def _entity(
    type_: str, id_: str, attributes: dict[str, Any], parent: str | None = None
) -> dict[str, Any]:
    parents = [{"type": "Purpose", "id": parent}] if parent else []
    return {"uid": {"type": type_, "id": id_}, "attrs": attributes, "parents": parents}
