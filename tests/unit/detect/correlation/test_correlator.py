"""What a person expects of correlations, one small history each; the oracle does the rest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ombud.detect.correlation import sliding
from ombud.detect.correlation.correlator import DUE_MIN, Correlator
from ombud.detect.correlation.model import Correlation, CorrelationMatch, RuleMatch
from ombud.detect.correlation.watch import Bounds

Build = Callable[..., Correlation]
Make = Callable[..., RuleMatch]

MINUTE = 60_000
HOUR = 60 * MINUTE
T = 1_800_000_000_000

COUNT = "{type: event_count, rules: [a], group-by: [user], timespan: 1m, condition: {gte: 3}}"


def _run(one: Correlation, matches: Sequence[RuleMatch], *, until: int = 0) -> list[Any]:
    correlator = Correlator([one])
    return correlator.feed(matches) + correlator.advance(until)


def test_first_crossing_fires_and_the_rest_is_quiet(correlation: Build, match: Make) -> None:
    """One alert for an hour of the same, and another one after a quiet minute."""
    one = correlation(COUNT)
    matches = [match("a", n, T + n * 10_000, user="ana") for n in range(360)]
    matches += [match("a", 400 + n, T + HOUR + 3 * MINUTE + n, user="ana") for n in range(3)]
    correlator = Correlator([one])

    found = correlator.feed(matches)

    assert found == [
        CorrelationMatch(
            "it", (("user", "ana"),), (0, 1, 2), 3, T, T + 20_000, 3, 2, T + 20_000
        ),
        CorrelationMatch(
            "it", (("user", "ana"),), (400, 401, 402), 3,
            T + HOUR + 3 * MINUTE, T + HOUR + 3 * MINUTE + 2, 3, 402, T + HOUR + 3 * MINUTE + 2,
        ),
    ]  # fmt: skip
    counters = correlator.counters["it"]
    assert (counters.matches, counters.fired, counters.quiet) == (363, 2, 357)


@pytest.mark.parametrize(("apart", "count"), [(MINUTE, 1), (MINUTE + 1, 0)])
def test_the_timespan_includes_both_ends(
    correlation: Build, match: Make, apart: int, count: int
) -> None:
    """Events exactly one timespan apart are within it."""
    one = correlation(COUNT)
    matches = [match("a", n, T + (n == 2) * apart, user="ana") for n in range(3)]

    assert len(_run(one, matches)) == count


@given(
    groups=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["x", "y"])), max_size=30),
)
@settings(max_examples=100, deadline=None)
def test_groups_never_mix_and_every_step_is_ordered(
    correlation: Build, match: Make, groups: list[tuple[str, str]]
) -> None:
    """Hayabusa (#1841) matched across groups, and ordered only the first rule: not so here."""
    history = [
        match(rule_id, n, T + n * 1000, user=user) for n, (rule_id, user) in enumerate(groups)
    ]
    temporal, ordered = (
        correlation(f"{{type: {kind}, rules: [a, b, c], group-by: [user], timespan: 1h}}")
        for kind in ("temporal", "temporal_ordered")
    )
    by_user = {
        user: "".join(rule_id for rule_id, name in groups if name == user) for user in ("x", "y")
    }

    together = {one.group[0][1] for one in _run(temporal, history)}
    in_order = {one.group[0][1] for one in _run(ordered, history)}

    assert together == {user for user, seen in by_user.items() if set(seen) == set("abc")}
    assert in_order == {user for user, seen in by_user.items() if _has_in_order(seen)}


def _has_in_order(seen: str) -> bool:
    first = seen.find("a")
    second = seen.find("b", first)
    return first >= 0 and second >= 0 and seen.find("c", second) >= 0


def test_a_c_b_is_not_a_b_c(correlation: Build, match: Make) -> None:
    """The very case of hayabusa #1841."""
    one = correlation("{type: temporal_ordered, rules: [a, b, c], timespan: 1h}")

    assert _run(one, [match(rule_id, n, T + n) for n, rule_id in enumerate("acb")]) == []
    assert _run(one, [match(rule_id, n, T + n) for n, rule_id in enumerate("acbc")])


def test_ties_stand_in_every_order_and_one_event_may_be_two_steps(
    correlation: Build, match: Make
) -> None:
    """What the log cannot tell apart hides nothing."""
    one = correlation("{type: temporal_ordered, rules: [a, b], timespan: 1h}")

    assert _run(one, [match("b", 0, T), match("a", 1, T)])
    assert _run(one, [match("b", 0, T), match("a", 0, T)])
    assert _run(one, [match("b", 0, T), match("a", 1, T + 1)]) == []


def test_an_event_counts_once(correlation: Build, match: Make) -> None:
    """However many rules of the list it matches."""
    one = correlation("{type: event_count, rules: [a, b], timespan: 1m, condition: {gte: 2}}")

    assert _run(one, [match("a", 0, T), match("b", 0, T)]) == []
    assert _run(one, [match("a", 0, T), match("b", 1, T)])


def test_redelivery_is_ignored(correlation: Build, match: Make) -> None:
    """The same index fed twice changes nothing, and is counted."""
    correlator = Correlator([correlation(COUNT)])
    matches = [match("a", n, T, user="ana") for n in range(2)]
    correlator.feed(matches)
    before = correlator.snapshot()

    assert correlator.feed(matches) == []
    assert correlator.snapshot() == before
    assert correlator.counters["it"].redelivered == 2


def test_groups_are_folded_and_lists_are_opened(correlation: Build, match: Make) -> None:
    """`Ana` and `ana` are one; an event of two users is one of each; null is nobody."""
    matches = [
        match("a", 0, T, user="Ana"),
        match("a", 1, T, user=["ana", "ben", "BEN"]),
        match("a", 2, T, user=[None, "ANA"]),
        match("a", 3, T, user=None),
        match("a", 4, T),
    ]
    correlator = Correlator([correlation(COUNT)])

    assert [one.group for one in correlator.feed(matches)] == [(("user", "ana"),)]
    assert correlator.counters["it"].no_group == 2


@pytest.mark.parametrize(
    "value", ["x" * 1000, "\u017f\ud800" * 200, "\udfff", 1.5, True, {"a": 1}, ""]
)
def test_any_value_is_a_group(correlation: Build, match: Make, value: Any) -> None:
    """Long texts are bounded and still told apart; half characters can be written down."""
    one = correlation(COUNT)
    correlator = Correlator([one])
    found = correlator.feed([match("a", n, T, user=value) for n in range(3)])
    found += correlator.feed([match("a", n + 3, T, user=[value, "y" * 999]) for n in range(3)])

    assert len(found) == 2
    assert all(len(one.group[0][1]) <= 256 for one in found)
    assert Correlator.restore([one], correlator.snapshot()).snapshot() == correlator.snapshot()


def test_late_events_belong_to_their_own_time(correlation: Build, match: Make) -> None:
    """Half an hour late it completes what happened then; not what happens now."""
    one = correlation(COUNT)
    then = [match("a", n, T, user="ana") for n in range(2)]
    now = [match("a", 10 + n, T + 30 * MINUTE, user="ana") for n in range(2)]
    late = match("a", 20, T + 1000, recorded=T + 30 * MINUTE, user="ana")

    found = _run(one, [*then, *now, late])

    assert [(one.indices, one.recorded) for one in found] == [((0, 1, 20), T + 30 * MINUTE)]


def test_a_log_read_years_later_correlates_as_it_would_have_live(
    correlation: Build, match: Make
) -> None:
    """State is kept by the time of recording, so a quick reading of an old log loses nothing."""
    one = correlation(COUNT)
    live = [match("a", n, T + n * 25_000, user=f"u{n % 2}") for n in range(200)]
    bulk = [
        match("a", n, T + n * 25_000, recorded=T + 9000 * HOUR + n, user=f"u{n % 2}")
        for n in range(200)
    ]
    correlator = Correlator([one])

    found = correlator.feed(bulk)

    assert [one.indices for one in found] == [one.indices for one in _run(one, live)]
    assert correlator.counters["it"].late == 200


def test_later_than_the_lateness_is_counted(correlation: Build, match: Make) -> None:
    """What it belonged with is gone; it is told by a counter."""
    correlator = Correlator([correlation(COUNT)])
    first = [match("a", n, T, user="ana") for n in range(2)]
    late = match("a", 2, T, recorded=T + 2 * HOUR, user="ana")

    assert correlator.feed([*first, late]) == []
    assert correlator.counters["it"].late == 1


def test_a_time_before_all_times_is_kept_in_bounds(correlation: Build, match: Make) -> None:
    """However far back a source's clock is, it fits into the state."""
    one = correlation(COUNT)
    correlator = Correlator([one])
    found = correlator.feed([match("a", n, -(10**30), recorded=T, user="ana") for n in range(3)])

    assert [one.count for one in found] == [3]
    assert Correlator.restore([one], correlator.snapshot()).snapshot() == correlator.snapshot()


def test_an_event_from_the_future_has_the_time_of_its_recording(
    correlation: Build, match: Make
) -> None:
    """Nothing has happened after it was recorded, whatever its source's clock says."""
    correlator = Correlator([correlation(COUNT)])
    matches = [match("a", n, T + n * 9 * HOUR, recorded=T + n, user="ana") for n in range(3)]

    found = correlator.feed(matches)

    assert [(one.first_time, one.last_time) for one in found] == [(T, T + 2)]
    assert correlator.counters["it"].future == 2


def test_too_few_is_known_when_the_window_has_closed(correlation: Build, match: Make) -> None:
    """Not before its timespan and the lateness have passed; never of a group unseen."""
    one = correlation(
        "{type: event_count, rules: [a], group-by: [user], timespan: 1m, condition: {lt: 3}}"
    )
    matches = [match("a", n, T + n, user="ana") for n in range(2)]
    matches += [match("a", 5 + n, T + n, user="ben") for n in range(3)]
    correlator = Correlator([one])

    assert correlator.feed(matches) == []
    assert correlator.advance(T + HOUR + MINUTE) == []
    found = correlator.advance(T + 2 * HOUR)

    assert [(one.group, one.value, one.indices) for one in found] == [
        ((("user", "ana"),), 2, (0, 1))
    ]
    assert T + HOUR + MINUTE < found[0].recorded <= T + HOUR + 6 * MINUTE


def test_a_window_that_has_closed_takes_nothing_more(correlation: Build, match: Make) -> None:
    """What comes for it then is late, and counted."""
    one = correlation(
        "{type: event_count, rules: [a], group-by: [user], timespan: 1m, condition: {lt: 3}}"
    )
    correlator = Correlator([one])
    correlator.feed([match("a", 0, T, user="ana")])
    assert len(correlator.advance(T + 2 * HOUR)) == 1

    assert correlator.feed([match("a", 1, T, recorded=T + 2 * HOUR, user="ana")]) == []
    assert correlator.counters["it"].late == 1
    assert correlator.advance(T + 9 * HOUR) == []


@pytest.mark.parametrize("kind", ["temporal", "temporal_ordered"])
@pytest.mark.parametrize(("other", "is_met"), [(-MINUTE - 1, True), (-MINUTE, False), (0, False),
                                               (MINUTE, False), (MINUTE + 1, True)])  # fmt: skip
def test_what_did_not_happen_around(
    correlation: Build, match: Make, kind: str, other: int, is_met: bool
) -> None:
    """`a and not b`: no b from a timespan before to a timespan after (SEP 198)."""
    one = correlation(f"{{type: {kind}, group-by: [user], timespan: 1m, condition: a and not b}}")
    matches = sorted(
        [match("a", 0, T, user="ana"), match("b", 1, T + other, user="ana"),
         match("b", 2, T, user="ben")],
        key=lambda one: one.recorded,
    )  # fmt: skip
    matches = [match(m.rule_id, n, m.time, user=m.values("user")[0]) for n, m in enumerate(matches)]
    found = _run(one, matches, until=T + 3 * HOUR)

    assert [one.group for one in found] == ([(("user", "ana"),)] if is_met else [])


@pytest.mark.parametrize(("count", "is_met"), [(5, False), (6, True), (10, True), (11, False)])
def test_ranges(correlation: Build, match: Make, count: int, is_met: bool) -> None:
    """`{gt: 5, lte: 10}` is of the whole window: eleven are not six on their way."""
    one = correlation("{type: event_count, rules: [a], timespan: 1m, condition: {gt: 5, lte: 10}}")

    found = _run(one, [match("a", n, T + n) for n in range(count)], until=T + 3 * HOUR)

    assert [one.value for one in found] == [count] * is_met


@pytest.mark.parametrize(
    ("kind", "condition", "numbers", "value"),
    [
        ("value_sum", "{gte: 0.5, field: n}", [0.25, "0.25"], 0.5),
        ("value_sum", "{gte: 0.6, field: n}", [0.1, 0.2, 0.3], 0.6),  # Left to right: 0.6000…01.
        ("value_sum", "{gt: 10, field: n}", [5, 5, -3, 4], 11),
        ("value_avg", "{gt: 2, field: n}", [1, 2, [3, 4]], 2.5),
        ("value_median", "{gt: 2, field: n}", [1, 2, 3, 4], 2.5),
        ("value_percentile", "{gte: 19, percentile: 95, field: n}", list(range(1, 21)), 19),
        ("value_percentile", "{gte: 7, percentile: 99.9, field: n}", [*[1] * 5, 7], 7),
        ("value_percentile", "{gte: 1, percentile: 50, field: n}", [0, 0, 1, 1, 1], 1),
    ],
)
def test_numbers_are_exact(
    correlation: Build, match: Make, kind: str, condition: str, numbers: list[Any], value: float
) -> None:
    """Sums are exact and rounded once; a percentile is the nearest rank, so a value that was."""
    one = correlation(f"{{type: {kind}, rules: [a], timespan: 1h, condition: {condition}}}")
    found = _run(one, [match("a", n, T, n=number) for n, number in enumerate(numbers)])

    assert [found[0].value] == [value]


@pytest.mark.parametrize("value", ["x", None, [], True, "1e999", 10**400, {"n": 1}])
def test_what_is_no_number_adds_nothing(correlation: Build, match: Make, value: Any) -> None:
    """It is counted as an event without a value."""
    one = correlation(
        "{type: value_sum, rules: [a], timespan: 1h, condition: {gte: -1000, field: n}}"
    )
    correlator = Correlator([one])

    assert correlator.feed([match("a", 0, T, n=value)]) == []
    assert correlator.counters["it"].no_value == 1


def test_chains_see_the_group_and_the_completing_event(correlation: Build, match: Make) -> None:
    """Failed signins, then a good one: the outer one groups as it likes."""
    failed = correlation(
        "{type: event_count, rules: [a], group-by: [host, user], timespan: 1m,"
        " condition: {gte: 3}}",
        "failed",
    )
    then = correlation(
        "{type: temporal_ordered, rules: [failed, b], group-by: [user, city], timespan: 1h}", "then"
    )
    matches = [match("a", n, T + n, user="ana", host="h", city=f"c{n}") for n in range(3)]
    matches += [match("b", 3, T + 9, user="ana", city="c1")]
    matches += [match("b", 4, T + 9, user="ana", city="c2")]

    found = Correlator([failed, then]).feed(matches)

    assert [one.correlation_id for one in found] == ["failed", "then"]
    assert found[1].group == (("user", "ana"), ("city", "c2"))
    assert (found[1].indices, found[1].first_time) == ((2, 4), T + 2)


def test_bounds_let_the_longest_silent_go_and_say_so(correlation: Build, match: Make) -> None:
    """Too many groups: the oldest goes, it is counted, and the newest still counts."""
    one = correlation(COUNT)
    correlator = Correlator([one], bounds=Bounds(groups=10, entries=1000, entries_of_group=100))
    found = correlator.feed([match("a", n, T, user=f"u{n}") for n in range(50)])
    found += correlator.feed([match("a", 50 + n, T, user="u49") for n in range(2)])

    assert correlator.group_count == 10
    assert [one.group for one in found] == [(("user", "u49"),)]
    assert correlator.counters["it"].overflow == 80


@pytest.mark.parametrize("condition", ["{gte: 90}", "{lt: 50}"])
def test_a_flood_within_one_group_is_bounded(
    correlation: Build, match: Make, condition: str
) -> None:
    """A window that slides lets its oldest go, one that closes takes no more."""
    one = correlation(f"{{type: event_count, rules: [a], timespan: 1h, condition: {condition}}}")
    bounds = Bounds(groups=10, entries=1000, entries_of_group=100)
    correlator = Correlator([one], bounds=bounds)
    found = correlator.feed([match("a", n, T + n) for n in range(1000)])
    state = correlator.snapshot()
    found += correlator.advance(T + 9 * HOUR)

    assert len(found) == (condition == "{gte: 90}")
    assert correlator.counters["it"].overflow >= 900
    assert len(state) < 3000


def test_entries_of_all_groups_are_bounded(correlation: Build, match: Make) -> None:
    """Whole groups go, the longest silent first."""
    one = correlation(COUNT.replace("gte: 3", "gte: 30"))
    correlator = Correlator([one], bounds=Bounds(groups=100, entries=20, entries_of_group=100))
    correlator.feed([match("a", n, T + n, user=f"u{n // 4}") for n in range(80)])

    assert correlator.group_count <= 6


@given(
    times=st.lists(st.integers(0, 400), min_size=1, max_size=60),
    data=st.data(),
)
@settings(max_examples=100, deadline=None)
def test_shuffled_arrival_ends_in_the_same_episodes(
    correlation: Build, match: Make, times: list[int], data: st.DataObject
) -> None:
    """Whatever the order of arrival, the condition held at the times at which it truly did."""
    one = correlation("{type: event_count, rules: [a], timespan: 10s, condition: {gte: 3}}")
    order = data.draw(st.permutations(times))
    correlator = Correlator([one])
    recorded = T + 401_000
    found = correlator.feed(
        [match("a", n, T + s * 1000, recorded=recorded) for n, s in enumerate(order)]
    )
    met = [x for x in sorted(set(times)) if sum(x - 10 <= s <= x for s in times) >= 3]
    clusters = [[met[0], met[0]]] if met else []
    for x in met[1:]:
        if x - clusters[-1][1] <= 10:
            clusters[-1][1] = x
        else:
            clusters.append([x, x])
    groups = correlator._watches[0].groups
    episodes = groups[()].episodes or []

    assert [[(a - T) // 1000, (b - T) // 1000] for a, b, _ in episodes] == clusters
    assert len(found) >= len(clusters)
    assert len(found) == len(clusters) or order != sorted(times)


LISTS = "{type: value_count, rules: [a], timespan: 1h, condition: {field: [%s], gte: 5}}"


def test_lists_in_every_field_are_counted_within_bounds(correlation: Build, match: Make) -> None:
    """Eight lists have more combinations than a number of the state can hold: it is written."""
    names = [f"f{n}" for n in range(8)]
    one = correlation(LISTS % ", ".join(names))
    values = {name: ["x" * 300 + str(n) for n in range(300)] for name in names}
    correlator = Correlator([one])
    correlator.feed([match("a", n, T, **values) for n in range(3)])

    assert correlator.counters["it"].overflow == 3_000_000
    state = correlator.snapshot()
    assert len(state) < 3 * 256 * 100  # What is only counted is short.
    assert Correlator.restore([one], state).snapshot() == state


def test_groups_that_made_room_are_not_waited_for(correlation: Build, match: Make) -> None:
    """However many groups come and go before the first is due, what is kept is bounded."""
    one = correlation(
        "{type: event_count, rules: [a], group-by: [user], timespan: 30d, condition: {lt: 5}}"
    )
    bounds = Bounds(groups=1000, entries=4000, entries_of_group=100)
    correlator = Correlator([one], bounds=bounds)
    correlator.feed([match("a", n, T + n, user=f"u{n}") for n in range(20_000)])

    assert len(correlator._due) <= DUE_MIN
    again = Correlator.restore([one], correlator.snapshot(), bounds=bounds)
    found = correlator.advance(T + 99 * 24 * HOUR)
    assert [one.group[0][1] for one in found] == [f"u{n}" for n in range(19_000, 20_000)]
    assert found == again.advance(T + 99 * 24 * HOUR)


@pytest.mark.parametrize("kind", ["value_count", "value_median", "value_percentile"])
def test_events_dated_back_are_not_judged_at_each_window(
    correlation: Build, match: Make, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Where nothing comes near the condition, no window is gone through."""
    more = ", percentile: 95" if kind == "value_percentile" else ""
    one = correlation(
        f"{{type: {kind}, rules: [a], timespan: 1h, condition: {{field: v, gte: 900{more}}}}}"
    )
    correlator = Correlator([one])
    correlator.feed([match("a", n, T + n * 1000, v=n % 7) for n in range(1000)])
    monkeypatch.setattr(sliding, "windows_at", lambda *_: pytest.fail("every window is judged"))

    assert not correlator.feed([match("a", 1000, T, recorded=T + HOUR, v=3)])


def test_a_flood_of_groups_takes_no_room_from_other_correlations(
    correlation: Build, match: Make
) -> None:
    """Whoever floods one can lose his own group in it, which is counted; in no other one."""
    flooded, other = correlation(COUNT, "flooded"), correlation(COUNT.replace("[a]", "[b]"))
    bounds = Bounds(groups=100, entries=1000, entries_of_group=100)
    correlator = Correlator([flooded, other], bounds=bounds)
    history = [("a", "ana"), ("b", "ana")] * 2
    history += [("a", "x" * 5000 + str(n)) for n in range(5000)]
    history += [("a", "ana"), ("b", "ana")]
    found = correlator.feed([match(rule, n, T, user=who) for n, (rule, who) in enumerate(history)])

    assert [(one.correlation_id, one.group) for one in found] == [("it", (("user", "ana"),))]
    assert correlator.group_count <= 101
    assert correlator.counters["flooded"].overflow >= 4900
    assert correlator.counters["it"].overflow == 0
