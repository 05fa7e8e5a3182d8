"""Policies: checked, compared, applied and confirmed; each change an event before it counts."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from ombud.access.difference import PolicyDiff, diff_policies
from ombud.access.model import Policy
from ombud.access.snapshot import Snapshot, compile_policy
from ombud.config.policy_files import read_policy
from ombud.core.clock import Clock
from ombud.core.errors import Conflict, Forbidden, InputError, NotFound, Unavailable
from ombud.services.asker import Asker
from ombud.services.live_policy import Fetch, Granted, LivePolicy, read_version
from ombud.services.looks import Looks
from ombud.services.policy_events import (
    NewVersion,
    record_confirmation,
    record_refusal,
    record_version,
)
from ombud.services.policy_standing import second_person, tell_row
from ombud.services.policy_wanted import PolicyWanted
from ombud.services.record_port import Appender
from ombud.services.request_members import Members
from ombud.services.second_person import (
    DAY_MS,
    PERSON,
    check_second,
    find_needed,
    is_same_person,
)
from ombud.store.control import ControlStore
from ombud.store.policies import PolicyRow
from ombud.store.policy_events import APPLIED, PROPOSED
from ombud.store.policy_texts import check_texts, hash_texts

Json = dict[str, Any]

REASON_MAX = 4_000  # Characters.
HISTORY_MAX = 1_000  # Versions of one answer.
PROPOSALS_MAX = 50  # That wait: who would confirm among more of them reads none.
PROPOSAL_DAYS = 30  # After which a proposal is made anew: what it is about has moved on.
_NO_SUCH = "`ombud policy proposals` lists those that wait"


class Policies:
    """The use cases of the policy."""

    def __init__(
        self,
        *,
        appender: Appender,
        control: ControlStore,
        project: Callable[[], None],
        live: LivePolicy,
        granted: Granted,
        fetch: Fetch,
        looks: Looks,
        clock: Clock,
    ) -> None:
        """`project` brings the control tables up to the last durable event."""
        self._appender = appender
        self._control = control
        self._tables = control.policies
        self._project = project
        self._live = live
        self._granted = granted
        self._fetch = fetch
        self._looks = looks
        self._clock = clock
        self._changing = threading.Lock()
        self.configured: str | None = None  # Why the folder of the settings is not in force.

    def check(self, files: Mapping[str, str], *, asker: Asker) -> Json:
        """Return every fault of a policy, and its version when it has none; changes nothing."""
        require(asker, "admin", "simulate")
        check_texts(files)
        policy, faults = read_policy(files)
        version = None if faults else version_of(policy)
        return {"version": version, "faults": [fault.to_dict() for fault in faults]}

    def diff(self, wanted: PolicyWanted, *, asker: Asker) -> Json:
        """Return who gains and who loses what by a policy; the look is on record."""
        require(asker, "admin", "simulate")
        self._looks.record_directory_look("policy.diff", asker, why=wanted.why)
        in_force = self._tables.in_force()
        new, version = read_whole(wanted.files)
        old = self._live.policy()
        diff = self._compare(old, new)
        lowers = diff.lowers_oversight
        needed = find_needed(old if in_force else None, new, lowers, now=self._clock())
        return {
            "compared_with": in_force.event_index if in_force else 0,
            "version": version,
            "is_same": in_force is not None and in_force.sha256 == hash_texts(wanted.files),
            "lowers": list(needed.lowers),
            "second_persons": needed.quorum,
            "is_outside": needed.is_outside,
            "alone": needed.alone,
            **diff.to_dict(),
            "lines": diff.lines(),
        }

    def apply(self, wanted: PolicyWanted, *, asker: Asker) -> Json:
        """Put a policy in force, or propose it where a second person must confirm.

        Raises `InputError` for a policy with faults, `Conflict` when it was compared
        with another one than is in force, or is in force already.
        """
        require(asker, "admin")
        reason = _reason(wanted.why)
        new, version = read_whole(wanted.files)
        with self._changing:  # Two at once would both be compared with what stands now.
            in_force = self._tables.in_force()
            base = in_force.event_index if in_force else 0
            if wanted.compared_with not in {None, base}:
                raise Conflict(
                    f"the policy in force is that of event {base}, and the diff was made"
                    f" with {wanted.compared_with}",
                    hint="look at the diff again",
                )
            sha256 = hash_texts(wanted.files)
            if in_force is not None and in_force.sha256 == sha256:
                raise Conflict("this policy is in force already", hint="nothing was changed")
            now = self._clock()
            old = self._live.policy()
            lowers = self._compare(old, new).lowers_oversight
            needed = find_needed(old if in_force else None, new, lowers, now=now)
            if needed.quorum:
                self._check_room(sha256)
            made = NewVersion(
                files=wanted.files,
                version=version,
                sha256=sha256,
                base=base,
                lowers=needed.lowers,
                quorum=needed.quorum,
                is_outside=needed.is_outside,
                alone=needed.alone,
            )
            policy = record_version(self._appender, made, asker=asker, reason=reason, now=now)
            return self._settled(policy, PROPOSED if needed.quorum else APPLIED)

    def confirm(self, policy: str, *, asker: Asker, why: str | None) -> Json:
        """Say yes to what somebody else proposed; the last yes that is needed puts it in force."""
        reason = _reason(why)
        with self._changing:
            row = self._proposed(policy, asker)
            now = self._clock()
            stamp = self._tables.stamp()
            if row.base != stamp:
                raise Conflict(
                    f"another policy has been applied since (event {stamp})",
                    hint="it must be proposed again, over the one that is in force now",
                )
            if now >= expires_at(row):
                raise Conflict(f"the proposal is older than {PROPOSAL_DAYS} days", hint=_NO_SUCH)
            self._check_second(row, asker)
            given = {one.person for one in self._tables.confirmations(row.id)}
            members = self._members()
            if any(is_same_person(asker.person, one, members) for one in given):
                raise Conflict(f"`{asker.person}` has confirmed it already")
            # What is put in force is what this program takes the texts for, now.
            read_whole(read_version(self._control, self._fetch, row))
            is_last = len(given) + 1 >= row.quorum
            record_confirmation(
                self._appender,
                row.id,
                version=row.version,
                is_last=is_last,
                asker=asker,
                reason=reason,
                now=now,
            )
            return self._settled(row.id, APPLIED if is_last else PROPOSED)

    def refuse(self, policy: str, *, asker: Asker, why: str | None) -> Json:
        """Say no to a proposal, or take one's own back; it is over then."""
        reason = _reason(why)
        if reason is None:
            raise InputError("refusing a proposal needs a reason", hint="add `--why …`")
        with self._changing:
            row = self._proposed(policy, asker)
            if asker.person != row.proposed_by:
                self._check_second(row, asker)
            record_refusal(
                self._appender,
                row.id,
                version=row.version,
                asker=asker,
                reason=reason,
                now=self._clock(),
            )
            return self._settled(row.id, "refused")

    def show(self, policy: str | None, *, asker: Asker) -> Json:
        """Return a version with its texts: that in force, unless one is named by its id."""
        require(asker, "admin", "simulate", "search", "request")
        row = self._tables.in_force() if policy is None else self._tables.find(policy)
        if row is None:
            raise NotFound(
                "no policy is in force" if policy is None else f"no policy `{policy}`",
                hint="`ombud policy apply FOLDER` applies one, `ombud policy history` lists them",
            )
        return {**self._tell(row), "texts": read_version(self._control, self._fetch, row)}

    def history(self, *, limit: int, asker: Asker) -> Json:
        """Return the versions that were in force, the latest first."""
        require(asker, "admin", "simulate", "search")
        check_limit(limit)
        return {"versions": [self._tell(row) for row in self._tables.history(limit=limit)]}

    def proposals(self, *, limit: int, ended: bool, asker: Asker) -> Json:
        """Return the proposals that wait (`ended`: and those that did), the latest first."""
        require(asker, "admin", "simulate", "search", "request")
        check_limit(limit)
        rows = self._tables.proposals(limit=limit, also_ended=ended)
        return {"proposals": [self._tell(row) for row in rows]}

    def status(self, *, asker: Asker) -> Json:
        """Return which policy is in force, who may change it, and what waits."""
        require(asker, "admin", "simulate", "search", "request")
        row = self._tables.in_force()
        fault = None
        policy = None
        try:
            policy = self._live.policy() if row else None
        except Unavailable as error:
            fault = str(error)
        return {
            "in_force": None if row is None else self._tell(row),
            "fault": fault,
            "second_person": second_person(policy, row, now=self._clock()),
            "waiting": len(self._waiting()),
            "configured": self.configured,
        }

    def notes(self) -> list[str]:
        """Return what is not as it should be for good, without names or places."""
        row = self._tables.in_force()
        try:
            policy = self._live.policy() if row else None
        except Unavailable:
            return ["the policy in force cannot be read, and everything is denied"]
        standing = second_person(policy, row, now=self._clock())
        notes = [standing["says"]] if standing["is_missing"] else []
        if self.configured is not None:
            notes.append("the policy that the settings name is not in force")
        return notes

    def _waiting(self) -> list[PolicyRow]:
        stamp, now = self._tables.stamp(), self._clock()
        rows = self._tables.proposals(limit=HISTORY_MAX)
        return [row for row in rows if row.base == stamp and now < expires_at(row)]

    def _tell(self, row: PolicyRow) -> Json:
        stands = None
        if row.state == PROPOSED:
            stands = "waiting" if row.base == self._tables.stamp() else "overtaken"
            if stands == "waiting" and self._clock() >= expires_at(row):
                stands = "expired"
        return tell_row(row, self._tables.confirmations(row.id), stands=stands)

    def _compare(self, old: Policy, new: Policy) -> PolicyDiff:
        known = self._live.actors().attributes
        people = {f"{type_}:{id_}": said for (type_, id_), said in known.items() if type_ == PERSON}
        return diff_policies(old, new, self._granted.grants(), people, self._granted.attachments())

    def _check_room(self, sha256: str) -> None:
        waiting = self._waiting()
        same = next((row for row in waiting if row.sha256 == sha256), None)
        if same is not None:
            raise Conflict(
                f"this policy is proposed already, as `{same.id}`",
                hint=f"`ombud policy confirm {same.id}` by a second person puts it in force",
            )
        if len(waiting) >= PROPOSALS_MAX:
            raise Conflict(
                f"{PROPOSALS_MAX} proposals wait", hint="confirm or refuse some of them first"
            )

    def _proposed(self, policy: str, asker: Asker) -> PolicyRow:
        require(asker, "admin", "request")
        row = self._tables.find(policy)
        if row is None or row.quorum == 0:
            raise NotFound(f"no proposal `{policy[:80]}`", hint=_NO_SUCH)
        if row.state != PROPOSED:
            raise Conflict(f"the proposal is {row.state} already", hint=_NO_SUCH)
        return row

    def _check_second(self, row: PolicyRow, asker: Asker) -> None:
        in_force = self._live.policy()
        if in_force.second_person is None:
            asker.require("admin")  # Nobody is named, so that only who could apply it may confirm.
        check_second(
            asker.person,
            proposer=row.proposed_by,
            in_force=in_force,
            is_outside=row.is_outside,
            actors=self._live.actors(),
            members=self._members(),
        )

    def _members(self) -> Members:
        return Members(self._live.policy(), self._control.directory, self._clock())

    def _settled(self, policy: str, state: str) -> Json:
        """Bring the tables up, and return the version as it stands now."""
        self._project()
        row = self._tables.find(policy)
        if row is None or row.state != state:
            why = [said for said in self._control.faults().values() if policy in said]
            raise Unavailable(
                f"the change is recorded and does not stand: {why[-1] if why else 'it is behind'}"
            )
        self._live.follow()
        return self._tell(row)


