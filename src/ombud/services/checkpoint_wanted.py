"""Checkpoint wanted: what is met, for which attempt, as programs and people state it."""

from __future__ import annotations

import msgspec

from ombud.access.checkpoint import Answer
from ombud.core.errors import InputError

NAME_MAX = 500  # Characters of a purpose, an actor, a resource.
RESOURCES_MAX = 1_000  # Things that one justification is for: more is no object set.
SUBJECTS_MAX = 1_000


class CheckpointWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """An answer to a checkpoint, and the attempt that stopped at it.

    `actor` is `type:id`; a person who answers for themself need not say it.
    `resources` are `type:id`, `subjects` the data subjects as [kind, key], `decision`
    the id of the decision that asked.
    """

    purpose: str
    answer: Answer = Answer()
    actor: str | None = None
    resources: tuple[str, ...] = ()
    subjects: tuple[tuple[str, str], ...] = ()
    decision: str | None = None

    def check(self) -> None:
        """Raise `InputError` for what is beyond a bound or of no shape."""
        texts = [self.purpose, self.decision or "-", *self.resources]
        texts += [part for subject in self.subjects for part in subject]
        if len(self.resources) > RESOURCES_MAX or len(self.subjects) > SUBJECTS_MAX:
            raise InputError(f"more than {RESOURCES_MAX} resources or {SUBJECTS_MAX} data subjects")
        if any(not 0 < len(text) <= NAME_MAX for text in texts):
            raise InputError(f"a purpose, resource or data subject has 1 to {NAME_MAX} characters")
        for name in (*self.resources, *([self.actor] if self.actor is not None else [])):
            type_, _, id_ = name.partition(":")
            if not type_ or not id_ or len(name) > NAME_MAX:
                raise InputError(f"`{name[:80]}` is not of the form `type:id`")
