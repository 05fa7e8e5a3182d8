"""Explaining: how an attempt is decided, for people; a look, and never a permit to act on."""

from __future__ import annotations

from ombud.access.attempt import Attempt
from ombud.access.explain import explain
from ombud.access.snapshot import Snapshot, compile_policy
from ombud.core.clock import Clock
from ombud.core.errors import InputError
from ombud.query.values import MOMENT_MAX, MOMENT_MIN
from ombud.services.asker import Asker
from ombud.services.live_policy import LivePolicy
from ombud.services.looks import Looks
from ombud.services.policies import Json, read_whole, require
from ombud.services.policy_wanted import AttemptWanted

NAME_MAX = 1_000  # Characters of a name in an attempt.


class Explaining:
    """Explains attempts under the policy in force, or under another one that is given."""

    def __init__(self, *, live: LivePolicy, looks: Looks, clock: Clock) -> None:
        self._live = live
        self._looks = looks
        self._clock = clock

    def explain(self, wanted: AttemptWanted, *, asker: Asker) -> Json:
        """Return how an attempt would be decided and why; the look is on record."""
        require(asker, "simulate", "admin")
        attempt = attempt_of(wanted)
        at = self._clock() if wanted.at is None else wanted.at
        if not MOMENT_MIN <= at <= MOMENT_MAX:
            raise InputError(f"`at` is {at}, which is outside of the calendar")
        self._looks.record_policy_look("policy.explain", asker, why=wanted.why, case=wanted.case)
        snapshot = self._live.snapshot()
        if wanted.files is not None:
            policy, _ = read_whole(wanted.files)
            snapshot = Snapshot.make(
                compile_policy(policy),
                grants=snapshot.grants,
                attachments=snapshot.attachments,
                directory=self._live.actors().attributes,
            )
        said: Json = explain(attempt, snapshot, at).to_dict()
        decision = said.pop("decision")
        del decision["decision_id"]  # There is none: nothing was decided.
        would = {"would_permit": decision.pop("permit"), "would": decision}
        return {"at": at, "what_if": True, **would, **said}


def attempt_of(wanted: AttemptWanted) -> Attempt:
    """Return the attempt that is asked about; raises `InputError` for what names nobody."""
    actor_type, actor_id = _named("actor", wanted.actor)
    resource_type, resource_id = _named("resource", wanted.resource)
    if not wanted.action or len(wanted.action) > NAME_MAX:
        raise InputError(f"an action has 1 to {NAME_MAX} characters")
    return Attempt(
        actor_type=actor_type,
        actor_id=actor_id,
        action=wanted.action,
        resource_type=resource_type,
        resource_id=resource_id,
        purpose=wanted.purpose,
        actor=wanted.actor_properties,
        resource=wanted.resource_properties,
        context=wanted.context,
        columns=None if wanted.columns is None else tuple(wanted.columns),
    )


def _named(what: str, text: str) -> tuple[str, str]:
    type_, colon, id_ = text.partition(":")
    if not (type_ and colon and id_) or len(text) > NAME_MAX:
        raise InputError(
            f"`{what}` is `type:id`, not `{text[:80]}`", hint="such as person:ana, dataset:plates"
        )
    return type_, id_