def require(asker: Asker, *scopes: str) -> None:
    """Raise `Forbidden` unless the asker holds one of these scopes, and sees everything."""
    if asker.scopes.isdisjoint(scopes):
        asker.require(scopes[0])
    if asker.is_restricted:
        raise Forbidden("the policy is not for a token limited to units or systems")


def check_limit(limit: int) -> None:
    """Raise `InputError` for a limit that is none."""
    if not 1 <= limit <= HISTORY_MAX:
        raise InputError(f"limit `{limit}` is not in 1..{HISTORY_MAX}")


def read_whole(files: Mapping[str, str]) -> tuple[Policy, str]:
    """Return what files say and its version; raises `InputError` that names the first fault."""
    check_texts(files)
    policy, faults = read_policy(files)
    if faults:
        more = len(faults) - 1
        raise InputError(
            f"{faults[0]}{f', and {more} more' if more else ''}",
            code="policy",
            hint="nothing was changed; `ombud policy check` lists every fault",
        )
    return policy, version_of(policy)


def version_of(policy: Policy) -> str:
    """Return the version that decisions under a policy name; raises `InputError`."""
    return Snapshot.make(compile_policy(policy), grants=()).version


def expires_at(row: PolicyRow) -> int:
    """Return from when on a proposal is too old, in ms since the epoch."""
    return row.proposed_at + PROPOSAL_DAYS * DAY_MS


def _reason(why: str | None) -> str | None:
    reason = (why or "").strip() or None
    if len(reason or "") > REASON_MAX:
        raise InputError(f"the reason is longer than {REASON_MAX} characters")
    return reason
