"""Keys: the Ed25519 key with which a record signs its tree heads, made once."""

from __future__ import annotations

import secrets
from pathlib import Path

from ombud.core.errors import Conflict, InputError, NotFound, TamperError, Unavailable
from ombud.record import files
from ombud.record.paths import Home
from ombud.tlog.note import SEED_SIZE, NoteError, Signer, Verifier

ORIGIN_PREFIX = "ombud.local/"  # Not a URL that exists: the owner of a domain sets their own.
_PRIVATE_NAME = "record.key"
_PUBLIC_NAME = "record.vkey"


def create_key(home: Home, origin: str | None) -> Signer:
    """Make the key of a new record, durably, and return it; raises `NoteError` for a bad name."""
    name = origin or ORIGIN_PREFIX + secrets.token_hex(8)
    signer = Signer(name, secrets.token_bytes(SEED_SIZE))
    private = f"{signer.private_key}\n".encode()
    files.write_durably(home.keys / _PRIVATE_NAME, private, home.tmp / "key")
    return signer


def load_key(home: Home, origin: str | None = None) -> Signer | None:
    """Return the key of a record, or None if it has none.

    Raises `Conflict` for another origin, `TamperError` for a file that is no key.
    """
    path = home.keys / _PRIVATE_NAME
    try:
        text = path.read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unavailable(f"cannot read `{path}`: {error.strerror}") from error
    try:
        signer = Signer.parse(text.removesuffix("\n"))
    except (NoteError, UnicodeError) as error:
        raise TamperError(f"holds no signing key: {error}", origin=str(path)) from error
    if origin is not None and signer.name != origin:
        raise Conflict(f"the record's origin is `{signer.name}`, not `{origin}`")
    return signer


def publish_key(home: Home, signer: Signer) -> None:
    """Write the public key beside the private one, for those who may only verify."""
    public = f"{signer.vkey}\n".encode()
    path = home.keys / _PUBLIC_NAME
    if not path.is_file() or path.read_bytes() != public:
        files.write_durably(path, public, home.tmp / "key", mode=files.SERVED_FILE_MODE)


def read_vkey(home: Home) -> str:
    """Return the public key of a record as text.

    Raises `NotFound` if there is no record, `TamperError` if the key of one is gone
    or is none, `Unavailable` if the machine does not let it be read.
    """
    signer = load_key(home)
    if signer is not None:
        return signer.vkey
    path = home.keys / _PUBLIC_NAME
    try:
        vkey = path.read_text(encoding="ascii").removesuffix("\n")
        Verifier.parse(vkey)
    except FileNotFoundError as error:
        if home.state.exists() or home.checkpoint.exists():
            hint = "give the key you trust with `--key`"
            raise TamperError("the public key is gone", origin=str(path), hint=hint) from error
        raise NotFound(f"`{home.root}` has no record yet") from error
    except OSError as error:
        raise Unavailable(f"cannot read `{path}`: {error.strerror}") from error
    except (NoteError, UnicodeError) as error:
        raise TamperError(f"holds no public key: {error}", origin=str(path)) from error
    return vkey


def place_key(home: Home, file: Path) -> None:
    """Put a key that was kept apart where the record signs with it, durably.

    Raises `InputError` for a file that holds no key, `Conflict` for another key.
    """
    try:
        text = file.read_text(encoding="ascii").strip()
        signer = Signer.parse(text)
    except (NoteError, UnicodeError) as error:
        raise InputError(f"`{file}` holds no signing key: {error}") from error
    except OSError as error:
        raise Unavailable(f"cannot read `{file}`: {error.strerror}") from error
    if signer.vkey != read_vkey(home):
        raise Conflict(f"`{file}` is the key of another log, `{signer.name}`")
    files.make_folder(home.tmp)
    files.write_durably(home.keys / _PRIVATE_NAME, f"{text}\n".encode(), home.tmp / "key")
