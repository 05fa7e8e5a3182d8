"""Decision: the outcome of one rule as a function of the codes of its fields, remembered."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from operator import itemgetter

from msgspec import UNSET

from ombud.detect.columnar.groups import Either, Every, Form, Group, Unless
from ombud.detect.columnar.rates import Rates
from ombud.detect.columnar.tables import Table
from ombud.detect.matching.atoms import FieldExists, FieldIsNull, FieldsAgree

Key = tuple[int, ...]  # The codes of the fields of a rule, in their order.
Test = Callable[[Key], bool]

OUTCOME_SIZE = 200  # Bytes that an outcome takes with its key, roughly.


class Decision(dict[Key, bool]):
    """Whether a rule matches, by the codes of its fields; only for forms that fields decide."""

    __slots__ = ("_test", "fields")

    def __init__(
        self, form: Form, fields: Sequence[str], tables: Mapping[str, Table], rates: Rates
    ) -> None:
        super().__init__()
        self.fields = tuple(fields)
        places = {field: place for place, field in enumerate(fields)}
        self._test = _Builder(places, tables, rates).test_of(form)

    def __missing__(self, key: Key) -> bool:
        """Decide what was not asked before."""
        outcome = self[key] = self._test(key)
        return outcome


class _Builder:
    """Makes the test of one rule."""

    def __init__(
        self, places: Mapping[str, int], tables: Mapping[str, Table], rates: Rates
    ) -> None:
        self._places = places
        self._rates = rates
        self._tables = tables

    def test_of(self, form: Form) -> Test:
        """Return the test of a form as a function of a key."""
        match form:
            case Group(str(field)):
                test = self._looked_up(field, self._tables[field].hits(form))
            case FieldIsNull(field):
                test = self._looked_up(field, self._tables[field].nulls())
            case FieldExists(field, exists):
                there = self._looked_up(field, self._tables[field].presences())
                test = there if exists else _not(there)
            case FieldsAgree():
                test = self._agreement(form)
            case Unless(part):
                test = _not(self.test_of(part))
            case Every(parts) | Either(parts):
                # First what is soonest decisive.
                is_every = isinstance(form, Every)
                ordered = sorted(parts, key=self._rates.of, reverse=not is_every)
                tests = [self.test_of(part) for part in ordered]
                test = _every(tests) if is_every else _either(tests)
            case _:
                raise TypeError("fields do not decide this form")
        return test

    def _looked_up(self, field: str, verdicts: Mapping[int, bool]) -> Test:
        place = self._places[field]
        return lambda key: verdicts[key[place]]

    def _agreement(self, node: FieldsAgree) -> Test:
        """Return the plain test over an event of just two fields, under names without a path."""
        renamed = replace(node, field="a", other="b")
        codes = itemgetter(self._places[node.field], self._places[node.other])
        cells, others = self._tables[node.field].cells, self._tables[node.other].cells

        def agree(key: Key) -> bool:
            code, other = codes(key)
            event = {"a": cells[code], "b": others[other]}
            return renamed.is_match({k: cell for k, cell in event.items() if cell is not UNSET})

        return agree


def _not(test: Test) -> Test:
    return lambda key: not test(key)


def _every(tests: Sequence[Test]) -> Test:
    def every(key: Key) -> bool:
        for test in tests:  # noqa: SIM110 - a generator costs more than the tests.
            if not test(key):
                return False
        return True

    return every


def _either(tests: Sequence[Test]) -> Test:
    def either(key: Key) -> bool:
        for test in tests:  # noqa: SIM110 - a generator costs more than the tests.
            if test(key):
                return True
        return False

    return either
