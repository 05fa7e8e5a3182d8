"""Value shapes: what a sample of a column looks like, in shares; no value is kept."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

SHARE_MIN = 0.8  # Of the sampled values: real columns have some rubbish in them.
LOOKUP_DISTINCT_MAX = 12  # As few different values among many are codes, not keys of persons.
LOOKUP_SAMPLE_MIN = 60

_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("email", re.compile(r"[^\s@]{1,80}@[^\s@]{1,80}\.[A-Za-z]{2,24}")),
    ("uuid", re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")),
    ("date", re.compile(r"\d{4}-\d\d-\d\d([ T].{0,20})?|\d\d?[./]\d\d?[./]\d{4}")),
    ("us_ssn", re.compile(r"\d{3}-\d\d-\d{4}")),
    ("integer", re.compile(r"-?\d{1,19}")),
    ("phone", re.compile(r"\+?[0-9(][0-9 ()/.-]{5,22}[0-9]")),
)
_IBAN = re.compile(r"[A-Z]{2}\d\d[A-Z0-9]{11,30}")


def is_iban(text: str) -> bool:
    """Whether a text is an account number with its check digits right (ISO 13616)."""
    plain = text.replace(" ", "").upper()
    if not _IBAN.fullmatch(plain):
        return False
    digits = "".join(str(int(char, 36)) for char in plain[4:] + plain[:4])
    return int(digits) % 97 == 1


def is_nhs(text: str) -> bool:
    """Whether a text has ten digits, the last being their check digit (modulus 11)."""
    digits = text.replace(" ", "").replace("-", "")
    if len(digits) != 10 or not digits.isascii() or not digits.isdigit():
        return False
    left = 11 - sum(int(digit) * (10 - place) for place, digit in enumerate(digits[:9])) % 11
    return left != 10 and left % 11 == int(digits[9])


def shapes_of(text: str) -> set[str]:
    """Return the shapes one value has."""
    found = {name for name, pattern in _PATTERNS if pattern.fullmatch(text)}
    if is_iban(text):
        found.add("iban")
    if is_nhs(text):
        found |= {"nhs", "phone"}
    if "integer" in found and 7 <= len(text) <= 15:
        found.add("phone")
    return found


@dataclass(frozen=True, slots=True)
class ColumnShape:
    """What a sample looks like: how many values, how many different, and the shares of shapes."""

    count: int
    distinct: int
    shares: dict[str, float] = field(default_factory=dict)

    def is_mostly(self, shape: str) -> bool:
        """Whether most of the values have this shape."""
        return self.shares.get(shape, 0.0) >= SHARE_MIN

    @property
    def is_lookup(self) -> bool:
        """Whether there are so few different values that they are codes."""
        return self.count >= LOOKUP_SAMPLE_MIN and self.distinct <= LOOKUP_DISTINCT_MAX


def observe(values: Iterable[object]) -> ColumnShape:
    """Return the shape of a sample; empty values count for nothing."""
    texts = [text for value in values if value is not None and (text := str(value).strip())]
    seen: Counter[str] = Counter()
    for text in texts:
        seen.update(shapes_of(text))
    count = len(texts)
    return ColumnShape(
        count,
        len(set(texts)),
        {name: round(number / count, 3) for name, number in sorted(seen.items())},
    )
