"""Experience: which witnesses let too much through, and a sample of events to choose better by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from ombud.detect.columnar.groups import Form, Group, leaves_of
from ombud.detect.columnar.rates import Rates
from ombud.detect.columnar.rows import Rows
from ombud.detect.columnar.screen import Numbers
from ombud.detect.columnar.tables import Table

FIRST_ROWS = 1024  # Events after which witnesses are weighed for the first time.
SAMPLE_ROWS = 512  # Events in a sample.
_PATIENCE = 16  # They are weighed again after so many times as many events.
_WEAK_SHARE = 0.005  # A witness that lets more events through is weighed.


class Experience:
    """What the candidates of past events teach about witnesses."""

    def __init__(self, forms: Sequence[Form], rates: Rates) -> None:
        self._forms = forms
        self._rates = rates
        self._due = FIRST_ROWS
        self._row_count = 0
        self._let_through: Counter[int] = Counter()
        self._weak: list[int] = []
        self._hits: Counter[Group] = Counter()
        self._sampled = 0

    def take(self, rows: Rows, span: range, candidates: Mapping[int, Numbers]) -> list[int]:
        """Take in the candidates of a span; return the rules of which something was learnt."""
        self._row_count += len(span)
        self._let_through.update({rule: len(places) for rule, places in candidates.items()})
        if self._row_count < self._due:
            return []
        if not self._weak:
            bound = self._row_count * _WEAK_SHARE
            self._weak = [rule for rule, count in self._let_through.items() if count > bound]
        if self._weak:
            self._sample(rows, span)
        return self._lesson() if self._sampled >= SAMPLE_ROWS or not self._weak else []

    def _sample(self, rows: Rows, span: range) -> None:
        """Put the groups of weak rules to some events of the span."""
        groups = {
            leaf
            for rule in self._weak
            for leaf in leaves_of(self._forms[rule])
            if isinstance(leaf, Group) and leaf.field is not None
        }
        chosen = span[:: max(len(span) // SAMPLE_ROWS, 1)]
        names = frozenset(group.field for group in groups if group.field is not None)
        columns = rows.cells(names, chosen)
        tables = {name: Table() for name in names}
        codes = {name: Counter(tables[name].column(columns[name]).tolist()) for name in names}
        for group in groups:
            name = str(group.field)
            hits = tables[name].hits(group)
            self._hits[group] += sum(n for code, n in codes[name].items() if hits[code])
        self._sampled += len(chosen)

    def _lesson(self) -> list[int]:
        """Tell the rates what was seen, and begin anew."""
        weak = self._weak
        self._rates.learn(self._hits, self._sampled)
        self._due = self._row_count * _PATIENCE
        self._row_count = 0
        self._let_through, self._hits = Counter(), Counter()
        self._weak, self._sampled = [], 0
        return weak
