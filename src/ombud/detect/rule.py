"""Rule: one Sigma rule that can be evaluated, or the reason why it cannot.

No rule is skipped in silence: every document of every file becomes a rule, a
filter, a correlation or a `Refusal`.  A rule's version is the hash of its
canonical text and of what fills its placeholders, so that any change of what
the rule does is a change of version.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any, TypeVar

from sigma.exceptions import SigmaError

from ombud.core.errors import RuleError
from ombud.detect.guidance import Guidance, guidance_of
from ombud.detect.loading.condition import Placeholders, compile_detection
from ombud.detect.loading.documents import Fault, parse_documents
from ombud.detect.logsource import LogSource, check_own
from ombud.detect.matching.atoms import Node, Test
from ombud.detect.view import check_field

Result = TypeVar("Result")

LEVELS = ("informational", "low", "medium", "high", "critical")
LEVEL_DEFAULT = "medium"  # Sigma leaves the level open; an alert has one.

ID_LENGTH_MAX = 128
VERSION_LENGTH = 32  # Hexadecimal digits of the SHA-256 of the canonical text.

_PLAIN = frozenset({str, int, float, bool, type(None)})  # What JSON writes as it is.
OTHER_KINDS = {
    "correlation": "this is a correlation, not a rule",
    "filter": "this is a filter, not a rule",
    "action": "rule collections with `action` are obsolete: write whole rules",
}
# What pySigma raises for documents of the wrong shape besides its own errors.
PARSE_ERRORS = (
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
        name = f" `{self.rule_id}`:" if self.rule_id else ""
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
    name: str | None = None  # By which correlations and filters may refer to it, as by the id.
    filters: tuple[str, ...] = ()  # Ids of the filters that are in the tree.

    @cached_property
    def matches(self) -> Test:
        """The test of one event; takes the view that the rule's logsource asks for."""
        return self.tree.compiled()

    def __getstate__(self) -> dict[str, Any]:
        """Return what it is made of: what was compiled of it cannot be sent to a process."""
        return {name: value for name, value in self.__dict__.items() if name != "matches"}


def parse_rules(
    text: bytes | str, *, path: str, placeholders: Placeholders | None = None
) -> tuple[list[Rule], list[Refusal]]:
    """Return the rules of one YAML file and what was refused of it, in order.

    Filters and correlations are refused here: `load_rules` reads them.
    `placeholders` are the values of `%name%` under the modifier `expand`.
    """
    rules: list[Rule] = []
    refusals: list[Refusal] = []
    try:
        documents = parse_documents(text)
    except RuleError as error:
        return [], [Refusal(path, None, reason_of(error))]
    for document in documents:
        try:
            check_document(document, OTHER_KINDS)
            rules.append(parse_rule(document, path=path, placeholders=placeholders))
        except PARSE_ERRORS as error:
            refusals.append(Refusal(path, id_of(document), reason_of(error)))
    return rules, refusals


def check_document(document: Any, other_kinds: Mapping[str, str]) -> None:
    """Raise `RuleError` unless a document is a map of none of the `other_kinds`."""
    if isinstance(document, Fault):
        raise RuleError(str(document))
    if not isinstance(document, dict):
        raise RuleError("a rule is a YAML map")
    for key, reason in other_kinds.items():
        if key in document:
            raise RuleError(reason)


def id_of(document: Any) -> str | None:
    """Return what a document that may be anything calls itself."""
    named = document.name if isinstance(document, Fault) else None
    if isinstance(document, dict):
        named = document.get("id") or document.get("name")
    return str(named)[:ID_LENGTH_MAX] if named else None


class Faults(list[str]):
    """Every reason found why one document cannot run."""

    def collect(self, build: Callable[[], Result]) -> Result | None:
        """Return what `build` returns, or None after noting why it could not."""
        try:
            return build()
        except PARSE_ERRORS as error:
            self.append(reason_of(error))
            return None

    def check(self) -> None:
        """Raise `RuleError` with all of them, if there are any."""
        if self:
            raise RuleError("; ".join(self))


