"""Plain text: originals as texts in which the words of their values stand as they are.

JSON can write a letter as an escape, and two letters outside of ASCII fold into it
(U+0130 and U+212A, by `str.lower`).  An original with either is given as it is and,
after it, with these undone.  Quotes, slashes and controls may stay escaped: no word
that is looked for has them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import re2  # type: ignore[import-untyped]

_NEW_LINE = b"\n"
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|.)", re.DOTALL)


def latin_pattern(pattern: bytes, *, cased: bool = True, memory_max: int = 8 << 20) -> re2.Pattern:
    """Compile an expression about bytes, each a character of its own."""
    options = re2.Options()
    options.encoding = re2.Options.Encoding.LATIN1
    options.case_sensitive = cased
    options.max_mem = memory_max
    options.log_errors = False
    return re2.compile(pattern, options)


# Escapes of printable ASCII or of what folds into it, and the latter in UTF-8.  Each begins
# with bytes of its own, which are found far sooner than alternatives.
_ESCAPED = latin_pattern(rb"\\u(?i:00[2-7]|0130|212a)")
_FOLDING = (latin_pattern(rb"\xc4\xb0"), latin_pattern(rb"\xe2\x84\xaa"))


def plain_texts(raws: Sequence[bytes | memoryview]) -> Sequence[bytes | memoryview]:
    """Return the texts of originals: each word of a value stands in them, but for its case."""
    if not _hides(_NEW_LINE.join(raws)):
        return raws
    return [_undone(whole) if _hides(whole := bytes(raw)) else raw for raw in raws]


def _hides(text: bytes) -> bool:
    return bool(_ESCAPED.search(text)) or (
        not text.isascii() and any(letter.search(text) for letter in _FOLDING)
    )


def _undone(raw: bytes) -> bytes:
    text = raw.decode("utf-8", "replace")
    # As it is, too: what is no JSON object is read as it is.
    both = f"{text}\n{_ESCAPE.sub(_letter, text)}"
    return both.lower().encode("utf-8", "surrogatepass")


def _letter(escape: re.Match[str]) -> str:
    return chr(int(escape[1], 16)) if escape[1] else escape[0]
