"""Terms: reasons that the law of a place forbids, found in what people give as theirs."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from ombud.access.model import Terms

_UNSEEN = frozenset({"Mn", "Me", "Cf"})
_FILLERS = ("\u115f", "\u1160", "\u2800")  # They show as a gap: in a word, or between two.
_DEPTH_MAX = 4  # A justification is a text, or a few answers with a text each.


class BarredTerms:
    """The lists of a policy; `find` says which of them a justification offends."""

    __slots__ = ("_lists",)

    def __init__(self, terms: Iterable[Terms]) -> None:
        self._lists = tuple((each, _pattern(each.words), frozenset(each.codes)) for each in terms)

    def find(
        self, justification: object, codes: Iterable[str] = (), *, jurisdiction: object = None
    ) -> tuple[str, ...]:
        """Return the names of the lists that bar this justification, as in the policy.

        It is a text, or answers with texts and codes in them.  A jurisdiction, where it
        is known, leaves the lists of others aside; where it is not, all of them hold.
        """
        texts: list[str] = []
        codes = tuple(codes)
        given = set(codes)
        _collect(justification, texts, given, _DEPTH_MAX)
        read = fold("\n".join([*texts, *codes]))
        ways = {_replace(read, "\n"), _replace(read, "")}
        place = fold(jurisdiction).strip() if isinstance(jurisdiction, str) else ""
        return tuple(
            each.name
            for each, pattern, barred in self._lists
            if (not place or place == fold(each.jurisdiction).strip())
            and (barred & given or (pattern is not None and any(map(pattern.search, ways))))
        )


def fold(text: str) -> str:
    """Return a text without what does not change how it reads: case, accents, invisible signs."""
    # Twice: letters of mathematics have no lower case before they are plain ones.
    plain = unicodedata.normalize("NFKD", text).casefold()
    plain = unicodedata.normalize("NFKD", plain).casefold()
    return "".join(sign for sign in plain if not _is_unseen(sign))


def _is_unseen(sign: str) -> bool:
    category = unicodedata.category(sign)
    return category in _UNSEEN or (category == "Cc" and not sign.isspace())


def _replace(text: str, blank: str) -> str:
    for filler in _FILLERS:
        text = text.replace(filler, blank)
    return text


def _pattern(words: Iterable[str]) -> re.Pattern[str] | None:
    """Whole words; spaces of a phrase stand for whatever separates words, `*` for an ending."""
    pieces = []
    for word in words:
        parts = [re.escape(part).replace(r"\*", r"\w*") for part in fold(word).split()]
        if parts:
            pieces.append(r"[\W_]+".join(parts))
    return re.compile(rf"(?<!\w)(?:{'|'.join(pieces)})(?!\w)") if pieces else None


def _collect(value: object, texts: list[str], codes: set[str], depth: int) -> None:
    if isinstance(value, str):
        texts.append(value)
        codes.add(value)
    elif depth and isinstance(value, Mapping):
        for inner in value.values():
            _collect(inner, texts, codes, depth - 1)
    elif depth and isinstance(value, list | tuple):
        for inner in value:
            _collect(inner, texts, codes, depth - 1)
    elif value is not None:
        texts.append(str(value))
