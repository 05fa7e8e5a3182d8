"""Placeholders: what an organisation puts for `%name%` in rules with the modifier `expand`.

They stand in `placeholders.yml` beside the rules: a map from a name to its
value or values.
"""

from __future__ import annotations

from ombud.core.errors import RuleError
from ombud.detect.loading.condition import Placeholders
from ombud.detect.loading.documents import Fault, parse_documents

NAMES_MAX = 1000
VALUES_MAX = 200  # Of one name: as many as pySigma puts for one.
LENGTH_MAX = 1024  # Characters of a value.


def parse_placeholders(text: bytes, *, path: str) -> Placeholders:
    """Return the values of each name; raises `RuleError` for a file that is no such map."""
    try:
        documents = parse_documents(text)
    except RuleError as error:
        raise RuleError(error.message, origin=path) from error
    document = documents[0] if len(documents) == 1 else None
    if isinstance(document, Fault):
        raise RuleError(str(document), origin=path)
    if not isinstance(document, dict) or len(document) > NAMES_MAX:
        raise RuleError(
            f"placeholders are one map of at most {NAMES_MAX} names and their values", origin=path
        )
    return {_name(key, path): _values(key, value, path) for key, value in document.items()}


def _name(name: object, path: str) -> str:
    if not isinstance(name, str) or not name or "%" in name:
        raise RuleError(f"placeholder `{name}` is no text without `%`", origin=path)
    return name


def _values(name: str, value: object, path: str) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not values or len(values) > VALUES_MAX:
        raise RuleError(
            f"placeholder `{name}` has none or more than {VALUES_MAX} values", origin=path
        )
    for one in values:
        if isinstance(one, bool) or not isinstance(one, str | int):
            raise RuleError(f"value `{one}` of placeholder `{name}` is no text", origin=path)
        if len(str(one)) > LENGTH_MAX:
            raise RuleError(
                f"value of placeholder `{name}` is longer than {LENGTH_MAX} characters", origin=path
            )
    return tuple(map(str, values))
