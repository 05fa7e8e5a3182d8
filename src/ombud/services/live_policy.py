"""Live policy: the compiled snapshot of the policy in force, anew as soon as something changes.

What it is made of are control tables: the policy, grants and attachments, and the
directory.  `snapshot` costs a comparison of integers as long as these stand; the end
of a grant needs nothing, for the decision looks at the time itself.  A policy that
cannot be read is answered with an error, never with the one before.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from ombud.access.attempt import Attachment, Grant
from ombud.access.model import Policy
from ombud.access.snapshot import CompiledPolicy, Snapshot, compile_policy
from ombud.config.policy_files import read_policy
from ombud.core.clock import Clock
from ombud.core.errors import OmbudError, Unavailable
from ombud.core.event import Event
from ombud.services.actor_attributes import KINDS_READ, NOBODY, Actors, read_actors
from ombud.services.published import Published, last_epoch, publish
from ombud.store.control import ControlStore
from ombud.store.policies import PolicyRow
from ombud.store.policy_texts import join_texts

__all__ = ["LivePolicy", "Published", "publish", "read_version"]

log = logging.getLogger("ombud")
Fetch = Callable[[Sequence[int]], Sequence[Event]]
RETRY_MS = 5_000  # After which a policy that could not be read is tried again.


class Granted(Protocol):
    """What was granted and attached; `stamp` changes with either."""

    def stamp(self) -> int:
        """Return the index of the last event that changed them."""

    def grants(self) -> tuple[Grant, ...]:
        """Return every grant; one that was revoked ends when it was."""

    def attachments(self) -> tuple[Attachment, ...]:
        """Return every attachment; one that was revoked ends when it was."""


@dataclass(frozen=True, slots=True)
class _Live:
    """What stands, and by which stamps it was made."""

    changes: int  # Of the control tables, as of which it was looked at.
    until: int  # Instant from which the directory says something else.
    epoch: int
    policy_stamp: int
    policy: Policy
    compiled: CompiledPolicy
    directory_stamp: int
    actors: Actors
    granted_stamp: int
    snapshot: Snapshot | None
    fault: OmbudError | None = None


class LivePolicy:
    """The policy in force, for whoever decides."""

    def __init__(
        self, *, control: ControlStore, granted: Granted, fetch: Fetch, clock: Clock
    ) -> None:
        """`fetch` gives events of the record by index, with their originals."""
        self._control = control
        self._granted = granted
        self._fetch = fetch
        self._clock = clock
        self._lock = threading.Lock()
        self._folder: Path | None = None
        self._published = -1
        self._before = 0  # Epochs that servers before this one have published.
        empty = Policy()
        self._live = _Live(-1, 0, 0, 0, empty, compile_policy(empty), -1, NOBODY, -1, None)

    def snapshot(self, now: int | None = None) -> Snapshot:
        """Return the snapshot that stands at an instant, now unless one is given.

        Raises `Unavailable` when the policy in force cannot be read.
        """
        live = self._live
        at = self._clock() if now is None else now
        if live.changes != self._control.changes or at >= live.until:
            live = self._renew(at)
        if live.snapshot is None:
            raise _unusable(live.fault)
        return live.snapshot

    def is_usable(self) -> bool:
        """Whether there is a snapshot to decide by."""
        try:
            self.snapshot()
        except Unavailable:
            return False
        return True

    def epoch(self) -> int:
        """Return the number of the snapshot that stands: another one with each."""
        self.follow()
        return self._live.epoch

    def policy(self) -> Policy:
        """Return the policy in force, an empty one without; raises what `snapshot` does."""
        self.snapshot()
        return self._live.policy

    def actors(self) -> Actors:
        """Return what the directory says of actors now; raises what `snapshot` does."""
        self.snapshot()
        return self._live.actors

    def publish_into(self, folder: Path) -> None:
        """From now on let worker processes see the snapshot in a folder."""
        with self._lock:
            self._folder, self._published = folder, -1
            self._before = last_epoch(folder)
        self.follow()

    def follow(self) -> None:
        """Bring the snapshot, and what workers see of it, up to the control tables.

        To be called after each change, before it is acknowledged; it raises nothing, for
        the change stands: whoever decides is told what is wrong.
        """
        at = self._clock()
        live = self._live
        if live.changes != self._control.changes or at >= live.until:
            live = self._renew(at)
        if self._folder is not None and self._published != live.epoch:
            try:
                self._publish()
            except OmbudError as error:  # Workers answer nothing until it goes well.
                log.error("workers are not told of the policy: %s", error)  # noqa: TRY400

    def _publish(self) -> None:
        with self._lock:
            live, folder = self._live, self._folder
            if folder is None or self._published == live.epoch:
                return
            # Nobody makes a permit of nothing.
            packed = b"" if live.snapshot is None else live.snapshot.pack()
            publish(folder, packed, self._before + live.epoch, until=live.until)
            self._published = live.epoch

    def _renew(self, at: int) -> _Live:
        with self._lock:
            live = self._live
            changes = self._control.changes  # Read first: what changes meanwhile is seen next time.
            if live.changes == changes and at < live.until:
                return live
            try:
                made = self._make(live, at)
            except OmbudError as error:
                log.error("no policy can be told, and everything is denied: %s", error)  # noqa: TRY400
                made = replace(
                    live,
                    until=at + RETRY_MS,
                    epoch=live.epoch + 1,
                    policy_stamp=-1,
                    snapshot=None,
                    fault=error,
                )
            self._live = made = replace(made, changes=changes)
            return made

    def _make(self, live: _Live, at: int) -> _Live:
        """Return what stands now, of what stood as much as still holds."""
        control, granted = self._control, self._granted
        policy_stamp = control.policies.stamp()
        policy, compiled = live.policy, live.compiled
        if policy_stamp != live.policy_stamp:
            policy = self._read(control.policies.in_force())
            compiled = compile_policy(policy)
        directory_stamp = control.directory.stamp()
        actors = live.actors
        if directory_stamp != live.directory_stamp or at >= live.until or live.snapshot is None:
            actors = read_actors(control.directory.rows(KINDS_READ), at)
        granted_stamp = granted.stamp()
        snapshot = live.snapshot
        if snapshot is None or compiled is not live.compiled or actors is not live.actors:
            snapshot = Snapshot.make(
                compiled,
                grants=granted.grants(),
                attachments=granted.attachments(),
                directory=actors.attributes,
            )
        elif granted_stamp != live.granted_stamp:
            snapshot = snapshot.with_grants(granted.grants()).with_attachments(
                granted.attachments()
            )
        return _Live(
            changes=live.changes,
            until=actors.until,
            epoch=live.epoch + (snapshot is not live.snapshot),
            policy_stamp=policy_stamp,
            policy=policy,
            compiled=compiled,
            directory_stamp=directory_stamp,
            actors=actors,
            granted_stamp=granted_stamp,
            snapshot=snapshot,
        )

    def _read(self, row: PolicyRow | None) -> Policy:
        if row is None:
            return Policy()
        return parse_texts(read_version(self._control, self._fetch, row))


def parse_texts(files: Mapping[str, str]) -> Policy:
    """Return the policy that texts say, which had no faults when they were recorded."""
    policy, faults = read_policy(files)
    if faults:
        raise Unavailable(
            f"the policy in force has a fault by this program: {faults[0]}",
            hint="apply one that `ombud policy check` finds good",
        )
    return policy


def read_version(control: ControlStore, fetch: Fetch, row: PolicyRow) -> dict[str, str]:
    """Return the texts of a version by name, from the record."""
    events = list(fetch(control.policies.chunks(row.id)))
    return join_texts(events, policy=row.id, sha256=row.sha256)


def _unusable(fault: OmbudError | None) -> Unavailable:
    said: Any = fault or "none was made"
    return Unavailable(
        f"no policy can be told, so nothing is permitted: {said}",
        hint="`ombud policy status` says which is in force",
    )
