"""Text: the bytes of a directory file as text, or the byte that is in the way.

An encoding is never guessed: UTF-8, UTF-16 with its mark, or what is declared.  A
name that was read wrongly would be wrong in every answer from then on.
"""

from __future__ import annotations

import codecs
from typing import NamedTuple

ENCODINGS = ("utf-8", "utf-16", "windows-1252", "latin-1")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_WIDE = frozenset({"utf-16-le", "utf-16-be"})
_SINGLE_BYTE = frozenset({"windows-1252", "latin-1"})


class Decoded(NamedTuple):
    """The text, or a fault at a line."""

    text: str
    fault: str = ""
    line: int = 0


def decode(content: bytes, *, encoding: str | None) -> Decoded:
    """Return the text of a file; `encoding` is one of `ENCODINGS`, or none if undeclared."""
    content, name, fault = _named(content, encoding)
    if fault:
        return Decoded("", fault, 1)
    if name in _SINGLE_BYTE:
        mixed = _is_rather_utf8(content, name)
        if mixed is not None:
            return mixed
    try:
        text = content.decode(name)
    except UnicodeDecodeError as error:
        return _undecodable(content, name, error.start, declared=encoding)
    zero = text.find("\0")
    if zero >= 0:
        return Decoded("", "a NUL character is no text", 1 + text.count("\n", 0, zero))
    return Decoded(text)


def _named(content: bytes, encoding: str | None) -> tuple[bytes, str, str]:
    """Return the content without its mark, the encoding, and what contradicts it."""
    for mark, name in _MARKS:
        if content.startswith(mark):
            declared = encoding or name
            if declared not in {name, name.rpartition("-")[0]}:
                return content, name, f"the file says it is {name}, and `{encoding}` is declared"
            return content[len(mark) :], name, ""
    if encoding == "utf-16":
        return content, encoding, "UTF-16 without its mark: the first two bytes must say the order"
    return content, encoding or "utf-8", ""


def _line(content: bytes, position: int, name: str = "utf-8") -> int:
    if name in _WIDE:
        return 1 + content[:position].decode(name, errors="replace").count("\n")
    return 1 + content.count(b"\n", 0, position)


def _undecodable(content: bytes, name: str, position: int, *, declared: str | None) -> Decoded:
    line = _line(content, position, name)
    if name != "utf-8":
        return Decoded("", f"byte {position} is not {name}", line)
    byte = f"byte 0x{content[position]:02X} (number {position}) is not UTF-8"
    other = _first_wide(content[:position])
    if other is not None:
        return Decoded("", f"mixed encodings: {byte}, while line {_line(content, other)} is", line)
    end = "" if declared else "; if the file is of another encoding, declare it with `--encoding`"
    return Decoded("", f"{byte}{end}", line)


def _first_wide(content: bytes) -> int | None:
    """Return where the first byte stands that is not ASCII."""
    if content.isascii():
        return None
    return next(number for number, byte in enumerate(content) if byte > 127)


def _is_rather_utf8(content: bytes, name: str) -> Decoded | None:
    """Return the fault of a file declared as one byte a character whose bytes are UTF-8.

    Text of such an encoding that happens to be UTF-8 does not occur: it would have
    to read like `Ã¼`.
    """
    start = _first_wide(content)
    if start is None:
        return None
    utf8 = other = 0
    for number, line in enumerate(content.split(b"\n"), 1):
        if line.isascii():
            continue
        try:
            line.decode()
        except UnicodeDecodeError:
            other = other or number
        else:
            utf8 = utf8 or number
        if utf8 and other:
            reason = f"mixed encodings: line {utf8} is UTF-8, line {other} is not"
            return Decoded("", reason, max(utf8, other))
    if utf8:
        return Decoded("", f"`{name}` is declared, and the text is UTF-8", utf8)
    return None
