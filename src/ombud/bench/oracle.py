"""Benchmark `oracle`: our decisions against Cedar's, over random worlds; none may differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ombud.access.attempt import Attempt
from ombud.access.decide import decide
from ombud.access.snapshot import Snapshot, compile_policy
from ombud.bench.cedar import Translation
from ombud.bench.random_policy import Maker
from ombud.bench.random_world import World
from ombud.bench.report import Figures, Limit, Options, Report, repeat
from ombud.core.errors import Unavailable

try:
    import cedarpy
except ImportError:  # Of the extra `test`: nobody needs Cedar to run Ombud.
    cedarpy = None  # type: ignore[assignment]

__all__ = ["Comparison", "cedarpy", "compare", "has_cedar"]

SEED = 2026
PER_WORLD = 100  # Decisions asked of one world.
SHOWN_MAX = 20  # Disagreements that are kept to be looked at.


@dataclass
class Comparison:
    """How many decisions were compared, how many of them permit, and which differ."""

    decisions: int = 0
    permits: int = 0
    disagreements: int = 0
    reasons: dict[str, int] = field(default_factory=dict)
    shown: list[dict[str, Any]] = field(default_factory=list)


def has_cedar() -> bool:
    """Whether Cedar is installed."""
    return cedarpy is not None


def compare(seed: int, decisions: int) -> Comparison:
    """Compare so many decisions; raises `Unavailable` without Cedar."""
    if cedarpy is None:
        raise Unavailable("Cedar is not installed", hint="install the extra `test`")
    made = Comparison()
    maker = Maker(seed)
    while made.decisions < decisions:
        world = maker.world()
        count = min(PER_WORLD, decisions - made.decisions)
        attempts = [(maker.attempt(world, n), maker.now()) for n in range(count)]
        _compare_world(world, attempts, made)
    return made


def _compare_world(world: World, attempts: list[tuple[Attempt, int]], made: Comparison) -> None:
    for (attempt, now), ours, theirs in zip(
        attempts, _ours(world, attempts, made), _theirs(world, attempts), strict=True
    ):
        made.decisions += 1
        made.permits += ours
        if ours != theirs:
            made.disagreements += 1
            if len(made.shown) < SHOWN_MAX:
                made.shown.append(
                    {"world": world, "attempt": attempt, "now": now, "ours": ours, "theirs": theirs}
                )


def _ours(world: World, attempts: list[tuple[Attempt, int]], made: Comparison) -> Iterator[bool]:
    snapshot = Snapshot.make(
        compile_policy(world.policy),
        grants=world.grants,
        attachments=world.attachments,
        directory=world.directory,
    )
    for attempt, now in attempts:
        decision = decide(attempt, snapshot, now, spent=world.spent)
        for reason in decision.reasons:
            code = reason.partition(":")[0]
            made.reasons[code] = made.reasons.get(code, 0) + 1
        yield decision.permit


def _theirs(world: World, attempts: list[tuple[Attempt, int]]) -> Iterator[bool]:
    translation = Translation(world)
    answers = cedarpy.is_authorized_batch(
        [translation.request(attempt, now) for attempt, now in attempts],
        cedarpy.PolicySet.from_str(translation.policies),
        cedarpy.Entities.from_json_str(translation.entities),
    )
    for answer in answers:
        if answer.diagnostics.errors:
            raise Unavailable(f"Cedar could not evaluate: {answer.diagnostics.errors[0]}")
        yield bool(answer.allowed)


def run(options: Options) -> Report:
    """Compare as many decisions as the options say; a disagreement is shown in the notes."""
    report = Report("oracle", options, limits=(Limit("disagreements", 0.0),))

    def once(rep: int) -> Figures:
        made = compare(SEED + rep, options.events)
        for each in made.shown:
            report.notes.append(
                f"ours {each['ours']}, Cedar {each['theirs']}: {each['attempt']} at {each['now']}"
            )
        for code, count in sorted(made.reasons.items()):
            report.notes.append(f"{code}: {count:,}")
        return {
            "decisions": float(made.decisions),
            "permits": float(made.permits),
            "disagreements": float(made.disagreements),
        }

    return repeat(report, once)
