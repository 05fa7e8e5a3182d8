"""Checkpoint: what one asks, in exactly which words, and whether an answer is one.

The wording is frozen: what was shown goes on record as it stood, with the version of
the policy that it stood in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import re2  # type: ignore[import-untyped]

from ombud.access.justification_text import NO_ANSWER, TEXT_MAX, judge_text
from ombud.access.model import Checkpoint, CheckpointKind, Policy, Purpose

ACKNOWLEDGEMENT = "acknowledgement"  # The name of the checkpoint that a purpose's text makes.
ACKNOWLEDGED_MINUTES = 365 * 24 * 60  # Then it is asked again, as it is when the text changes.
CASE_MAX = 200  # Characters of a case number.
CHOICES_MAX = 100  # Choices of one answer.
SECRET_MAX = 1_000  # Characters of what somebody proves themself with.
DEPTH_MAX = 64  # Purposes above one another.


class Answer(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody answers a checkpoint with; `secret` never goes on record.

    `shown` is the wording as it was shown, where the program that showed it says so.
    """

    acknowledged: bool = False
    text: str | None = None
    choices: tuple[str, ...] = ()
    case: str | None = None
    secret: str | None = None
    shown: str | None = None

    def __repr__(self) -> str:
        """Return what may be seen in a traceback."""
        return f"Answer(choices={self.choices!r}, case={self.case!r})"


def ancestors(policy: Policy, purpose_id: str | None) -> list[Purpose]:
    """Return a purpose and those above it, nearest first; none for one that is not known."""
    by_id = {purpose.id: purpose for purpose in policy.purposes}
    found: list[Purpose] = []
    while purpose_id in by_id and len(found) < DEPTH_MAX:
        found.append(by_id[purpose_id])
        purpose_id = found[-1].parent
    return found


def acknowledgement_of(purpose: Purpose) -> Checkpoint | None:
    """Return the checkpoint that a purpose's text to be acknowledged makes, if it has one."""
    if purpose.acknowledgement is None:
        return None
    return Checkpoint(
        name=ACKNOWLEDGEMENT,
        kind=CheckpointKind.ACKNOWLEDGEMENT,
        prompt=purpose.acknowledgement,
        every_minutes=ACKNOWLEDGED_MINUTES,
        per="actor",
    )


def find_checkpoint(policy: Policy, name: str, purpose_id: str | None) -> Checkpoint | None:
    """Return the checkpoint of this name that acts for a purpose come to: the nearest one."""
    for purpose in ancestors(policy, purpose_id):
        for one in _checkpoints_of(purpose):
            if one.name == name:
                return one
    return next((one for one in policy.checkpoints if one.name == name), None)


def _checkpoints_of(purpose: Purpose) -> Iterator[Checkpoint]:
    yield from purpose.checkpoints
    own = acknowledgement_of(purpose)
    if own is not None:
        yield own


def all_checkpoints(policy: Policy) -> list[tuple[str | None, Checkpoint]]:
    """Return every checkpoint with the purpose it belongs to, None for those of all purposes."""
    found: list[tuple[str | None, Checkpoint]] = [(None, one) for one in policy.checkpoints]
    for purpose in policy.purposes:
        found += [(purpose.id, one) for one in _checkpoints_of(purpose)]
    return found


def wording_of(checkpoint: Checkpoint) -> str:
    """Return the exact words of a checkpoint: its prompt, and its choices line by line."""
    return "\n".join([checkpoint.prompt, *(f"- {choice}" for choice in checkpoint.choices)])


def asked_of(checkpoint: Checkpoint, *, policy_version: str) -> dict[str, Any]:
    """Return what a program needs to put a checkpoint to somebody."""
    return {
        "name": checkpoint.name,
        "kind": checkpoint.kind.value,
        "prompt": checkpoint.prompt,
        "wording": wording_of(checkpoint),
        "choices": list(checkpoint.choices),
        "multiple": checkpoint.multiple,
        "with_text": checkpoint.with_text,
        "pattern": checkpoint.pattern,
        "length_min": checkpoint.length_min,
        "every_minutes": checkpoint.every_minutes,
        "per": checkpoint.per,
        "policy_version": policy_version,
    }


