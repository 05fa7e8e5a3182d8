"""Quick ways to find predicates say exactly what each predicate's own check says."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doubles.detections import PIECES, predicates, values
from ombud.detect.columnar import expression_set
from ombud.detect.columnar.expression_set import ExpressionSet
from ombud.detect.columnar.networks import Networks
from ombud.detect.columnar.rows import values_of
from ombud.detect.columnar.scan import Scan
from ombud.detect.columnar.text_test import text_test
from ombud.detect.matching.predicates import (
    Compare,
    Network,
    Number,
    Predicate,
    Regex,
    TimePart,
    Truth,
    Wild,
    text_pattern,
)

MANY, ONE = Wild.MANY, Wild.ONE
# So many literals that an automaton finds them, and so many ends of paths that they are looked up.
CROWD = [
    pattern
    for number in range(40)
    for pattern in (
        text_pattern([MANY, f"crowd{number}", MANY]),
        text_pattern([MANY, f"crowd{number}\\a.exe"]),
        text_pattern([MANY, f"{number}\\crowd"], cased=True),
    )
]


def by_checks(some: list[Predicate], value: Any) -> set[int]:
    """Return what each predicate says for itself."""
    return {number for number, one in enumerate(some) if one.check()(value)}


@pytest.mark.parametrize("crowd", [[], CROWD], ids=["few", "many"])
@pytest.mark.parametrize(
    ("predicate", "meets", "misses"),
    [
        pytest.param(text_pattern(["aB"]), "Ab", "ab ", id="exact"),
        pytest.param(text_pattern([]), "", " ", id="empty"),
        pytest.param(text_pattern(["aB"], cased=True), "aB", "ab", id="exact cased"),
        pytest.param(text_pattern(["a", MANY]), "AB", "ba", id="prefix"),
        pytest.param(text_pattern([MANY, "a"]), "bA", "ab", id="suffix"),
        pytest.param(text_pattern([MANY, "\\a.exe"]), "c:\\A.exe", "\\a.exe ", id="end of path"),
        pytest.param(text_pattern([MANY, "x\\a.exe"]), "cx\\A.exe", "\\a.exe", id="two parts"),
        pytest.param(text_pattern([MANY, "/"]), "a/", "/a", id="separator alone"),
        pytest.param(text_pattern([MANY, "a", MANY]), "bAb", "b", id="infix"),
        pytest.param(text_pattern([MANY, "a", MANY], cased=True), "bab", "bAb", id="infix cased"),
        pytest.param(text_pattern([MANY, "a\0", MANY]), "xA\0", "xa", id="NUL"),
        pytest.param(text_pattern([MANY, "\n", MANY]), "a\n", "a", id="new line"),
        pytest.param(text_pattern(["a", MANY, "b"]), "aXb", "ab\n", id="wildcard inside"),
        pytest.param(text_pattern(["a", ONE, "b"]), "a\nb", "ab", id="one character"),
        pytest.param(text_pattern([ONE, MANY]), "x", "", id="no literal"),
        pytest.param(text_pattern([ONE]), "x", "xx", id="only a hole"),
        pytest.param(text_pattern(["İ", MANY]), "i̇x", "ix", id="dotted capital"),
        pytest.param(text_pattern(["straße"]), "STRAßE", "strasse", id="sharp s"),
        pytest.param(text_pattern(["\u212a"]), "k", "c", id="Kelvin"),
        pytest.param(text_pattern([MANY, "\u03c3"]), "a\u03c3", "A\u03a3", id="final sigma"),
        pytest.param(Number("1"), 1.0, True, id="number"),
        pytest.param(Number("1"), "1", "1.0", id="text of a number"),
        pytest.param(Truth(True), "TRUE", 1, id="truth"),
        pytest.param(Regex("^a.c$", 2), "ABC", "abcd", id="expression"),
        pytest.param(Regex(""), "", None, id="empty expression"),
        pytest.param(Network("10.0.0.0/8"), "::ffff:10.1.1.1", "010.1.1.1", id="network"),
        pytest.param(Compare("gte", 5), "5.0", "five", id="comparison"),
        pytest.param(TimePart("hour", 23), "2026-11-22T23:00:00Z", "23", id="part of a time"),
        pytest.param(text_pattern([MANY, '"x":1', MANY]), {"x": 1}, {"y": 1}, id="object"),
        pytest.param(text_pattern(["4624"]), 4624, 4624.0, id="text of a number's text"),
        pytest.param(text_pattern([MANY]), "", None, id="any"),
    ],
)
def test_each_kind(crowd: list[Predicate], predicate: Predicate, meets: Any, misses: Any) -> None:
    """One value that meets the predicate and one that does not, among few and among many."""
    some = [predicate, *crowd]

    assert set(Scan(some).of_value(meets)) == by_checks(some, meets) == {0}
    if misses is not None:
        assert set(Scan(some).of_value(misses)) == by_checks(some, misses) == set()


@settings(max_examples=300, deadline=None)
@given(
    some=st.lists(predicates, max_size=12),
    cells=st.lists(values, max_size=8),
    is_crowded=st.booleans(),
)
def test_scan_is_the_checks(some: list[Predicate], cells: list[Any], is_crowded: bool) -> None:
    """For random predicates and values, alone and together."""
    if is_crowded:
        some = [
            *some,
            *(text_pattern([MANY, piece, f"{n}", MANY]) for n in range(4) for piece in PIECES),
            *(text_pattern([MANY, one, "\\", two]) for one in PIECES for two in PIECES[:4]),
        ]
    scan = Scan(some)
    found = [value for cell in cells for value in values_of(cell) if value is not None]
    for value in found:
        assert set(scan.of_value(value)) == by_checks(some, value)
    texts = [value for value in found if isinstance(value, str)]
    together = scan.of_texts(texts)
    for place, text in enumerate(texts):
        assert set(together.get(place, ())) == by_checks(some, text)


@settings(max_examples=300, deadline=None)
@given(some=st.frozensets(predicates, min_size=1, max_size=40), text=st.sampled_from(PIECES))
def test_text_test_is_the_checks(some: frozenset[Predicate], text: str) -> None:
    """Alternatives as one function, be they few or many."""
    assert text_test(some)(text.lower(), text) is any(one.check()(text) for one in some)


def test_expressions_without_memory() -> None:
    """A set that RE2 cannot build, or cannot run to the end, is tried one by one."""
    some = [(7, Regex("a.{0,99}b")), (8, Regex("b")), (9, Regex("z"))]
    for memory_max in (1, 20_000, 200_000, 1 << 24):
        assert sorted(ExpressionSet(some, memory_max=memory_max).find("xaxxbx")) == [7, 8]


def test_a_set_that_gives_up_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """RE2 says that it gave up by finding nothing, not even what every text has."""

    class GivesUp:
        def Match(self, _text: str) -> None:  # noqa: N802 - the name is RE2's.
            return None

    monkeypatch.setattr(expression_set, "_set_of", lambda *_: GivesUp())

    assert ExpressionSet([(0, Regex("a")), (1, Regex("b"))]).find("b") == [1]


@pytest.mark.parametrize(
    ("address", "found"),
    [
        ("10.1.2.3", [0, 1, 2]),
        ("::ffff:10.1.2.3", [0, 1, 2, 4, 5]),
        ("fe80::1%eth0", [4]),
        ("10.1.2", []),
        ("10.1.2.3 ", []),
        ("a:b", []),
        ("\u0661.1.1.1", []),
    ],
)
def test_networks(address: str, found: list[int]) -> None:
    """An address lies in every network that holds it, of whatever width and version."""
    some = ["10.0.0.0/8", "10.1.2.3/32", "0.0.0.0/0", "192.168.0.0/16", "::/0", "::ffff:0:0/96"]
    networks = [(number, Network(cidr)) for number, cidr in enumerate(some)]

    assert sorted(Networks(networks).find(address)) == found
    assert found == [number for number, network in networks if network.check()(address)]


ENDS = ("a$", "^b", r"\bc\b", r"\Bd", "[^x]e", r"\Af", "(?i)g", "h.i", r"j\z", "")


@given(
    st.lists(st.sampled_from(ENDS), min_size=1, max_size=4),
    st.lists(st.text(alphabet="abcdefghijx \nG", max_size=4), max_size=150),
    st.sampled_from([0, re.IGNORECASE, re.DOTALL, re.MULTILINE]),
)
def test_texts_together_are_texts_alone(patterns: list[str], texts: list[str], flags: int) -> None:
    """Whatever stands at the ends of texts, many at once have what each has by itself."""
    some = [(number, Regex(pattern, flags)) for number, pattern in enumerate(patterns)]
    expressions = ExpressionSet(some)

    together = {place: sorted(found) for place, found in expressions.find_all(texts)}

    alone = [[number for number, one in some if one.check()(text)] for text in texts]
    assert together == {place: found for place, found in enumerate(alone) if found}
