"""Backup: a home copied, running or not, and a copy made the home again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ombud.app.home import PATIENCE_SECONDS
from ombud.core.clock import now_ms
from ombud.core.errors import Conflict, InputError, NotFound, TamperError, Unavailable
from ombud.core.event import Event
from ombud.record.backup import KEEP, BackupReport, back_up
from ombud.record.client import RecorderClient
from ombud.record.keys import load_key, place_key, read_vkey
from ombud.record.paths import Home
from ombud.record.recorder import Recorder
from ombud.record.standing import Copy, check_version, forget_copy, read_copy
from ombud.record.verify import verify_home
from ombud.services.asker import local_owner
from ombud.services.own_events import own_event
from ombud.store.control_events import CONTROL
from ombud.tlog.note import NoteError, Verifier
from ombud.tlog.tree_head import TreeHead, open_tree_head

HOME_RESTORED = "home.restored"
WHY_MAX = 4_000  # Characters, as for any reason that is recorded.


def backup_home(
    home: Path,
    target: Path,
    *,
    with_key: bool = False,
    keep: int = KEEP,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> BackupReport:
    """Back up a home below a target, whether it runs or not."""
    client = RecorderClient(Home(home.resolve()).recorder_socket)

    def durable_size() -> int | None:
        try:
            return client.head()[0]
        except Unavailable:
            return None  # A command writes to it alone; what it let out is taken.

    try:
        return back_up(
            home,
            target,
            durable_size=durable_size,
            now_ms=now_ms(),
            with_key=with_key,
            keep=keep,
            progress=progress,
        )
    finally:
        client.close()


def resume_home(
    home: Path, *, why: str, key: Path | None = None, known_head: bytes | None = None
) -> dict[str, Any]:
    """Let a restored copy be the home from now on; that it is one is an event first.

    `known_head` is the latest tree head that anybody kept.  The copy must be on the
    way to it (else `TamperError`); if it is beyond the copy, what was signed between
    them is lost, and the event says so.  Raises `Conflict` for what is no copy,
    `NotFound` when there is no key to sign with.
    """
    if not why.strip() or len(why) > WHY_MAX:
        raise InputError(f"resuming needs a reason of 1 to {WHY_MAX} characters", hint="--why …")
    copy = _copy_of(home)
    place = Home(home.resolve())
    check_version(place.root)
    abandoned = _compare(home, copy, known_head)
    if key is not None:
        place_key(place, key)
    if load_key(place) is None:
        raise NotFound(
            f"`{home}` has no key to sign with",
            hint="`--key FILE` names the `keys/record.key` of the home it was copied from",
        )
    with Recorder.open(home, patience_seconds=PATIENCE_SECONDS, resumes=True) as recorder:
        event = _event(copy, why, abandoned)
        index = recorder.record_event(event).first_index
        forget_copy(place.root)
    return {
        "event": index,
        "size": copy.size,
        "root": copy.root,
        "backed_up_at": copy.backed_up_at,
        "abandoned_size": abandoned.size if abandoned else None,
    }


def _copy_of(home: Path) -> Copy:
    copy = read_copy(home)
    if copy is None:
        raise Conflict(f"`{home}` is no restored copy", hint="there is nothing to resume")
    if not copy.is_whole:
        raise Unavailable(copy.sentence())
    if not copy.restored_at:
        raise Conflict(
            f"`{home}` is a backup, not a home",
            hint="`ombud restore TARGET --home NEW` makes a home of it",
        )
    return copy


def _compare(home: Path, copy: Copy, known_head: bytes | None) -> TreeHead | None:
    """Return the known head if it lies beyond the copy; raises `TamperError` for another log."""
    if known_head is None:
        return None
    verifier = Verifier.parse(read_vkey(Home(home.resolve())))
    try:
        head = open_tree_head(known_head, verifier.name, [verifier])
    except NoteError as error:
        raise InputError(f"the known head is none of this log: {error}") from error
    if head.size > copy.size:
        return head
    fault = verify_home(home, known_heads=[known_head]).fault
    if fault is not None:
        raise TamperError(fault.reason, origin=fault.place)
    return None


def _event(copy: Copy, why: str, abandoned: TreeHead | None) -> Event:
    attributes: dict[str, Any] = {
        "backup": copy.id,
        "size": copy.size,
        "root": copy.root,
        "backed_up_at": copy.backed_up_at,
        "restored_at": copy.restored_at,
    }
    if abandoned is not None:
        attributes |= {"abandoned_size": abandoned.size, "abandoned_root": abandoned.root.hex()}
    return own_event(
        time=now_ms(),
        source=CONTROL,
        action="configure",
        operation=HOME_RESTORED,
        actor_id=local_owner().person,
        actor_type="person",
        justification_text=why,
        attributes=attributes,
    )
