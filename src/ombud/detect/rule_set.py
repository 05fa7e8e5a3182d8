"""Rule set: the rules of a home or a command, and everything that was refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ombud.detect.condition import Placeholders
from ombud.detect.rule import Refusal, Rule, parse_rules


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules in the order of their files, and every refusal."""

    rules: tuple[Rule, ...] = ()
    refusals: tuple[Refusal, ...] = ()


def load_rules(
    files: Iterable[tuple[str, bytes]], *, placeholders: Placeholders | None = None
) -> RuleSet:
    """Return the rules of all files (name and content) and every refusal.

    The second rule with an id is refused: alerts are keyed by it.
    """
    rules: dict[str, Rule] = {}
    refusals: list[Refusal] = []
    for path, text in files:
        parsed, refused = parse_rules(text, path=path, placeholders=placeholders)
        refusals.extend(refused)
        for rule in parsed:
            first = rules.setdefault(rule.id, rule)
            if first is not rule:
                refusals.append(Refusal(path, rule.id, f"id is already taken by {first.path}"))
    return RuleSet(tuple(rules.values()), tuple(refusals))
