"""Parsing: one YAML document with a section `correlation`, or every reason why it is none."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ombud.core.errors import RuleError
from ombud.detect.correlation.condition import Condition, check_fields, condition_of
from ombud.detect.correlation.expression import names_of
from ombud.detect.correlation.model import RULES_MAX, Correlation, CorrelationType
from ombud.detect.guidance import GROUP_FIELDS_MAX, Guidance, guidance_of
from ombud.detect.rule import head_of, version_of

Result = TypeVar("Result")

# Days of a month and a year as pySigma has them: those of the Gregorian calendar on average.
UNIT_SECONDS = {
    "s": 1,
    "m": 60,
    "h": 3600,
    "d": 86_400,
    "w": 604_800,
    "M": 2_629_746,
    "y": 31_556_952,
}
TIMESPAN_SECONDS_MAX = 10 * UNIT_SECONDS["y"]  # State is kept as long, and no log much longer.
ALIASES_MAX = 64

_TIMESPAN = re.compile(r"([0-9]{1,9})([smhdwMy])", re.ASCII)
_KEYS = frozenset({"type", "rules", "group-by", "timespan", "condition", "aliases", "generate"})
_Aliases = tuple[tuple[str, tuple[tuple[str, str], ...]], ...]


def parse_correlation(document: Mapping[str, Any], *, path: str) -> Correlation:
    """Return the correlation of one document; raises `RuleError` with every fault found.

    Its `rules` and `aliases` name rules as the document does: `link` resolves them.
    """
    faults: list[str] = []

    def collect(build: Callable[[], Result]) -> Result | None:
        try:
            return build()
        except RuleError as error:
            faults.append(str(error))
            return None

    title, level, rule_id = head_of(document, faults)
    name = document.get("name")
    guidance = collect(lambda: guidance_of(document)) or Guidance()
    section = document.get("correlation")
    if not isinstance(section, Mapping):
        raise RuleError("; ".join([*faults, "section `correlation` is no map"]))
    unknown = sorted(str(key) for key in section if key not in _KEYS)
    if unknown:
        faults.append(
            f"section `correlation` has no key `{unknown[0]}`: it has {', '.join(sorted(_KEYS))}"
        )
    kind = collect(lambda: _type(section.get("type")))
    rules = collect(lambda: _rules(section, kind)) or ()
    timespan_ms = collect(lambda: _timespan(section.get("timespan"))) or 0
    group_by = collect(lambda: _group_by(section.get("group-by"))) or ()
    aliases = collect(lambda: _aliases(section.get("aliases"), rules)) or ()
    generate = collect(lambda: _generate(section.get("generate", document.get("generate"))))
    condition = None
    if kind is not None and rules:
        condition = collect(lambda: condition_of(section.get("condition"), kind, rules))
    if faults or kind is None:
        raise RuleError("; ".join(faults))
    condition = condition or Condition()
    version = version_of(document)
    status = document.get("status")
    return Correlation(
        id=rule_id or version,
        version=version,
        title=title,
        level=level,
        path=path,
        type=kind,
        rules=rules,
        timespan_ms=timespan_ms,
        group_by=group_by,
        bounds=condition.bounds,
        alternatives=condition.alternatives,
        fields=condition.fields,
        percentile=condition.percentile,
        aliases=aliases,
        generate=bool(generate),
        name=name if isinstance(name, str) else None,
        guidance=guidance,
        status=None if status is None else str(status),
        tags=tuple(str(tag) for tag in document.get("tags") or ()),
    )


def _type(value: Any) -> CorrelationType:
    try:
        return CorrelationType(str(value).lower())
    except ValueError:
        known = ", ".join(CorrelationType)
        raise RuleError(f"`type` `{value}` is none of {known}") from None


def _rules(section: Mapping[str, Any], kind: CorrelationType | None) -> tuple[str, ...]:
    value = section.get("rules")
    condition = section.get("condition")
    if value is None and isinstance(condition, str) and kind is not None and kind.is_temporal:
        value = list(names_of(condition))
    rules = value if isinstance(value, list) else [value]
    if not rules or not all(isinstance(one, str) and one for one in rules):
        raise RuleError("`rules` is no list of names or ids of rules")
    if len(set(rules)) < len(rules):
        raise RuleError("`rules` names a rule twice")
    if len(rules) > RULES_MAX:
        raise RuleError(f"`rules` names more than {RULES_MAX} rules")
    return tuple(rules)


def _timespan(value: Any) -> int:
    """Return milliseconds."""
    parts = _TIMESPAN.fullmatch(value) if isinstance(value, str) else None
    if parts is None:
        raise RuleError(f"`timespan` `{value}` is no number with one of s, m, h, d, w, M, y")
    seconds = int(parts[1]) * UNIT_SECONDS[parts[2]]
    if not 0 < seconds <= TIMESPAN_SECONDS_MAX:
        raise RuleError(f"`timespan` `{value}` is not between 1s and 10y")
    return seconds * 1000


def _group_by(value: Any) -> tuple[str, ...]:
    if value is None or value == []:
        return ()
    fields = value if isinstance(value, list) else [value]
    return check_fields(fields, "group-by", GROUP_FIELDS_MAX)


def _aliases(value: Any, rules: tuple[str, ...]) -> _Aliases:
    if value is None:
        return ()
    if not isinstance(value, Mapping) or len(value) > ALIASES_MAX:
        raise RuleError(f"`aliases` is no map of at most {ALIASES_MAX} names")
    return tuple(
        (str(alias), _places(str(alias), places, rules)) for alias, places in value.items()
    )


def _places(alias: str, value: Any, rules: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, Mapping) or not value:
        raise RuleError(f"alias `{alias}` is no map of rules to fields")
    for name in value:
        if name not in rules:
            raise RuleError(f"alias `{alias}` names `{name}`, which is not among `rules`")
    fields = [check_fields([field], f"aliases.{alias}", 1)[0] for field in value.values()]
    return tuple(zip(value, fields, strict=True))


def _generate(value: Any) -> bool:
    if value is None:
        return False
    if not isinstance(value, bool):
        raise RuleError("`generate` is neither true nor false")
    return value
