"""Shape: how a query's events are counted, as written behind its `|`.

```
shape = "count" "by" field {"," field} | "top" number field {"," field} ["by" measure]
```
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from ombud.query.names import BUCKETS, QueryField, find_field, is_countable, suggest_field
from ombud.query.scan import Scanner

COUNT_BY_MAX = 6  # More columns than a reader can take in.
TOP_MAX = 1_000  # A list to read; `| count by` gives all.
MEASURES = ("events", "rows", "bytes", "subjects")

_NAME = re.compile(r'[^\s,|()"]+')
_NUMBER = re.compile(r"\d{1,9}(?!\S)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Shape:
    """What to count by, how many rows are wanted, and by which measure the first are chosen."""

    count_by: tuple[str, ...] = ()
    top: int | None = None
    measure: str = "events"


def get_field(scanner: Scanner, name: str, at: int, *, at_value: bool = False) -> QueryField:
    """Return the field of this name; raises `QueryError` with a suggestion."""
    field = find_field(name)
    if field is not None:
        return field
    suggestion = suggest_field(name)
    if at_value and not suggestion:
        suggestion = ' - put the words in quotes to search for them, as in `"a:b"`'
    raise scanner.fault(f"unknown field `{name}`{suggestion}", at=at)


def read_shape(scanner: Scanner) -> Shape:
    """Read what stands behind `|`."""
    scanner.skip_space()
    at = scanner.position
    verb = scanner.bare()
    if verb == "top":
        return _read_top(scanner)
    if verb != "count":
        raise scanner.fault(
            f"unknown shape `{verb}` - only `| count by` and `| top` are known", at=at
        )
    scanner.skip_space()
    at = scanner.position
    if scanner.bare() != "by":
        raise scanner.fault("`count` must be followed by `by` and a field", at=at)
    return Shape(_read_fields(scanner))


def _read_top(scanner: Scanner) -> Shape:
    scanner.skip_space()
    at = scanner.position
    found = scanner.accept_pattern(_NUMBER)
    number = int(found[0]) if found else 0
    if not 1 <= number <= TOP_MAX:
        raise scanner.fault(
            f"`top` needs a number from 1 to {TOP_MAX}, as in `| top 10 actor`", at=at
        )
    names = _read_fields(scanner)
    if not scanner.accept("by"):
        return Shape(names, number)
    scanner.skip_space()
    at = scanner.position
    measure = scanner.bare()
    if measure not in MEASURES:
        known = ", ".join(f"`{one}`" for one in MEASURES)
        raise scanner.fault(f"`top` is by one of {known}, not by `{measure}`", at=at)
    return Shape(names, number, measure)


def _read_fields(scanner: Scanner) -> tuple[str, ...]:
    scanner.skip_space()
    at = scanner.position
    names = [_count_field(scanner)]
    scanner.skip_space()
    while scanner.accept(","):
        names.append(_count_field(scanner))
        scanner.skip_space()
    if len(names) > COUNT_BY_MAX:
        raise scanner.fault(f"cannot count by more than {COUNT_BY_MAX} fields", at=at)
    return tuple(names)


def _count_field(scanner: Scanner) -> str:
    scanner.skip_space()
    at = scanner.position
    found = scanner.accept_pattern(_NAME)
    if found is None:
        raise scanner.fault("a field to count by is missing")
    name = found[0]
    if name in BUCKETS:
        return name
    if name == "time":
        raise scanner.fault("cannot count by `time` - count by `day` or `hour`", at=at)
    field = get_field(scanner, name, at)
    if not is_countable(field):
        raise scanner.fault(f"cannot count by `{name}`", at=at)
    return field.name
