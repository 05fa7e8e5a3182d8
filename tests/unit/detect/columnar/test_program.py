"""A program finds what the plain matcher finds, whatever the rules, the events and the cut."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from doubles.detections import events, plain_hits, rules_of, trees
from ombud.detect.columnar import experience
from ombud.detect.columnar.groups import form_of
from ombud.detect.columnar.program import Program
from ombud.detect.columnar.rates import Rates
from ombud.detect.columnar.rows import Cells, ViewRows
from ombud.detect.columnar.witness import choose_witnesses
from ombud.detect.matching.atoms import FieldIs, Keyword, Node
from ombud.detect.rule import Rule

some_trees = st.lists(trees, min_size=1, max_size=12)
some_events = st.lists(events, max_size=12)


@settings(max_examples=400, deadline=None)
@given(nodes=some_trees, views=some_events)
def test_equals_the_plain_matcher(nodes: list[Node], views: list[dict[str, Any]]) -> None:
    """Every rule and every row: no hit too many, none missing, in order."""
    rules = rules_of(nodes)

    assert Program(rules).match(ViewRows(views)) == plain_hits(rules, views)


@settings(max_examples=150, deadline=None)
@given(
    nodes=some_trees,
    views=some_events,
    cuts=st.lists(st.integers(0, 12), max_size=4),
    span_max=st.integers(1, 5),
    memory_max=st.sampled_from((0, 2000, 1 << 20)),
)
def test_cuts_and_memory_change_nothing(
    nodes: list[Node],
    views: list[dict[str, Any]],
    cuts: list[int],
    span_max: int,
    memory_max: int,
) -> None:
    """Batches cut anywhere, spans inside them, and everything forgotten in between."""
    rules = rules_of(nodes)
    program = Program(rules, span_max=span_max, memory_max=memory_max)
    bounds = [0, *sorted(min(cut, len(views)) for cut in cuts), len(views)]
    found: list[tuple[int, int]] = []
    for start, end in itertools.pairwise(bounds):
        hits = program.match(ViewRows(views[start:end]))
        found += [(start + hit.row, hit.rule) for hit in hits]

    assert found == plain_hits(rules, views)


@settings(max_examples=200, deadline=None)
@given(nodes=some_trees, views=some_events)
def test_a_witness_is_always_there(nodes: list[Node], views: list[dict[str, Any]]) -> None:
    """Whenever a rule matches, a group of its witness hits."""
    forms = [form_of(node) for node in nodes]
    chosen = choose_witnesses(forms, Rates(forms))
    for node, witness in zip(nodes, chosen, strict=True):
        for view in views:
            if witness is not None and node.is_match(view):
                assert any(_hits(group.field, group.predicates, view) for group in witness)


def _hits(field: str | None, predicates: Any, view: dict[str, Any]) -> bool:
    atoms: Sequence[Node] = [
        Keyword(one) if field is None else FieldIs(field, one) for one in predicates
    ]
    return any(atom.is_match(view) for atom in atoms)


DETECTIONS = (
    "a: x",
    "a|contains: [x, y]",
    "a|contains|all: [x, y]",
    "a|cased: X",
    "a|startswith|cased: X",
    "a|windash|contains: ' -enc '",
    "a|base64offset|contains: secret",
    "a|wide|base64offset|contains: secret",
    "a|expand: '%names%'",
    "a|re: '^x.*y$'",
    "a|re|i|s: '^X.Y$'",
    "a|cidr: [10.0.0.0/8, '::/0']",
    "a|gt: 5",
    "a|lte: 5",
    "a|neq: x",
    "a|exists: true",
    "a|exists: false",
    "a: null",
    "a: ''",
    "a: '*'",
    "a: '?*'",
    "a: [1, x, null]",
    "a: true",
    "a|fieldref: b",
    "a|fieldref|endswith: b",
    "a|hour|gte: 22",
    "n.m: x",
    "s: [x, secret]\ncondition: s",
    "s: [x, 10]\nt: {a: y}\ncondition: s or t",
    "s: {a: x}\nf: {b: null}\ncondition: s and not f",
    "s_1: {a: x}\ns_2: {b: y}\nf: {a|contains: z}\ncondition: 1 of s_* and not f",
    "s: {a|contains: x}\nf: {b|contains: y}\ncondition: not (s or not f)",
)
CELLS: tuple[Any, ...] = (
    "x", "X", "y", "xy", "x\ny", "xyz", "cmd /enc x", "cmd -enc x", "c2VjcmV0", "xc2VjcmV0IQ==",
    "cwBlAGMAcgBlAHQA", "ana", "10.1.2.3", "::1", 5, 6, "5", 1, True, None, "", [], [None, "x"],
    ["x", "y"], {"k": "x"}, [{"k": "secret"}], "2026-11-22T23:00:00Z", 10, "10", "secret",
)  # fmt: skip


def test_every_modifier(rule_of: Callable[..., Rule]) -> None:
    """Rules as people write them, with each modifier, over values of each kind."""
    rules = [rule_of(text, placeholders={"names": ["ana", "x*"]}) for text in DETECTIONS]
    views: list[dict[str, Any]] = [{}, {"n": {"m": "x"}}, {"n.m": "x"}, {"n": [{"m": "x"}]}]
    views += [{"a": cell} for cell in CELLS]
    views += [{"a": one, "b": two} for one in CELLS for two in ("y", "x", None, ["y", "x"])]
    program = Program(rules, span_max=50)
    expected = plain_hits(rules, views)

    assert program.match(ViewRows(views)) == expected
    assert {rule for _, rule in expected} == set(range(len(rules)))


def test_no_rules_and_no_rows(rule_of: Callable[..., Rule]) -> None:
    """Nothing is found by nothing, and in nothing."""
    assert Program([]).match(ViewRows([{"a": 1}])) == []
    assert Program([rule_of("a: 1")]).match(ViewRows([])) == []


def test_only_needed_fields_are_decoded(rule_of: Callable[..., Rule]) -> None:
    """The fields of the witness for every row, the others for candidates only."""
    asked: list[tuple[frozenset[str], int]] = []

    class Watched(ViewRows):
        def cells(self, names: frozenset[str], rows: Sequence[int] | None = None) -> Cells:
            asked.append((names, self.count if rows is None else len(rows)))
            return super().cells(names, rows)

    detection = "s: {a: long-and-rare, b|contains: e}\nf: {c: z}\ncondition: s and not f"
    program = Program([rule_of(detection)])
    views: list[dict[str, Any]] = [{"a": "x", "b": "e"}] * 5
    match = {"a": "long-and-rare", "b": "e"}

    assert program.match(Watched(views)) == []
    assert program.match(Watched([*views, match])) == [(5, 0)]
    assert program.fields == {"a", "b", "c"}
    assert program.first_fields == {"a"}
    assert asked == [(frozenset("a"), 5), (frozenset("a"), 6), (frozenset("bc"), 1)]


def test_a_weak_witness_is_exchanged(
    rule_of: Callable[..., Rule], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A witness that lets every event through gives way to one that is seen to be rare."""
    monkeypatch.setattr(experience, "FIRST_ROWS", 40)
    monkeypatch.setattr(experience, "SAMPLE_ROWS", 32)
    rules = [rule_of("{a: long-and-common, b|contains: xy}"), rule_of("a|contains: common")]
    program = Program(rules)
    views = [{"a": "long-and-common", "b": "xy" if row == 150 else "x"} for row in range(200)]
    assert program.first_fields == {"a"}

    found = [program.match(ViewRows(views[row : row + 4])) for row in range(0, 200, 4)]

    assert program.first_fields == {"a", "b"}
    hits = [(4 * place + hit.row, hit.rule) for place, some in enumerate(found) for hit in some]
    assert hits == plain_hits(rules, views)


def test_what_is_kept_is_bounded(rule_of: Callable[..., Rule]) -> None:
    """However many distinct values come, what is kept of them stays below the bound."""
    memory_max = 50_000
    rules = [rule_of("{a|contains: x, b|contains: y}"), rule_of("s: {a: x}\ncondition: not s")]
    program = Program(rules, span_max=10, memory_max=memory_max)
    for start in range(0, 3000, 100):
        views = [{"a": f"x{row}", "b": f"y{row}"} for row in range(start, start + 100)]
        assert program.match(ViewRows(views)) == plain_hits(rules, views)
        assert program.weight <= memory_max
