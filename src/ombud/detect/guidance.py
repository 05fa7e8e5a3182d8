"""Guidance: what a rule tells the person who reads its alert, beside the detection.

The custom section `ombud` of a rule holds it: `group_by` (fields whose values
keep alerts apart), `explain` (one sentence with `{field}` in it, which speaks of
the act and not of the actor, whom the reader may not yet know), `blind_spots`
and `response`.  Of `[one|another]` in `explain` the first is said whose fields
the event carries, so that no sentence speaks of what a source does not tell.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ombud.core.errors import RuleError
from ombud.detect.matching.paths import EventView, find_values
from ombud.detect.matching.values import text_of

GROUP_FIELDS_MAX = 8  # More would give an alert for nearly every event.
SENTENCE_LENGTH_MAX = 400  # Characters; a sentence, not a report.
VALUE_LENGTH_MAX = 120  # Characters of one value in a sentence or a group.
VALUES_MAX = 5  # Values of one field in a sentence.

_PLACE = re.compile(r"\{([^{}]*)\}")
_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_KEYS = frozenset({"group_by", "explain", "blind_spots", "response"})


@dataclass(frozen=True, slots=True)
class Guidance:
    """Texts for people, and the fields that keep alerts apart."""

    description: str = ""
    falsepositives: tuple[str, ...] = ()
    blind_spots: tuple[str, ...] = ()
    response: str = ""
    group_by: tuple[str, ...] = ()
    explain: str = ""

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field that the guidance names."""
        return (*self.group_by, *_PLACE.findall(self.explain))

    def group_of(self, view: EventView) -> tuple[tuple[str, str], ...]:
        """Return the group an event belongs to: field and value, empty when absent."""
        return tuple((name, _shown(view, name)) for name in self.group_by)

    def sentence(
        self, view: EventView, fields: Mapping[str, list[Any]], *, default: str | None = None
    ) -> str:
        """Return why an event matched, in one sentence without the actor.

        `default` is said where the rule has no `explain`; else the fields that matched.
        """
        if self.explain:
            # Choices first, values second: brackets and braces in a value are only text.
            text = _CHOICE.sub(lambda choice: _first_told(view, choice[1]), self.explain)
            text = _PLACE.sub(lambda place: _shown(view, place[1]) or "unknown", text)
        elif default is not None:
            text = default
        else:
            text = "matched by " + ", ".join(
                f"{name} = {_joined(values) or 'none'}" for name, values in fields.items()
            )
        return text[:SENTENCE_LENGTH_MAX]


def guidance_of(document: Mapping[str, Any]) -> Guidance:
    """Return the guidance of a rule; raises `RuleError` for a section `ombud` it cannot be."""
    section = document.get("ombud") or {}
    if not isinstance(section, dict):
        raise RuleError("section `ombud` is no map")
    unknown = sorted(str(key) for key in section.keys() - _KEYS)
    if unknown:
        raise RuleError(f"section `ombud` has no key `{unknown[0]}`: it has {', '.join(_KEYS)}")
    group_by = _texts(section, "group_by")
    if len(group_by) > GROUP_FIELDS_MAX:
        raise RuleError(f"`group_by` names more than {GROUP_FIELDS_MAX} fields")
    explain = _text(section, "explain")
    if set("{}") & set(_PLACE.sub("", explain)):
        raise RuleError("`explain` has a brace without its partner")
    if set("[]") & set(_CHOICE.sub("", explain)):
        raise RuleError("`explain` has a bracket without its partner, or one within another")
    return Guidance(
        description=_text(document, "description"),
        falsepositives=_texts(document, "falsepositives"),
        blind_spots=_texts(section, "blind_spots"),
        response=_text(section, "response"),
        group_by=group_by,
        explain=explain,
    )


def _text(section: Mapping[str, Any], key: str) -> str:
    value = section.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise RuleError(f"`{key}` is no text")
    return value.strip()


def _texts(section: Mapping[str, Any], key: str) -> tuple[str, ...]:
    value = section.get(key)
    if value is None:
        return ()
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, str) for one in values):
        raise RuleError(f"`{key}` is no list of texts")
    return tuple(values)


def _first_told(view: EventView, choice: str) -> str:
    """Return the first of `one|another` whose fields all have a value, or nothing."""
    for text in choice.split("|"):
        if all(_shown(view, name) for name in _PLACE.findall(text)):
            return text
    return ""


def _shown(view: EventView, name: str) -> str:
    return _joined(find_values(view, name))


def _one(value: Any) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else text_of(value)
    return text[:VALUE_LENGTH_MAX]


def _joined(values: Any) -> str:
    shown = [_one(value) for value in values if value is not None]
    rest = f" and {len(shown) - VALUES_MAX} more" if len(shown) > VALUES_MAX else ""
    return ", ".join(shown[:VALUES_MAX]) + rest
