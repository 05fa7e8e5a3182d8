"""Text test: whether a text meets one of several predicates, as one function of the text."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ombud.detect.columnar.scan import Scan
from ombud.detect.matching.predicates import Number, Predicate, Text, Truth
from ombud.detect.matching.values import text_of

TextTest = Callable[[str, str], bool]  # Of a text in lower case and as it is.

_ONE_BY_ONE_MAX = 24  # Predicates that are tried one after the other; more are worth a scan.


def text_test(predicates: frozenset[Predicate]) -> TextTest:
    """Return whether a value that is text meets one of the predicates."""
    words: list[str] = []
    infixes: list[str] = []
    prefixes: list[str] = []
    suffixes: list[str] = []
    others: list[Predicate] = []
    for one in predicates:
        kind, literal = _simple(one)
        if literal is None:
            others.append(one)
        else:
            {"is": words, "has": infixes, "starts": prefixes, "ends": suffixes}[kind].append(
                literal
            )
    if len(infixes) + len(others) > _ONE_BY_ONE_MAX:
        scan = Scan(tuple(predicates))
        return lambda _lower, text: bool(scan.of_value(text))
    tests = [
        *_lookups(frozenset(words), tuple(prefixes), tuple(suffixes)),
        *_containments(infixes),
        *(_checked(one) for one in others),
    ]
    return tests[0] if len(tests) == 1 else _some(tests)


def _simple(predicate: Predicate) -> tuple[str, str | None]:
    """Return what a predicate demands of the text in lower case; None if it is not so simple."""
    match predicate:
        case Number(text):
            return "is", text
        case Truth(truth):
            return "is", text_of(truth)
        case Text(cased=False):
            found = {
                "is": predicate.exact,
                "has": predicate.infix,
                "starts": predicate.prefix,
                "ends": predicate.suffix,
            }
            return next(((kind, one) for kind, one in found.items() if one is not None), ("", None))
    return "", None


def _lookups(
    words: frozenset[str], prefixes: tuple[str, ...], suffixes: tuple[str, ...]
) -> list[TextTest]:
    tests: list[TextTest] = []
    if words:
        tests.append(lambda lower, _text: lower in words)
    if prefixes:
        tests.append(lambda lower, _text: lower.startswith(prefixes))
    if suffixes:
        tests.append(lambda lower, _text: lower.endswith(suffixes))
    return tests


def _containments(infixes: Sequence[str]) -> list[TextTest]:
    if not infixes:
        return []
    if len(infixes) == 1:
        only = infixes[0]
        return [lambda lower, _text: only in lower]

    def contains(lower: str, _text: str) -> bool:
        for infix in infixes:  # noqa: SIM110 - a generator costs more than the tests.
            if infix in lower:
                return True
        return False

    return [contains]


def _checked(predicate: Predicate) -> TextTest:
    check = predicate.check()
    return lambda _lower, text: check(text)


def _some(tests: Sequence[TextTest]) -> TextTest:
    def some(lower: str, text: str) -> bool:
        for test in tests:  # noqa: SIM110 - a generator costs more than the tests.
            if test(lower, text):
                return True
        return False

    return some
