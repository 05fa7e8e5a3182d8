"""Credentials: the secret with which a person proves at a checkpoint that it is them.

Hashes lie in one file of the home with mode 0600, never in the record, which says
only that one was set, for whom and by whom.  Whatever goes wrong, the answer is no:
a file that cannot be read, that others may read, or that is not ours.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets
import stat
import threading
import unicodedata
from pathlib import Path

import msgspec

from ombud.core.clock import Clock
from ombud.core.errors import InputError, Unauthenticated, Unavailable
from ombud.services.asker import Asker
from ombud.services.own_events import own_event
from ombud.services.record_port import Appender, record_events
from ombud.store.control_change import CONTROL

FILE_NAME = "credentials.json"
HOME_DOOR = "cli"  # As `asker.local_owner` comes.
FILE_SIZE_MAX = 64 << 20  # Bytes: some 200,000 people.
SECRET_MIN, SECRET_MAX = 8, 1_000  # Characters: NIST SP 800-63B §5.1.1.1 asks for 8 at least.
# 32 MB and a quarter of a second: what OWASP gives as equal to its first choice.
SCRYPT_N, SCRYPT_R, SCRYPT_P = 1 << 15, 8, 3
SCRYPT_MEMORY = 64 << 20
TRIES = 5  # Wrong answers in a row before the next must wait.
LOCK_MS = 30_000  # The first wait; each further wrong answer doubles it.
LOCK_MS_MAX = 3_600_000
CREDENTIAL_SET = "credential.set"
CREDENTIAL_REFUSED = "credential.refused"
CREDENTIAL_LOCKED = "credential.locked"


class _Kept(msgspec.Struct, kw_only=True):
    """What is kept of one person's secret; instants in ms since the epoch."""

    salt: str
    digest: str
    n: int
    r: int
    p: int
    set_at: int
    set_by: str
    wrong: int = 0
    locked_until: int = 0


_File = dict[str, _Kept]


