"""Rule: one Sigma rule that can be evaluated, or the reason why it cannot.

No rule is skipped in silence: every document of every file becomes a `Rule` or
a `Refusal`.  A rule's version is the hash of its canonical text, so that any
change of the rule is a change of version.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, TypeVar

import yaml
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule
from sigma.rule.base import SigmaYAMLLoader, check_alias_expansion

from ombud.core.errors import RuleError
from ombud.detect.atoms import Node, Test
from ombud.detect.condition import Placeholders, tree_of
from ombud.detect.expressions import POLICY
from ombud.detect.guidance import Guidance, guidance_of
from ombud.detect.logsource import LogSource, check_own
from ombud.detect.view import check_field

Result = TypeVar("Result")

LEVELS = ("informational", "low", "medium", "high", "critical")
LEVEL_DEFAULT = "medium"  # Sigma leaves the level open; an alert has one.

FILE_SIZE_MAX = 1 << 20  # Bytes; the largest public rule has 100 kB.
DOCUMENTS_MAX = 1000  # Rules in one file.
CONDITION_LENGTH_MAX = 8192  # Characters; keeps the condition parser's time bounded.
ID_LENGTH_MAX = 128
VERSION_LENGTH = 32  # Hexadecimal digits of the SHA-256 of the canonical text.

_LATER = {
    "correlation": "correlations come later",
    "filter": "global filters come later",
    "action": "rule collections with `action` are obsolete: write whole rules",
}
# What pySigma raises for documents of the wrong shape besides its own errors.
_PARSE_ERRORS = (
    SigmaError,
    RuleError,
    AttributeError,
    IndexError,
    KeyError,
    RecursionError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A rule that does not run: where it stands and every reason found."""

    path: str
    rule_id: str | None
    reason: str

    def __str__(self) -> str:
        """Return one line for a person."""
        name = f" rule `{self.rule_id}`" if self.rule_id else ""
        return f"{self.path}:{name} {self.reason}"


@dataclass(frozen=True)
class Rule:
    """One rule, ready to run: plain data."""

    id: str
    version: str
    title: str
    level: str
    path: str
    logsource: LogSource
    tree: Node = field(repr=False)
    fields: frozenset[str] = field(repr=False)
    guidance: Guidance = field(repr=False)
    status: str | None = None
    tags: tuple[str, ...] = ()

    @cached_property
    def matches(self) -> Test:
        """The test of one event; takes the view that the rule's logsource asks for."""
        return self.tree.compiled()


def parse_rules(
    text: bytes | str, *, path: str, placeholders: Placeholders | None = None
) -> tuple[list[Rule], list[Refusal]]:
    """Return the rules of one YAML file and what was refused of it, in order.

    `placeholders` are the values of `%name%` under the modifier `expand`.
    """
    rules: list[Rule] = []
    refusals: list[Refusal] = []
    try:
        documents = _documents(text)
    except (RuleError, yaml.YAMLError, RecursionError) as error:
        return [], [Refusal(path, None, _reason(error))]
    for document in documents:
        try:
            rules.append(_rule(document, path, placeholders or {}))
        except _PARSE_ERRORS as error:
            rule_id = document.get("id") if isinstance(document, dict) else None
            refusals.append(Refusal(path, str(rule_id) if rule_id else None, _reason(error)))
    return rules, refusals


def _documents(text: bytes | str) -> list[Any]:
    if len(text) > FILE_SIZE_MAX:
        raise RuleError(f"file is larger than {FILE_SIZE_MAX >> 10} KiB")
    documents: list[Any] = []
    for document in yaml.load_all(text, Loader=SigmaYAMLLoader):
        if len(documents) == DOCUMENTS_MAX:
            raise RuleError(f"file holds more than {DOCUMENTS_MAX} rules")
        if document is not None:
            documents.append(document)
    if not documents:
        raise RuleError("file holds no rule")
    return documents


