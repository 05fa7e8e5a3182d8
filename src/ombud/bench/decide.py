"""Benchmark `decide`: what one decision costs in process, and what it costs Cedar.

The world is that of a large agency: 5,000 actors, 200 purposes, 2,000 datasets,
20,000 grants.  Cedar is given the shape that suits it best: policies and entities
parsed beforehand, grants and scopes as attributes of the entities, so that three
policies do for all; it is spared prohibitions, reasons and obligations.
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
# Properties, context, columns, fulfilments and id: one object each, so that what is
# asked takes no room in the processor's caches that a parsed request would not take.
_REST: tuple[Any, ...] = ({}, {}, {}, {"rank": 3}, None, (), "attempt")
_TURN = 10_000  # Attempts between which we and Cedar take turns.
_PEER_SHARE = 50  # One in so many attempts is given to Cedar, which is slow.
_CONDITIONS = 4  # So many prohibitions with a condition each, for the price of one.
_SCOPES = (("read", "search"), ("read", "search"), ("export",))
_ATTRIBUTES = Attributes(actor={"cleared": "bool"}, context={"rank": "int"})


def run(options: Options) -> Report:
    """Decide on attempts, one at a time, in this process; nothing is stored."""
    report = Report("decide", options, limits=LIMITS)
    policy = big_policy()
    rows = big_rows(policy, big_grants(policy), options.events)
    report.notes.append(
        f"{ACTORS:,} actors, {PURPOSES} purposes, {DATASETS:,} datasets, {GRANTS:,} grants"
    )
    if cedarpy is None:
        report.notes.append("Cedar is not installed: no ratio")

    def once(_: int) -> Figures:
        figures, snapshot = _load(policy)
        figures |= _decide_each(snapshot, rows)
        figures["condition_us"] = _price_of_condition(rows)
        if cedarpy is not None:
            figures |= _ask_cedar(snapshot, rows)
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


def big_rows(policy: Policy, grants: Sequence[Grant], count: int) -> list[tuple[Any, ...]]:
    """Return what attempts are made of: most within a grant, one in ten on anything."""
    random = Random(6)
    scopes = {purpose.id: purpose.scope for purpose in policy.purposes}
    made: list[tuple[Any, ...]] = []
    for _ in range(count):
        grant = random.choice(grants)
        line = random.choice(scopes[grant.purpose])
        dataset = random.choice(line.resources)
        if random.random() < 0.1:
            dataset = random.choice(policy.datasets).id
        who = ("person", grant.actor_id, random.choice(line.actions), "dataset", dataset)
        made.append((*who, grant.purpose, *_REST))
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


def _decide_each(snapshot: Snapshot, rows: Sequence[tuple[Any, ...]]) -> Figures:
    """Decide on each attempt as it would come: just made of what was asked."""
    times = []
    permits = 0
    gc.collect()
    for row in rows:
        attempt = Attempt(*row)
        start = perf_counter_ns()
        decision = decide(attempt, snapshot, _NOW)
        times.append((perf_counter_ns() - start) / 1000)
        permits += decision.permit
    return {
        "p50_us": quantile(times, 0.5),
        "p99_us": quantile(times, 0.99),
        "cpu_us": _cpu_us(snapshot, rows),
        "permit_share": permits / len(rows),
    }


def _cpu_us(snapshot: Snapshot, rows: Sequence[tuple[Any, ...]]) -> float:
    """Return the CPU of one decision, without that of making the attempt."""
    with Meter() as making:
        for row in rows:
            Attempt(*row)
    with Meter() as deciding:
        for row in rows:
            decide(Attempt(*row), snapshot, _NOW)
    return max(0.0, deciding.cpu_seconds - making.cpu_seconds) / len(rows) * 1e6


def _price_of_condition(rows: Sequence[tuple[Any, ...]]) -> float:
    """Return what one more condition costs: each of these is evaluated at each attempt."""
    some = rows[: max(1, len(rows) // 4)]
    few, many = (big_snapshot(big_policy(count)) for count in (1, 1 + _CONDITIONS))
    return max(0.0, _cpu_us(many, some) - _cpu_us(few, some)) / _CONDITIONS


def _ask_cedar(snapshot: Snapshot, rows: Sequence[tuple[Any, ...]]) -> Figures:
    """Ask Cedar and ourselves the same, in turns, so that both meet the same machine."""
    policies = cedarpy.PolicySet.from_str(_CEDAR)
    entities = cedarpy.Entities.from_json_str(json.dumps(_entities(snapshot)))
    cedar = ours = 0.0
    turns = 0
    for start in range(0, len(rows), _TURN):
        some = rows[start : start + _TURN]
        requests = [_request(Attempt(*row)) for row in some[::_PEER_SHARE]]
        with Meter() as meter:
            answers = [cedarpy.is_authorized(each, policies, entities) for each in requests]
        cedar += meter.cpu_seconds / len(requests) * 1e6
        ours += _cpu_us(snapshot, some)
        turns += 1
        permits = [decide(Attempt(*row), snapshot, _NOW).permit for row in some[::_PEER_SHARE]]
        if permits != [answer.allowed for answer in answers]:
            raise Conflict("Cedar and Ombud do not agree; the comparison would mean nothing")
    return {"cedar_us": cedar / turns, "cedar_ratio": cedar / ours}


def _request(attempt: Attempt) -> dict[str, Any]:
    return {
        "principal": {"type": "Actor", "id": attempt.actor_id},
        "action": {"type": "Action", "id": attempt.action},
        "resource": {"type": "Dataset", "id": attempt.resource_id},
        "context": {
            "purpose": {"__entity": {"type": "Purpose", "id": attempt.purpose}},
            "now": _NOW,
        },
    }


_GRANTED = " || ".join(
    f"(principal has g{n} && context.purpose in principal.g{n}.purpose"
    f" && context.now >= principal.g{n}.begins && context.now < principal.g{n}.ends)"
    for n in range(GRANTS // ACTORS)
)
_CEDAR = "\n".join(
    f'permit(principal, action == Action::"{action}", resource)'
    f" when {{ resource.{action}.contains(context.purpose) && ({_GRANTED}) }};"
    for action in ("read", "search", "export")
)


def _entities(snapshot: Snapshot) -> list[dict[str, Any]]:
    policy = snapshot.compiled.policy
    held: dict[str, dict[str, Any]] = {f"actor{number:04}": {} for number in range(ACTORS)}
    for grant in snapshot.grants:
        mine = held[grant.actor_id]
        mine[f"g{len(mine)}"] = {
            "purpose": _reference(grant.purpose),
            "begins": grant.begins,
            "ends": grant.ends,
        }
    allowed: dict[str, dict[str, list[dict[str, Any]]]] = {
        dataset.id: {"read": [], "search": [], "export": []} for dataset in policy.datasets
    }
    for purpose in policy.purposes:
        for line in purpose.scope:
            for action in line.actions:
                for id_ in line.resources:
                    allowed[id_][action].append(_reference(purpose.id))
    made = [_entity("Actor", id_, mine) for id_, mine in held.items()]
    made += [_entity("Dataset", id_, sets) for id_, sets in allowed.items()]
    made += [_entity("Purpose", each.id, {}, each.parent) for each in policy.purposes]
    return made


def _reference(purpose: str) -> dict[str, Any]:
    return {"__entity": {"type": "Purpose", "id": purpose}}


def _entity(
    type_: str, id_: str, attributes: dict[str, Any], parent: str | None = None
) -> dict[str, Any]:
    parents = [{"type": "Purpose", "id": parent}] if parent else []
    return {"uid": {"type": type_, "id": id_}, "attrs": attributes, "parents": parents}
