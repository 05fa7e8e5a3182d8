"""Backtesting: what rules would have raised over the stored events, had they run then.

A backtest reads the record and changes nothing in it but for the look itself, which
is on record before anything is read.  What exactly it sees: `docs/backtest.md`.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ombud.core.clock import Clock, now_ms
from ombud.core.errors import Forbidden, InputError, NotFound, Unavailable
from ombud.detect.alerting.alert import Head
from ombud.detect.correlation.model import Correlation
from ombud.detect.loading.rule_set import RuleSet, load_rules
from ombud.detect.replaying.replay import Replay
from ombud.detect.rule import Refusal, Rule
from ombud.query.values import MOMENT_MAX, MOMENT_MIN
from ombud.record.reader import RecordReader
from ombud.services.asker import Asker
from ombud.services.backtest_report import Report
from ombud.services.backtest_scan import Progress, Scan
from ombud.services.backtest_wanted import BacktestWanted
from ombud.services.looking import jobs_for
from ombud.services.looks import Looks
from ombud.services.record_port import Appender
from ombud.services.rule_looks import pick_rule
from ombud.services.second_person import DAY_MS
from ombud.services.watching import Watch

Json = dict[str, Any]

DAYS_MAX = 36_600  # A hundred years: the whole record of anybody.
RULES_TOLD = 200  # Rules that the look names one by one; all of them have one hash.


@dataclass(frozen=True, slots=True)
class _Loaded:
    """The rules asked for with their correlations, and what was refused of them."""

    rules: tuple[Rule, ...]
    correlations: tuple[Correlation, ...]
    feeding: frozenset[str]
    refusals: tuple[Refusal, ...]

    @property
    def heads(self) -> tuple[Head, ...]:
        """Rules and correlations alike."""
        return (*self.rules, *self.correlations)


class Backtesting:
    """Puts rules to the past, one question at a time."""

    def __init__(
        self,
        reader: RecordReader,
        appender: Appender,
        looks: Looks,
        watch: Watch,
        *,
        clock: Clock = now_ms,
    ) -> None:
        self._reader = reader
        self._appender = appender
        self._looks = looks
        self._watch = watch
        self._clock = clock
        self._running = threading.Lock()

    def backtest(
        self,
        wanted: BacktestWanted,
        *,
        asker: Asker,
        on_progress: Progress | None = None,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> Json:
        """Return what the rules would have raised; the look is on record.

        `on_progress` is told how many events of how many are done.  Raises
        `Unavailable` while another backtest runs, or once `is_stopped`.
        """
        asker.require("search")
        if asker.is_restricted:
            raise Forbidden("a backtest is not for a token limited to units or systems")
        since, until = _window(wanted, self._clock())
        loaded = self._load(wanted)
        if not self._running.acquire(blocking=False):
            raise Unavailable("another backtest is running", retry_seconds=30)
        try:
            size, _ = self._appender.head()
            self._looks.record_policy_look(
                "rules.backtest",
                asker,
                why=wanted.why,
                case=wanted.case,
                said=_said(loaded.heads, since, until),
            )
            replay = _replay(loaded, since, until)
            scan = Scan(
                self._reader,
                replay,
                is_whole=wanted.whole,
                is_stopped=is_stopped,
                jobs=jobs_for(size),
            )
            report = Report(loaded.heads, feeding=loaded.feeding)
            begun = time.perf_counter()
            for _ in scan.run(size, on_progress) if loaded.rules else ():
                report.add(replay.taken())
            seconds = time.perf_counter() - begun
        finally:
            self._running.release()
        standing, recorded = self._recorded(loaded)
        rows = report.rows(replay, standing, recorded, since=since, until=until)
        return {
            "since": since,
            "until": until,
            **asdict(scan.scanned),
            "seconds": round(seconds, 3),
            "events_per_second": round(scan.scanned.events / seconds) if seconds else 0,
            "matches": sum(row["matches"] for row in rows),
            "alerts": sum(row["alerts"] for row in rows),
            "unreadable": replay.unreadable_count,
            "rules": rows,
            "refused": [asdict(refusal) for refusal in loaded.refusals],
        }

    def _recorded(self, loaded: _Loaded) -> tuple[dict[str, str], dict[str, list[Json]]]:
        """Return the version of each rule that runs here, and what those asked for raised."""
        running: tuple[Head, ...] = (*self._watch.rules, *self._watch.correlations)
        standing = {rule.id: rule.version for rule in running}
        recorded = {
            rule.id: self._watch.alerts_of(rule.id, rule.version)
            for rule in loaded.heads
            if standing.get(rule.id) == rule.version
        }
        return standing, recorded

    def _load(self, wanted: BacktestWanted) -> _Loaded:
        """Return the rules asked for; raises `InputError` if there are none to speak of."""
        found = load_rules(
            ((name, text.encode()) for name, text in wanted.files.items()),
            placeholders=wanted.placeholders,
        )
        refusals = list(found.refusals)
        heads = _by_id(found.rules, found.correlations)
        of_files = frozenset(heads)
        here = RuleSet(self._watch.known_rules, correlations=self._watch.known_correlations)
        known = _by_id(here.rules, here.correlations)
        waiting = list(dict.fromkeys(_picked(here, one) for one in wanted.rules))
        for rule_id in waiting:
            head = known[rule_id]
            if rule_id in of_files:
                refusals.append(Refusal(head.path, rule_id, "id is already taken by a file"))
            elif rule_id not in heads:
                heads[rule_id] = head
                if isinstance(head, Correlation):
                    waiting += head.rules  # A correlation is nothing without them.
        if not heads and not refusals:
            raise InputError("no rules were given", hint="name a file, a folder, or an id")
        rules = tuple(one for one in heads.values() if isinstance(one, Rule))
        named = {one.id for one in heads.values() if isinstance(one, Correlation)}
        # Each after those that it refers to, as they were linked.
        linked = [*found.correlations, *self._watch.known_correlations]
        chosen = tuple(one for one in linked if one.id in named and heads[one.id] is one)
        feeding = RuleSet(rules, correlations=chosen).feeding
        return _Loaded(rules, chosen, feeding, tuple(refusals))


def _picked(here: RuleSet, rule_id: str) -> str:
    """Return the whole id of a rule of the home, of which the beginning is enough."""
    try:
        return pick_rule(here, rule_id).id
    except NotFound as error:
        hint = "name a file, a folder, or an id of `ombud rules status`"
        raise InputError(error.message, hint=hint) from None


def _replay(loaded: _Loaded, since: int, until: int) -> Replay:
    return Replay(
        loaded.rules, loaded.correlations, feeding=loaded.feeding, since=since, until=until
    )


def _by_id(
    rules: Sequence[Rule], correlations: Sequence[Correlation]
) -> dict[str, Rule | Correlation]:
    every: tuple[Rule | Correlation, ...] = (*rules, *correlations)
    return {one.id: one for one in every}


def _said(rules: Sequence[Head], since: int, until: int) -> Json:
    """Return what the look says of the question: which rules, and over which time."""
    names = [f"{rule.id}@{rule.version}" for rule in rules]
    digest = hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()
    return {
        "since": since,
        "until": until,
        "rules": names[:RULES_TOLD],
        "rules_count": len(names),
        "rules_sha256": digest,
    }


def _window(wanted: BacktestWanted, now: int) -> tuple[int, int]:
    if not 1 <= wanted.days <= DAYS_MAX:
        raise InputError(f"`days` is {wanted.days}, and must lie in 1..{DAYS_MAX}")
    until = now if wanted.until is None else wanted.until
    since = max(MOMENT_MIN, until - wanted.days * DAY_MS) if wanted.since is None else wanted.since
    if not (since >= MOMENT_MIN and until <= MOMENT_MAX):
        raise InputError("`since` or `until` is outside of the calendar")
    if not since < until:
        raise InputError("a backtest is over some time", hint="`since` comes before `until`")
    return since, until
