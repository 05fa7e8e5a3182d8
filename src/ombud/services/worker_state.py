"""Worker state: the policy and the tokens as a worker of the decision port has them.

Both are looked at before every answer: what was published since is loaded first, and when
it cannot be loaded nothing is answered.  What only the home knows (what was met, what
was used) is not here: `NeedsHome` says that the server itself must be asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ombud.access.attempt import Attempt, Fulfilment
from ombud.access.decision import Decision
from ombud.access.model import Policy
from ombud.access.snapshot import Snapshot
from ombud.core.clock import Clock
from ombud.core.errors import Unavailable
from ombud.services.asker import Asker
from ombud.services.counted import Counted
from ombud.services.drafting import Decide, Held
from ombud.services.published import Published
from ombud.services.token_publishing import FOLDER, KnownTokens


class NeedsHome(Exception):  # noqa: N818 - no error: somebody else must be asked.
    """What is asked depends on more than a worker knows."""


class WorkerState:
    """What a worker decides by; not safe for several threads."""

    def __init__(self, folder: Path, *, clock: Clock) -> None:
        """Take the folder in which the server publishes; raises `Unavailable` before it has."""
        self._policy = Published(folder)
        self._tokens = Published(folder / FOLDER)
        self._clock = clock
        self._snapshot: Snapshot | None = None
        self._known: KnownTokens | None = None
        self._policy_epoch = self._token_epoch = -1

    def epoch(self) -> int:
        """Return a number that grows with each change of policy, grants or tokens."""
        return self._policy.epoch() + self._tokens.epoch()

    def snapshot(self) -> Snapshot:
        """Return the snapshot that stands; raises `Unavailable`.

        From when the directory says something else on, raises `NeedsHome`: the home looks at
        it then, and publishes.
        """
        if self._policy.epoch() != self._policy_epoch:
            self._load_policy()
        if self._clock() >= self._policy.until:
            raise NeedsHome
        if self._snapshot is None:
            raise Unavailable("no policy can be told, so nothing is permitted")
        return self._snapshot

    def _load_policy(self) -> None:
        # Forgotten first: what comes now may fail, and then nothing is known, not the one before.
        known, self._snapshot = self._snapshot, None
        epoch, packed = self._policy.current()
        if packed:  # Empty when the server cannot tell any either.
            self._snapshot = Snapshot.unpack(packed, None if known is None else known.compiled)
            self._policy_epoch = epoch

    def authenticate(self, token: str) -> Asker:
        """Return who stands behind a token; raises `Unauthenticated`."""
        if self._tokens.epoch() == self._token_epoch and self._known is not None:
            return self._known.authenticate(token, self._clock)
        if self._tokens.epoch() != self._token_epoch:
            self._known = None
            epoch, packed = self._tokens.current()
            if packed is not None:
                self._known = KnownTokens(packed)
                self._token_epoch = epoch
        if self._known is None:
            raise Unavailable("the tokens cannot be told, so nobody is known")
        return self._known.authenticate(token, self._clock)

    def close(self) -> None:
        """Let go of what is mapped."""
        self._policy.close()
        self._tokens.close()


class WorkerFacts:
    """The facts of a worker: it has none, and says when some are needed."""

    def __init__(self) -> None:
        self._counted = Counted()

    def counts(self, attempt: Attempt, policy: Policy) -> bool:
        """Raise `NeedsHome` when what the attempt would use is counted."""
        if self._counted.counts(attempt, policy):
            raise NeedsHome
        return False

    def fulfilments(self, ids: Sequence[str], attempt: Attempt) -> tuple[Fulfilment, ...]:
        """Raise `NeedsHome`."""
        del ids, attempt
        raise NeedsHome

    def take(self, attempt: Attempt, now: int, decide: Decide) -> Held:
        """Raise `NeedsHome`."""
        del attempt, now, decide
        raise NeedsHome

    def peek(self, attempt: Attempt, policy: Policy, now: int, decide: Decide) -> Decision:
        """Raise `NeedsHome`."""
        del attempt, policy, now, decide
        raise NeedsHome

    def release(self, taken: Sequence[Held]) -> None:
        """Give back nothing: nothing is taken here."""

    def claim(self, fulfilments: Sequence[Fulfilment], attempt_id: str) -> bool:
        """Raise `NeedsHome`."""
        del fulfilments, attempt_id
        raise NeedsHome

    def fields(self, attempts: Sequence[Attempt], taken: Sequence[Held]) -> Mapping[str, Any]:
        """Return nothing: nothing is met or taken here."""
        del attempts, taken
        return {}
