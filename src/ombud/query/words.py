"""Words: the pieces into which texts are cut, so that a free word is found without reading them.

A free word stands anywhere in a text, also inside a longer word.  Texts are cut at
the separators, so what holds none itself lies within one piece: the events it is in
are those of all pieces that contain it.  A phrase lies across pieces; each of its
parts lies within one, so the events of one part are read to be sure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from ombud.query.columns import SUBJECT_TABLE
from ombud.query.names import WORD_FIELDS
from ombud.query.tree import And, Node, Not, Or, Word

# Not `.`, `-`, `_`, `/`, `:`, `@`: addresses, names and ids stay whole, which keeps them few.
SEPARATORS = r"""[\x00-\x20"'(),;=<>|\[\]{}*]+"""

KEYS = "subject.key"  # Beside the fields of `WORD_FIELDS`: the keys of data subjects.
PLACES = (*WORD_FIELDS, KEYS)  # Where a free word is looked for; pieces are kept by place.


@dataclass(frozen=True, slots=True)
class Known:
    """What the pieces of the sealed events tell of one free word.

    `places` are those in which it may stand at all.  `hashes` are those of the pieces
    that contain it; none when they are too many, or do not tell all.
    """

    places: tuple[str, ...]
    hashes: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Sought:
    """How to ask for words and data subjects in one part of the events.

    A word that is not `known` is looked for in all texts; `subjects` is the table of
    the part's data subjects.
    """

    known: Mapping[str, Known] = field(default_factory=dict)
    subjects: str = SUBJECT_TABLE


def is_one_word(text: str) -> bool:
    """Whether the text lies within one piece wherever it stands."""
    return re.search(SEPARATORS, text) is None


def longest_part(text: str) -> str:
    """Return the longest part of a text between separators; may be empty."""
    return max(re.split(SEPARATORS, text), key=len)


def free_words(node: Node | None) -> list[str]:
    """Return the texts of all free words of a query, each once, in their order."""
    match node:
        case Word(text):
            return [text]
        case Not(part):
            return free_words(part)
        case And(parts) | Or(parts):
            return list(dict.fromkeys(text for part in parts for text in free_words(part)))
        case _:
            return []