class Credentials:
    """Sets and checks secrets; one at a time, for each check takes 32 MB."""

    def __init__(self, home: Path, *, appender: Appender, clock: Clock) -> None:
        self._path = home / FILE_NAME
        self._appender = appender
        self._clock = clock
        self._lock = threading.Lock()

    def set(
        self,
        person: str,
        secret: str,
        *,
        asker: Asker,
        is_own: bool,
        current: str | None = None,
    ) -> dict[str, object]:
        """Set a person's secret: their own, proving the one before, or another's as administrator.

        At the command line of the home its owner proves nothing: the file is theirs.
        Who set it is on record, and is told with whatever is proved by it.
        """
        if not is_own:
            asker.require("admin")
        plain = _plain(secret)
        if not SECRET_MIN <= len(plain) <= SECRET_MAX:
            raise InputError(f"a secret has {SECRET_MIN} to {SECRET_MAX} characters")
        if not person or len(person) > 200:
            raise InputError("a credential needs a person of 1 to 200 characters")
        has_one = self._has(person)
        # Else a stolen token of an administrator would prove itself.
        if has_one and is_own and asker.via != HOME_DOOR:
            self.check(person, current or "", asker=asker)
        with self._lock:
            now = self._clock()
            kept = _hash(plain, now, asker.person)
            # First on record: a secret that nobody knows the setter of must not count.
            self._record(CREDENTIAL_SET, person, asker, now, "success")
            file = self._read()
            file[person] = kept
            self._write(file)
        return {"person": person, "set_by": asker.person, "set_at": now, "replaced": has_one}

    def set_by(self, person: str) -> str | None:
        """Return who set a person's secret, None if there is none."""
        with self._lock:
            kept = self._read().get(person)
        return None if kept is None else kept.set_by

    def check(self, person: str, secret: str, *, asker: Asker) -> str:
        """Return who set the secret that a person has proved to know.

        Raises `Unauthenticated` for a wrong one, or none set, and `Unavailable` while
        further attempts must wait.  It takes as long for somebody without a secret.
        """
        with self._lock:
            now = self._clock()
            file = self._read()
            kept = file.get(person)
            if kept is not None and kept.locked_until > now:
                seconds = (kept.locked_until - now) / 1_000
                raise Unavailable(
                    "too many wrong attempts", retry_seconds=seconds,
                    hint=f"try again in {seconds:.0f} s",
                )  # fmt: skip
            # Of the right length for nobody, so that a guess tells no more than a miss.
            wanted = kept or _hash("", 0, "", salt=bytes(16))
            is_right = _matches(wanted, _plain(secret)) and kept is not None
            if kept is not None and is_right:
                if kept.wrong:
                    kept.wrong = kept.locked_until = 0
                    self._write(file)
                return kept.set_by
            self._miss(person, kept, file, asker, now)
        raise Unauthenticated(
            "the secret is not right, or none is set", hint="`ombud credential set` sets one"
        )

    def _miss(self, person: str, kept: _Kept | None, file: _File, asker: Asker, now: int) -> None:
        operation = CREDENTIAL_REFUSED
        if kept is not None:
            kept.wrong += 1
            if kept.wrong >= TRIES:
                wait = min(LOCK_MS << min(kept.wrong - TRIES, 20), LOCK_MS_MAX)
                kept.locked_until = now + wait
                operation = CREDENTIAL_LOCKED
            self._write(file)
        self._record(operation, person, asker, now, "denied")

    def _has(self, person: str) -> bool:
        with self._lock:
            return person in self._read()

    def _record(self, operation: str, person: str, asker: Asker, now: int, outcome: str) -> None:
        attributes = {"person": person, "via": asker.via, "token": asker.token_id or ""}
        action = "configure" if operation == CREDENTIAL_SET else "authenticate"
        event = own_event(
            time=now,
            source=CONTROL,
            action=action,
            operation=operation,
            actor_id=asker.person,
            actor_type="person",
            outcome=outcome,
            attributes=attributes,
        )
        record_events(self._appender, [event])

    def _read(self) -> _File:
        """Return what is kept; raises `Unavailable` for a file that proves nothing."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise _unusable(self._path, str(error.strerror)) from None
        found = os.fstat(descriptor)
        is_ours = found.st_uid in {os.geteuid(), 0}
        if not stat.S_ISREG(found.st_mode) or found.st_mode & 0o077 or not is_ours:
            os.close(descriptor)
            raise _unusable(self._path, "others than its owner may read or write it")
        with os.fdopen(descriptor, "rb") as file:
            if found.st_size > FILE_SIZE_MAX:
                raise _unusable(self._path, "it is too large")
            try:
                return msgspec.json.decode(file.read(), type=_File)
            except (msgspec.MsgspecError, RecursionError):
                raise _unusable(self._path, "it is not what Ombud writes") from None

    def _write(self, file: _File) -> None:
        made = self._path.with_name(f"{FILE_NAME}.making")
        try:
            made.unlink(missing_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            descriptor = os.open(made, flags, 0o600)
            with os.fdopen(descriptor, "wb") as target:
                target.write(msgspec.json.encode(file))
                target.flush()
                os.fsync(descriptor)
            made.replace(self._path)
        except OSError as error:
            raise Unavailable(f"cannot write `{self._path}`: {error.strerror}") from None


def _unusable(path: Path, reason: str) -> Unavailable:
    return Unavailable(
        f"credentials in `{path}` cannot be used: {reason}",
        hint="its mode must be 0600; without the file everybody sets their secret anew",
    )


def _plain(secret: str) -> str:
    """Return one form of the characters typed, whatever keyboard (NIST SP 800-63B §5.1.1.2)."""
    return unicodedata.normalize("NFKC", secret[: SECRET_MAX + 1])


def _digest(plain: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    return hashlib.scrypt(
        plain.encode("utf-8", "surrogatepass"), salt=salt, n=n, r=r, p=p, maxmem=SCRYPT_MEMORY,
        dklen=32,
    )  # fmt: skip


def _hash(plain: str, now: int, by: str, *, salt: bytes | None = None) -> _Kept:
    salt = secrets.token_bytes(16) if salt is None else salt
    digest = b"" if not plain else _digest(plain, salt, SCRYPT_N, SCRYPT_R, SCRYPT_P)
    return _Kept(
        salt=base64.b64encode(salt).decode(),
        digest=base64.b64encode(digest or bytes(32)).decode(),
        n=SCRYPT_N,
        r=SCRYPT_R,
        p=SCRYPT_P,
        set_at=now,
        set_by=by,
    )


def _matches(kept: _Kept, plain: str) -> bool:
    try:
        salt, wanted = base64.b64decode(kept.salt), base64.b64decode(kept.digest)
        found = _digest(plain, salt, kept.n, kept.r, kept.p)
    except ValueError:  # Parameters that nobody of ours wrote.
        return False
    return hmac.compare_digest(found, wanted)
