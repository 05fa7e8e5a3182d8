"""Directory wanted: what a load is asked to be, by whatever door it comes."""

from __future__ import annotations

import msgspec


class WantedFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One file: its name, and its bytes (in JSON: base64) or, for short ones, its text."""

    name: str
    content: bytes | None = None
    text: str | None = None

    @property
    def data(self) -> bytes:
        """The bytes of the file."""
        return self.content if self.content is not None else (self.text or "").encode()


class DirectoryWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The files of a load and how to read them.

    `compared_with` is what the diff that was shown said; a load over another
    directory than that is refused, unless `force`.
    """

    files: list[WantedFile]
    kind: str | None = None
    zone: str | None = None
    encoding: str | None = None
    compared_with: int | None = None
    force: bool = False
    why: str | None = None