class _Faults(list[str]):
    """Every reason found why one rule cannot run."""

    def collect(self, build: Callable[[], Result]) -> Result | None:
        """Return what `build` returns, or None after noting why it could not."""
        try:
            return build()
        except _PARSE_ERRORS as error:
            self.append(_reason(error))
            return None


def _rule(document: Any, path: str, placeholders: Placeholders) -> Rule:
    if not isinstance(document, dict):
        raise RuleError("a rule is a YAML map")
    check_alias_expansion(document)
    for key, reason in _LATER.items():
        if key in document:
            raise RuleError(reason)
    faults = _Faults()
    title, level, rule_id = _head(document, faults)
    guidance = faults.collect(lambda: guidance_of(document)) or Guidance()
    parsed = faults.collect(lambda: _parse(document))
    if parsed is None:
        raise RuleError("; ".join(faults))
    tree = faults.collect(lambda: tree_of(parsed, placeholders))
    if tree is None:
        raise RuleError("; ".join(faults))
    named = parsed.logsource
    logsource = LogSource(named.product, named.service, named.category)
    fields = frozenset(tree.fields())
    if logsource.is_own:
        faults.collect(lambda: check_own(logsource))
        for name in sorted({*fields, *guidance.fields}):
            faults.collect(partial(check_field, name))
    if faults:
        raise RuleError("; ".join(faults))
    version = _version(document)
    return Rule(
        id=rule_id or version,
        version=version,
        title=title,
        level=level,
        path=path,
        logsource=logsource,
        tree=tree,
        fields=fields,
        guidance=guidance,
        status=_text_or_none(document.get("status")),
        tags=tuple(str(tag) for tag in document.get("tags") or ()),
    )


def _head(document: Mapping[str, Any], faults: _Faults) -> tuple[str, str, str | None]:
    """Return title, level and id; other metadata decides nothing and is not judged."""
    title = document.get("title")
    if not isinstance(title, str) or not title:
        faults.append("`title` is missing")
    level = document.get("level") or LEVEL_DEFAULT
    if level not in LEVELS:
        faults.append(f"level `{level}` is none of {', '.join(LEVELS)}")
    rule_id = document.get("id") or document.get("name")
    if rule_id is not None and (not isinstance(rule_id, str) or len(rule_id) > ID_LENGTH_MAX):
        faults.append(f"`id` is no text of at most {ID_LENGTH_MAX} characters")
    return str(title), str(level), rule_id


def _parse(document: Mapping[str, Any]) -> SigmaRule:
    """Return what pySigma makes of logsource and detection; raises for every fault it finds."""
    detection = document.get("detection")
    if isinstance(detection, dict):
        if "timeframe" in detection:
            raise RuleError("`timeframe` needs a correlation: correlations come later")
        condition = detection.get("condition")
        for one in condition if isinstance(condition, list) else [condition]:
            if not isinstance(one, str):
                raise RuleError("`condition` is missing or no text")
            if len(one) > CONDITION_LENGTH_MAX:
                raise RuleError(f"`condition` is longer than {CONDITION_LENGTH_MAX} characters")
    essential = {key: document[key] for key in ("logsource", "detection") if key in document}
    parsed = SigmaRule.from_dict({"title": "rule", **essential}, collect_errors=True, policy=POLICY)
    if parsed.errors:
        raise RuleError("; ".join(_reason(error) for error in parsed.errors))
    return parsed


def _text_or_none(value: Any) -> str | None:
    return None if value is None else str(value)


def _version(document: Mapping[str, Any]) -> str:
    canonical = json.dumps(
        _plain(document), sort_keys=True, separators=(",", ":"), ensure_ascii=True
    )
    return hashlib.sha256(canonical.encode()).hexdigest()[:VERSION_LENGTH]


def _plain(value: Any) -> Any:
    """Return a YAML value as JSON can write it: keys as text, dates as they are written."""
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def _reason(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "rule is nested too deeply"
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        return f"line {error.problem_mark.line + 1}: {error.problem or error.context}"
    text = str(error.args[0]) if error.args else type(error).__name__
    text = " ".join(text.split())
    return text[:1].lower() + text[1:] if isinstance(error, SigmaError) else text