@lru_cache(maxsize=1_000)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    return re2.compile(pattern, options)


def faults_of(checkpoint: Checkpoint, answer: Answer) -> list[str]:
    """Return everything that keeps an answer from being one, empty when it is good.

    Whether a secret is right and who confirms is not known here.
    """
    kind = checkpoint.kind
    faults = list(_text_faults(checkpoint, answer))
    if answer.shown is not None and answer.shown != wording_of(checkpoint):
        faults.append("what was shown is not what the policy asks now: show it again")
    if kind is CheckpointKind.ACKNOWLEDGEMENT and not answer.acknowledged:
        faults.append("`acknowledged` must be true")
    if kind is CheckpointKind.CHOICE:
        faults += _choice_faults(checkpoint, answer.choices)
    elif answer.choices:
        faults.append("`choices` are not asked for")
    faults += _case_faults(checkpoint, answer.case)
    if kind is CheckpointKind.REAUTHENTICATION and not answer.secret:
        faults.append("`secret` is missing")
    if kind is not CheckpointKind.REAUTHENTICATION and answer.secret is not None:
        faults.append("`secret` is not asked for")
    if len(answer.secret or "") > SECRET_MAX:
        faults.append(f"`secret` is longer than {SECRET_MAX} characters")
    return faults


def _needs_text(checkpoint: Checkpoint) -> bool:
    return checkpoint.kind is CheckpointKind.TEXT or checkpoint.with_text


def _text_faults(checkpoint: Checkpoint, answer: Answer) -> Iterator[str]:
    text = (answer.text or "").strip()
    if len(text) > TEXT_MAX:
        yield f"`text` is longer than {TEXT_MAX} characters"
        return
    if not text:
        if _needs_text(checkpoint):
            yield "`text` is missing"
        return
    if checkpoint.length_min is not None and len(text) < checkpoint.length_min:
        yield f"`text` has {len(text)} characters, and {checkpoint.length_min} are asked for"
    is_text = checkpoint.kind is CheckpointKind.TEXT
    if is_text and checkpoint.pattern is not None and not _matches(checkpoint.pattern, text):
        yield f"`text` does not match `{checkpoint.pattern}`"
    codes = [answer.case] if answer.case else []
    for flaw in judge_text(text, prompt=checkpoint.prompt, codes=codes).flaws:
        if flaw in NO_ANSWER:
            yield f"`text` is no reason: {flaw.value}"


def _choice_faults(checkpoint: Checkpoint, choices: Sequence[str]) -> list[str]:
    if not choices:
        return ["`choices` are missing"]
    if len(choices) > CHOICES_MAX or len(set(choices)) != len(choices):
        return ["`choices` name one twice, or too many"]
    if len(choices) > 1 and not checkpoint.multiple:
        return ["only one of the choices can be taken"]
    return [
        f"`{choice[:80]}` is not one of the choices"
        for choice in choices
        if choice not in checkpoint.choices
    ]


def _case_faults(checkpoint: Checkpoint, case: str | None) -> list[str]:
    is_asked = checkpoint.kind is CheckpointKind.CASE
    if not (case or "").strip():
        return ["`case` is missing"] if is_asked else []
    if len(case or "") > CASE_MAX:
        return [f"`case` is longer than {CASE_MAX} characters"]
    if is_asked and checkpoint.pattern and not _matches(checkpoint.pattern, case or ""):
        return [f"`case` does not match `{checkpoint.pattern}`"]
    return []


def _matches(pattern: str, text: str) -> bool:
    """Whether the whole of a text is of a pattern; one that is no pattern matches nothing."""
    try:
        return _compiled(pattern).fullmatch(text) is not None
    except re2.error:
        return False
