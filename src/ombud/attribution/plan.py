"""Plan: where in a statement its data subjects stand, so that the next one like it is only read.

A plan holds for every text of one template, or for one text.  Filling it in
gives exactly what the whole parse of that text would give.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ombud.attribution.facts import NO_COMPARISON, Facts, Literal, Value
from ombud.attribution.keys import is_odd_key, number_key
from ombud.attribution.literals import Cut
from ombud.attribution.parameters import SUPPRESSED, split_array

Slots = Mapping[int, tuple[bool, int, str]]
SUBJECTS_MAX = 1_000  # Of one event: a longer list is an extract of the data, and says so.
KEY_LENGTH_MAX = 256  # Characters: what is longer is no number or name of a person.
_CARE = frozenset("<+ \t\n\r\f\v")  # What begins or ends a key that is looked at more closely.
FIXED, STRING, NUMBER, PARAMETER = range(4)


class Found(NamedTuple):
    """What a statement says of data subjects: those named, and why others are not.

    `reasons` are the words behind `subject_unknown:`.
    """

    subjects: tuple[tuple[str, str], ...] | None = None
    reasons: tuple[str, ...] = ()
    filtered: tuple[str, ...] | None = None
    projected: tuple[str, ...] | None = None


class Take(NamedTuple):
    """Where one key is taken from; `text` is the key itself, or the sign before a number."""

    kind: str
    source: int
    place: int
    text: str
    is_array: bool


class Setting(NamedTuple):
    """A call of `set_config`; None where its argument is no plain value."""

    name: Take | None
    value: Take | None
    is_local: bool | None


@dataclass(slots=True)
class Plan:
    """What is taken from a statement.

    `touches` says that it names a declared dataset or function, `is_ordered` that
    all calls of `set_config` stand in its first statement.
    """

    takes: tuple[Take, ...]
    settled: Found  # What needs no reading.
    touches: bool
    settings: tuple[Setting, ...] = ()
    is_ordered: bool = True

    def fill(self, pieces: Cut | None, parameters: Sequence[str] | None) -> Found:
        """Return what a text of this plan says; `parameters` None were not logged."""
        subjects = []
        for kind, source, place, text, is_array in self.takes:
            if source == PARAMETER:
                if parameters is None or place >= len(parameters):
                    return self._fill(pieces, parameters)
                key = parameters[place]
            elif source == FIXED or pieces is None:
                key = text
            elif source == STRING:
                key = pieces[1][place]
            else:
                key = pieces[2][place]
                key = number_key(text, key)
            if is_array or _needs_care(key):
                return self._fill(pieces, parameters)
            subjects.append((kind, key))
        if len(subjects) > 1 and len(set(subjects)) < len(subjects):
            return self._fill(pieces, parameters)
        if not subjects:
            return self.settled
        if len(subjects) > SUBJECTS_MAX:
            return self._fill(pieces, parameters)
        _, reasons, filtered, projected = self.settled
        return Found(tuple(subjects), reasons, filtered, projected)

    def _fill(self, pieces: Cut | None, parameters: Sequence[str] | None) -> Found:
        """Fill in a plan that needs care: lists, missing parameters, empty keys."""
        subjects: dict[tuple[str, str], None] = {}
        reasons = dict.fromkeys(self.settled.reasons)
        for take in self.takes:
            key = read(take, pieces, parameters)
            if key is None or key == SUPPRESSED:
                reasons["parameters_not_logged"] = None
            elif not take.is_array:
                _add(subjects, reasons, take.kind, (key,))
            elif (keys := split_array(key)) is not None:
                _add(subjects, reasons, take.kind, keys)
            elif key:
                reasons["expression"] = None
        if not subjects and not reasons:
            reasons["null"] = None
        return self.settled._replace(subjects=tuple(subjects) or None, reasons=tuple(reasons))


def _needs_care(key: str) -> bool:
    return not key or key[0] in _CARE or key[-1] in _CARE or len(key) > KEY_LENGTH_MAX


def _add(
    subjects: dict[tuple[str, str], None],
    reasons: dict[str, None],
    kind: str,
    keys: Sequence[str],
) -> None:
    """Add subjects as far as there is room; NULL and the empty text are equal to nobody."""
    for key in keys:
        if len(key) > KEY_LENGTH_MAX:
            reasons["long_key"] = None
            continue
        if key and is_odd_key(key):
            reasons["odd_key"] = None
        if key and len(subjects) < SUBJECTS_MAX:
            subjects[kind, key] = None
        elif key and (kind, key) not in subjects:
            reasons["too_many"] = None
            return


def read(take: Take, pieces: Cut | None, parameters: Sequence[str] | None) -> str | None:
    """Return the text of one key; None for a parameter that is not there."""
    _, source, place, text, _ = take
    if source == FIXED or (pieces is None and source != PARAMETER):
        return text
    if source == PARAMETER:
        return parameters[place] if parameters is not None and place < len(parameters) else None
    assert pieces is not None  # noqa: S101  # Slots are taken only from a text that was cut.
    return pieces[1][place] if source == STRING else number_key(text, pieces[2][place])


def make_plan(facts: Facts, slots_of: Callable[[], Slots] | None) -> Plan | None:
    """Return the plan of a statement's facts.

    `slots_of` gives the literals of its template by place; without it the plan
    holds for this text alone.  None when a key stands where the template has none.
    """
    takes = []
    subjects = facts.subjects()
    is_read = bool(subjects or facts.settings)
    slots = slots_of() if slots_of is not None and is_read else None
    for kind, value in subjects:
        take = _take(kind, value, slots)
        if take is None:
            return None
        takes.append(take)
    settings = []
    for *said, is_local in facts.settings:
        taken = [_take("", item, slots) if item is not None else None for item in said]
        settings.append(Setting(taken[0], taken[1], is_local))
    settled = Found(
        None,
        tuple(facts.unnamed()),
        tuple(name for name in facts.filtered if name not in facts.projected) or None,
        tuple(facts.projected) or None,
    )
    touches = bool(facts.given or facts.lost) or any(each.kinds for each in facts.relations)
    return Plan(tuple(takes), settled, touches, tuple(settings), facts.is_ordered)


def _take(kind: str, value: Value, slots: Slots | None) -> Take | None:
    if not isinstance(value.of, Literal):
        return Take(kind, PARAMETER, value.of.number - 1, "", value.is_array)
    place, text = value.of
    if slots is None:
        return Take(kind, FIXED, 0, text, value.is_array)
    slot = slots.get(place)
    if slot is None:
        return None
    is_string, index, sign = slot
    return Take(kind, STRING if is_string else NUMBER, index, sign, value.is_array)


UNPARSED = Plan((), Found(None, ("unparsed",)), touches=True)


def of_inner(found: Found) -> Found:
    """Return what is known of a statement that a function ran, when it names nobody itself."""
    if NO_COMPARISON not in found.reasons:
        return found
    reasons = tuple("function" if word == NO_COMPARISON else word for word in found.reasons)
    return found._replace(reasons=reasons)
