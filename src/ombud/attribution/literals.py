"""Literals: a statement's text cut into its template and its literals, where that is exact.

The template is what two statements share that differ only in plain literals.
Two texts of one template are cut by PostgreSQL's lexer at the same places
(PostgreSQL 15 documentation, section 4.1) unless `is_plain` says otherwise of
the template: then only the whole parse knows.
"""

from __future__ import annotations

import re

# A number that no name, parameter, string or other number goes before.  The set of its first
# characters comes first, because the engine of `re` then skips what cannot begin one.
_NUMBER = re.compile(
    r"""([0-9](?<![A-Za-z0-9_$."'\x80-\U0010ffff][0-9])[0-9]*(?:\.[0-9]+)?)""", re.ASCII
)
_split_numbers = _NUMBER.split
# What makes a string of another kind when a quote follows: E, U&, B, X, N, or a name.
_PREFIX = re.compile(r"""[\w$&"\x80-\U0010ffff]""")
_DOLLAR = re.compile(r"\$(?![0-9])|[\w\x80-\U0010ffff]\$")
_LETTER_BEHIND_PARAMETER = re.compile(r"\$[0-9]+[A-Za-z_\x80-\U0010ffff]")
_MARKS = re.compile(r"\\|--|/\*|\*/|\x00")
_GOES_ON = re.compile(r"[.$\w\x80-\U0010ffff]")  # Behind a number.
_BLANK = " \t\r\n;"

Template = tuple[str, ...]  # The text between numbers, with one quote in place of each string.


# Template, and the text split at its strings and at its numbers: literals stand at odd places.
Cut = tuple[Template, list[str], list[str]]


def cut(body: str) -> Cut | None:
    """Return the pieces of a text; None when its quotes are not paired."""
    strings = body.split("'")
    if not len(strings) & 1:
        return None
    numbers = _split_numbers("'".join(strings[::2]))
    return tuple(numbers[::2]), strings, numbers


def is_plain(template: Template) -> bool:
    """Whether every text of this template is cut exactly where PostgreSQL would."""
    whole = "0".join(template)
    if _MARKS.search(whole):
        return False
    if "$" in whole and (_DOLLAR.search(whole) or _LETTER_BEHIND_PARAMETER.search(whole)):
        return False
    # Behind a number `.`, `e5`, `x1F` or `_000` would go on with it.
    if any(map(_GOES_ON.match, template[1:])):
        return False
    if "'" in whole and not _has_plain_strings(whole.split("'")):
        return False
    if '"' not in whole:
        return True
    # Neither a string nor a number lies within a quoted identifier.
    return all(not part.count('"') & 1 for piece in template for part in piece.split("'"))


def _has_plain_strings(parts: list[str]) -> bool:
    """Whether all strings between these parts are of the plain kind, and none joins the next."""
    if any(_PREFIX.match(part[-1:]) for part in parts[:-1]):
        return False
    return all(part and not part.isspace() for part in parts[1:-1])


def split_comments(text: str) -> tuple[str, str, str]:
    """Return the text without one leading and one trailing block comment, and the two comments.

    A comment is given without its marks.  Where the trailing mark does not open
    a comment after all, the rest has a quote or mark too many and is not plain.
    """
    leading = trailing = ""
    if text[-1:] in _BLANK:
        text = text.rstrip(_BLANK)
    if text.endswith("*/"):
        start = text.rfind("/*")
        if start >= 0 and text.find("*/", start + 2) == len(text) - 2:
            text, trailing = text[:start], text[start + 2 : -2]
    if text[:2] == "/*":
        end = text.find("*/", 2)
        if end >= 0 and text.find("/*", 2, end) < 0:
            leading, text = text[2:end], text[end + 2 :]
    return text, leading, trailing


def slots(body: str, pieces: Cut) -> dict[int, tuple[bool, int, str]]:
    """Return the literals of a plain text by their place in its UTF-8 bytes.

    Each is (whether it is a string, its place among the pieces, sign).  A number
    with a minus before it is also found at the minus, where the parser has it.
    """
    _, strings, numbers = pieces
    found: dict[int, tuple[bool, int, str]] = {}
    place = 0  # In characters.
    outside: list[tuple[int, int]] = []  # Of each outer part: place in the joined text, in `body`.
    joined = 0
    for number, part in enumerate(strings):
        if number & 1:
            found[place] = (True, number, "")
            place += len(part) + 2
        else:
            outside.append((joined, place))
            joined += len(part) + 1
            place += len(part)
    joined, current = 0, 0
    for number, part in enumerate(numbers):
        if number & 1:
            while current + 1 < len(outside) and outside[current + 1][0] <= joined:
                current += 1
            at = outside[current][1] + joined - outside[current][0]
            found[at] = (False, number, "")
            before = body[:at].rstrip()
            if before.endswith("-"):
                found[len(before) - 1] = (False, number, "-")
        joined += len(part)
    if body.isascii():
        return found
    return {len(body[:at].encode()): slot for at, slot in found.items()}
