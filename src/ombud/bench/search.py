"""Benchmark `search`: how long a supervisor waits while events keep arriving.

An index is rebuilt from segments and the directory put into it; then questions of
each kind are asked in turn while 5,000 events a second are applied.  Last, the same
rows are asked by plain SQL that uses none of the side tables.  Latency counts whatever
else the machine does; the CPU of a question is that of the question alone.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import duckdb

from ombud.bench.arriving import PER_SECOND, Arriving
from ombud.bench.load import END
from ombud.bench.meter import Meter, pss_bytes, quantile
from ombud.bench.report import Figures, Limit, Options, Report, repeat
from ombud.bench.sealed import Year, make_year
from ombud.directory.span import BEGINNING, AccountSpan
from ombud.directory.span import END as FOREVER
from ombud.query.parse import parse_query
from ombud.query.tree import DAY_MS
from ombud.simulate.dice import Dice
from ombud.store.index import MEMORY_MB, Index

ROUND_SECONDS = 0.5
ROUNDS_MAX, ROUNDS_MIN = 120, 3  # A minute: some runs are sealed meanwhile.
EVENTS_PER_ROUND = 10_000  # Fewer rounds for fewer events.
EVENTS_PER_SPAN = 20  # 500,000 spans beside ten million events.
PAGE = 100
_ALONE_ROUNDS = 20
_PLAIN_ROUNDS = 5
_NOW_MS = int(END.timestamp() * 1000)
_WORDS = ("witness", "handover", "roadside", "entitlement", "discharge", "alibi")

LIMITS = (
    *(Limit(f"{kind}_p95_ms", 50.0) for kind in ("timeline", "session", "who")),
    *(Limit(f"{kind}_p95_ms", 80.0) for kind in ("tokens", "rare")),
    *(Limit(f"{kind}_p95_ms", 300.0) for kind in ("count", "datasets", "sessions")),
    Limit("rebuild_us_per_event", 30.0),  # Ten million in five minutes.
    Limit("pss_mb", 1_500.0),
)
Ask = Callable[[], object]


@dataclass(frozen=True)
class Subjects:
    """What one round of questions is about."""

    account: str
    session: str
    kind: str
    key: str
    case: str
    word: str


def run(options: Options) -> Report:
    """Make a year of events, then measure on it."""
    rounds = _rounds(options.events)
    folder = options.folder / "segments"
    folder.mkdir()
    year = make_year(folder, options.events, int(rounds * ROUND_SECONDS * PER_SECOND * 1.2))
    report = measure(options, year)
    for path in folder.iterdir():  # Last: deleting many files slows what follows.
        path.unlink()
    folder.rmdir()
    return report


def measure(options: Options, year: Year) -> Report:
    """Rebuild and ask, as often as the options say."""

    def once(rep: int) -> Figures:
        path = options.folder / f"index-{rep}.duckdb"
        index = Index.open(path, memory_mb=MEMORY_MB)
        try:
            figures = _rebuild(index, year)
            figures["spans_seconds"] = _set_spans(index, year, options.events // EVENTS_PER_SPAN)
            figures.update(_ask_alone(index, year, rep))
            figures.update(_ask_under_load(index, year, rep, _rounds(options.events)))
        finally:
            index.close()
        figures["index_bytes_per_event"] = path.stat().st_size / figures.pop("indexed")
        figures.update(_plain(path, year, rep))
        path.unlink()
        return figures

    report = Report("search", options, limits=LIMITS)
    report.notes.append(
        f"{_rounds(options.events)} questions of each kind, a round every {ROUND_SECONDS} s, while"
        f" {PER_SECOND:,} events a second are applied; {MEMORY_MB} MB for the engine;"
        " `plain_` asks the same rows without the side tables, when nothing arrives"
    )
    return repeat(report, once)


def _rounds(events: int) -> int:
    return max(ROUNDS_MIN, min(ROUNDS_MAX, events // EVENTS_PER_ROUND))


def _rebuild(index: Index, year: Year) -> Figures:
    peak = 0
    with Meter() as meter:
        for path, first_index, count in year.segments:
            index.apply_segment(path, first_index, count)
            peak = max(peak, pss_bytes(os.getpid()))
    events = index.watermark()
    return {
        "rebuild_seconds": meter.wall_seconds,
        "rebuild_us_per_event": meter.wall_seconds / events * 1e6,
        "rebuild_cpu_us_per_event": meter.cpu_seconds / events * 1e6,
        "rebuild_pss_mb": peak / 1e6,
    }


def _set_spans(index: Index, year: Year, count: int) -> float:
    """Give each account a person who changes units now and then; many are never asked about."""
    accounts = sorted(set(year.picks.accounts))
    accounts += [f"account {number}" for number in range(max(0, count // 4 - len(accounts)))]
    cuts = (BEGINNING, *(_NOW_MS - days * DAY_MS for days in (200, 100, 20)), FOREVER)
    spans = [
        AccountSpan(
            account,
            None,
            begins,
            ends,
            person=f"person of {account}",
            unit=f"unit {(number + place) % 50}",
            units=(f"unit {(number + place) % 50}", "county"),
            zone="Europe/Berlin",
        )
        for number, account in enumerate(accounts)
        for place, (begins, ends) in enumerate(pairwise(cuts))
    ]
    start = time.perf_counter()
    index.set_spans(spans, stamp=1)
    return time.perf_counter() - start


def _draw(year: Year, dice: Dice) -> Subjects:
    picks = year.picks
    kind, key = dice.pick(picks.subjects)
    return Subjects(
        account=dice.pick(picks.accounts),
        session=dice.pick(picks.sessions),
        kind=kind,
        key=key,
        case=dice.pick(picks.cases or ["none"]),
        word=dice.pick(_WORDS),
    )


def _questions(index: Index, about: Subjects) -> dict[str, Ask]:
    """Return one question of each kind, about somebody or something that is there."""

    def search(text: str) -> Ask:
        query = parse_query(text)
        return lambda: index.search(query, limit=PAGE, now_ms=_NOW_MS)

    everything = parse_query("")
    return {
        "timeline": search(f'person:"person of {about.account}" last:30d'),
        "history": search(f'person:"person of {about.account}"'),
        "session": lambda: index.session(about.session),
        "who": lambda: index.who(about.kind, about.key),
        "subject": search(f'subject:{about.kind}:"{about.key}"'),
        "tokens": search(f'"{about.word}" last:90d'),
        "rare": search(f'"{about.case}" last:90d'),
        "phrase": search('"the address before" last:90d'),
        "count": search("action:export last:30d | count by actor"),
        "datasets": search("last:30d | count by actor, dataset, day"),
        "unit": search('actor.unit:"unit 7" last:30d | count by person'),
        "sessions": lambda: index.sessions(everything, limit=PAGE, now_ms=_NOW_MS),
    }


def _ask_alone(index: Index, year: Year, rep: int) -> Figures:
    """Tell the CPU of each kind of question, which a busy machine raises least."""
    dice = Dice("questions alone", rep)
    used: dict[str, list[float]] = {}
    for _ in range(_ALONE_ROUNDS):
        for kind, ask in _questions(index, _draw(year, dice)).items():
            with Meter() as meter:
                ask()
            used.setdefault(kind, []).append(meter.cpu_seconds * 1000)
    return {
        f"{kind}_cpu_{name}_ms": quantile(taken, share)
        for kind, taken in used.items()
        for name, share in (("p50", 0.5), ("p95", 0.95))
    }


def _ask_under_load(index: Index, year: Year, rep: int, rounds: int) -> Figures:
    dice = Dice("questions", rep)
    times: dict[str, list[float]] = {}
    peak = 0
    with Meter() as meter, Arriving(index, year.arriving) as arriving:
        begin = time.perf_counter()
        for number in range(rounds):
            for kind, ask in _questions(index, _draw(year, dice)).items():
                start = time.perf_counter()
                ask()
                times.setdefault(kind, []).append((time.perf_counter() - start) * 1000)
            peak = max(peak, pss_bytes(os.getpid()))
            due = begin + (number + 1) * ROUND_SECONDS
            time.sleep(max(0.0, due - time.perf_counter()))
    figures: Figures = {}
    for kind, taken in times.items():
        figures[f"{kind}_p50_ms"] = quantile(taken, 0.5)
        figures[f"{kind}_p95_ms"] = quantile(taken, 0.95)
    figures["arrived_per_second"] = arriving.applied / meter.wall_seconds
    figures["apply_p50_ms"] = quantile(arriving.seconds, 0.5) * 1000
    figures["apply_max_ms"] = max(arriving.seconds) * 1000
    figures["pss_mb"] = peak / 1e6
    figures["indexed"] = float(index.watermark())
    return figures


def _plain(path: Path, year: Year, rep: int) -> Figures:
    """Ask the rows of a closed index without its side tables, as one big table would be."""
    dice = Dice("questions", rep)
    since = _NOW_MS - 90 * DAY_MS
    of_session = 'SELECT "index" FROM ix.event WHERE session_id = $1 ORDER BY "time"'
    of_subject = (
        'SELECT actor_id, count(*) FROM ix.event WHERE "index" IN '
        '(SELECT "index" FROM ix.subject WHERE "kind" = $1 AND "key" = $2) GROUP BY 1'
    )
    of_word = (
        'SELECT "time", "index" FROM ix.event WHERE "time" >= $1 AND (contains(query_text, $2) '
        'OR contains(justification_text, $2)) ORDER BY "time" DESC LIMIT 100'
    )
    times: dict[str, list[float]] = {}
    config: dict[str, str | bool | int | float | list[str]] = {"memory_limit": f"{MEMORY_MB}MB"}
    with duckdb.connect(config=config) as connection:
        connection.execute(f"ATTACH '{path}' AS ix (READ_ONLY)")
        for _ in range(_PLAIN_ROUNDS):
            about = _draw(year, dice)
            for kind, sql, values in (
                ("session", of_session, [about.session]),
                ("who", of_subject, [about.kind, about.key]),
                ("tokens", of_word, [since, about.word]),
                ("rare", of_word, [since, about.case]),
            ):
                start = time.perf_counter()
                connection.execute(sql, values).fetchall()
                times.setdefault(kind, []).append((time.perf_counter() - start) * 1000)
    return {f"plain_{kind}_p50_ms": quantile(taken, 0.5) for kind, taken in times.items()}