def parse_rule(
    document: Mapping[str, Any], *, path: str, placeholders: Placeholders | None = None
) -> Rule:
    """Return the rule that a document is; raises `RuleError` with every reason why it is none."""
    known = placeholders or {}
    faults = Faults()
    title, level, rule_id = head_of(document, faults)
    guidance = faults.collect(lambda: guidance_of(document)) or Guidance()
    logsource = faults.collect(lambda: logsource_of(document))
    section = faults.collect(lambda: detection_of(document, "detection"))
    if section is None:
        raise RuleError("; ".join(faults))
    compiled = faults.collect(lambda: compile_detection(*section, known))
    if compiled is None or logsource is None:
        raise RuleError("; ".join(faults))
    fields = frozenset(compiled.tree.fields())
    if logsource.is_own:
        faults.collect(lambda: check_own(logsource))
        for name in sorted({*fields, *guidance.fields}):
            faults.collect(partial(check_field, name))
    faults.check()
    used = {name: list(known[name]) for name in compiled.placeholders}
    version = version_of([document, used] if used else document)
    return Rule(
        id=rule_id or version,
        version=version,
        title=title,
        level=level,
        path=path,
        logsource=logsource,
        tree=compiled.tree,
        fields=fields,
        guidance=guidance,
        status=_text_or_none(document.get("status")),
        tags=tuple(str(tag) for tag in document.get("tags") or ()),
        name=_text_or_none(document.get("name")),
    )


def head_of(document: Mapping[str, Any], faults: list[str]) -> tuple[str, str, str | None]:
    """Return title, level and id; other metadata decides nothing and is not judged."""
    title = document.get("title")
    if not isinstance(title, str) or not title:
        faults.append("`title` is missing")
    level = document.get("level") or LEVEL_DEFAULT
    if level not in LEVELS:
        faults.append(f"level `{level}` is none of {', '.join(LEVELS)}")
    return str(title), str(level), checked_id(document, faults)


def checked_id(document: Mapping[str, Any], faults: list[str]) -> str | None:
    """Return the id of a document, or its name without one; notes what is no id."""
    for key in ("name", "id"):
        named = document.get(key)
        if named is not None and (not isinstance(named, str) or len(named) > ID_LENGTH_MAX):
            faults.append(f"`{key}` is no text of at most {ID_LENGTH_MAX} characters")
    found = document.get("id") or document.get("name")
    return found if isinstance(found, str) else None


def logsource_of(document: Mapping[str, Any]) -> LogSource:
    """Return the log source of a rule or filter; raises `RuleError` if it names none."""
    section = document.get("logsource")
    if not isinstance(section, dict):
        raise RuleError("`logsource` is missing or no map: name the log source it is about")
    product, service, category = (section.get(key) for key in ("product", "service", "category"))
    parts = (product, service, category)
    if any(part is not None and (not isinstance(part, str) or not part) for part in parts):
        raise RuleError("product, service and category of `logsource` are texts")
    if not any(parts):
        raise RuleError("`logsource` has neither product nor service nor category")
    return LogSource(product, service, category)


def detection_of(document: Mapping[str, Any], key: str) -> tuple[dict[str, Any], list[str]]:
    """Return the selections and conditions of a section; raises `RuleError` for what is none."""
    section = document.get(key)
    if not isinstance(section, dict):
        raise RuleError(f"`{key}` is missing or no map")
    if "timeframe" in section:
        raise RuleError(
            "`timeframe` is of Sigma 1: write a correlation with `timespan` over this rule"
        )
    condition = section.get("condition")
    conditions: list[Any] = condition if isinstance(condition, list) else [condition]
    if not conditions or not all(isinstance(one, str) for one in conditions):
        raise RuleError("`condition` is missing or no text")
    selections = {name: value for name, value in section.items() if name != "condition"}
    if not selections:
        raise RuleError(f"`{key}` has no selection")
    return selections, conditions


def _text_or_none(value: Any) -> str | None:
    return None if value is None else str(value)


def version_of(value: Any) -> str:
    """Return the version of whatever is made of this YAML."""
    canonical = json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:VERSION_LENGTH]


def plain(value: Any) -> Any:
    """Return a YAML value as JSON can write it: keys as text, dates as they are written."""
    if isinstance(value, dict):
        return {
            str(key): inner if inner.__class__ in _PLAIN else plain(inner)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [inner if inner.__class__ in _PLAIN else plain(inner) for inner in value]
    return value if value.__class__ in _PLAIN else str(value)


def reason_of(error: BaseException) -> str:
    """Return the reason in one line."""
    if isinstance(error, RecursionError):
        return "rule is nested too deeply"
    text = str(error.args[0]) if error.args else type(error).__name__
    text = " ".join(text.split())
    return text[:1].lower() + text[1:] if isinstance(error, SigmaError) else text
