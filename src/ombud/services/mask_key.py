"""Mask key: the home's secret from which the keys of hashed columns are derived.

One key for each purpose, so that a value hashed for one purpose cannot be joined
with the same value hashed for another.  The secret lies in the home, mode 0600; with
another secret every hashed value becomes another one, so it belongs into backups.
"""

from __future__ import annotations

import os
import secrets
import threading
from pathlib import Path

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from ombud.core.errors import TamperError, Unavailable

NAME = "mask.key"
SIZE = 32  # Bytes, of the secret and of each key: the size of SHA-256.
_INFO = b"ombud mask v1\0"


def _read(path: Path) -> bytes:
    try:
        text = path.read_text(encoding="ascii").strip()
        secret = bytes.fromhex(text)
    except (ValueError, UnicodeError) as error:
        raise TamperError("holds no key for masks", origin=str(path)) from error
    if len(secret) != SIZE:
        raise TamperError("holds no key for masks", origin=str(path))
    return secret


def load_mask_secret(folder: Path) -> bytes:
    """Return the secret kept in a folder, made at the first call.

    Raises `TamperError` for a file that holds none, `Unavailable` if it cannot be had.
    """
    path = folder / NAME
    made = folder / f".{NAME}.{os.getpid()}.{secrets.token_hex(4)}"
    try:
        if path.exists():
            return _read(path)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_bytes(SIZE).hex() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(made, path)  # Fails where another process was first: its key stands.
        except FileExistsError:
            pass
        finally:
            made.unlink()
        _sync(folder)
        return _read(path)
    except OSError as error:
        raise Unavailable(f"cannot keep `{path}`: {error.strerror}") from error


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def purpose_key(secret: bytes, purpose: str) -> bytes:
    """Return the key of one purpose (HKDF, RFC 5869, over the home's secret)."""
    return HKDF(SHA256(), length=SIZE, salt=None, info=_INFO + purpose.encode()).derive(secret)


class MaskKeys:
    """The keys of one home, by purpose; its secret is made when a column is first hashed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._secret: bytes | None = None
        self._lock = threading.Lock()

    def key(self, purpose: str) -> bytes:
        """Return the key of one purpose; raises what `load_mask_secret` does."""
        with self._lock:
            if self._secret is None:
                self._secret = load_mask_secret(self._folder)
            return purpose_key(self._secret, purpose)
