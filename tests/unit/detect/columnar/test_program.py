"""A program finds what the plain matcher finds, whatever the rules, the events and the cut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from doubles.detections import events, plain_hits, rules_of, trees
from ombud.detect.atoms import FieldIs, Keyword, Node
from ombud.detect.columnar.groups import form_of
from ombud.detect.columnar.program import Program
from ombud.detect.columnar.rates import Rates
from ombud.detect.columnar.rows import ViewRows
from ombud.detect.columnar.witness import choose_witnesses

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
    for start, end in zip(bounds, bounds[1:], strict=False):
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
