"""Coverage: per source what is known of persons and data subjects, and what was never seen."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import orjson

from ombud.attribution.declarations import Declarations
from ombud.attribution.names import split_name
from ombud.collect.quarantine import PENDING, Quarantine
from ombud.config.attribution_file import load_attribution
from ombud.config.settings import Settings
from ombud.core.clock import Clock, format_instant
from ombud.core.errors import InputError
from ombud.query.tree import Ago
from ombud.query.values import parse_instant
from ombud.services.asker import Asker
from ombud.services.coverage_fixes import find_fixes, percent
from ombud.services.looks import Looks
from ombud.store.coverage import GAP, SILENCE, Counted, Row

SINCE = "30d"
REASONS_SHOWN = 5  # Of each source.
ACCOUNTS_SHOWN = 20
FIXES_SHOWN = 10
NOT_OBSERVED_MAX = 200
Json = dict[str, Any]


class CoverageReports:
    """Tells how far the record of one home says who looked at whose data."""

    def __init__(
        self, *, looks: Looks, settings: Settings, home: Path, quarantine: Path, clock: Clock
    ) -> None:
        self._looks = looks
        self._settings = settings
        self._home = home
        self._quarantine = quarantine
        self._clock = clock

    def report(self, *, since: str | None, until: str | None, asker: Asker) -> Json:
        """Return the figures of a stretch of time; the look is recorded.

        `since` and `until` are instants or durations before now.
        """
        now = self._clock()
        begin, end = _instant(since or SINCE, now), _instant(until, now) if until else now + 1
        if end <= begin:
            raise InputError(f"`until` is not after `since`: {since} to {until}")
        declarations = load_attribution(self._home)
        counted = self._looks.coverage(begin, end, systems=list(declarations), asker=asker)
        quarantined = self._quarantined(begin, end)
        sources = [_source(row, counted) for row in counted.sources]
        return {
            "since": format_instant(begin),
            "until": format_instant(end),
            "total": _total(counted.sources),
            "sources": sources,
            "health": self._health(counted, quarantined, now),
            "unknown_accounts": counted.accounts[:ACCOUNTS_SHOWN],
            "not_observed": self._not_observed(counted, declarations)[:NOT_OBSERVED_MAX],
            "fixes": [fix.to_dict() for fix in find_fixes(counted, declarations)[:FIXES_SHOWN]],
        }

    def _quarantined(self, begin: int, end: int) -> Counter[str]:
        return Counter(
            item.source
            for item in Quarantine(self._quarantine).items()
            if item.state == PENDING and begin <= item.time_ms < end
        )

    def _health(self, counted: Counted, quarantined: Counter[str], now: int) -> list[Json]:
        """Return by source how old its last event is, what is missing and was refused."""
        last: dict[str, int] = {}
        for row in counted.latest:
            last[row["source"]] = max(last.get(row["source"], row["last"]), row["last"])
        found: dict[str, Json] = {}
        for kind in sorted({*last, *quarantined, *(row["source"] for row in counted.findings)}):
            seen = last.get(kind)
            found[kind] = {
                "source": kind,
                "last": None if seen is None else format_instant(seen),
                "lag_seconds": None if seen is None else max(0, (now - seen) // 1000),
                "gaps": 0,
                "missing_events": 0,
                "silences": 0,
                "quarantined": quarantined[kind],
            }
        for row in counted.findings:
            if row["operation"] == GAP:
                found[row["source"]]["gaps"] += row["count"]
                found[row["source"]]["missing_events"] += row["missing"] or 0
            elif row["operation"] == SILENCE:
                found[row["source"]]["silences"] += row["count"]
        return list(found.values())

    def _not_observed(self, counted: Counted, declarations: Declarations) -> list[Json]:
        delivered = {row["source"] for row in counted.latest}
        systems = {row["system"] for row in counted.latest}
        found = [
            _unseen("source", source.kind, f"followed at `{source.path}`, and never delivered")
            for source in self._settings.sources
            if source.kind not in delivered and source.mapping is None
        ]
        found += [
            _unseen("system", system, "the directory knows accounts there; no source tells of it")
            for system in counted.directory_systems
            if system not in systems
        ]
        found += _unaudited(counted.inspected)
        for system, declared in declarations.items():
            seen = {split_name(name) or name for at, name in counted.datasets if at == system}
            found += [
                _unseen("dataset", f"{system} {dataset}", "declared, and no event names it")
                for dataset in declared.subjects
                if (split_name(dataset) or dataset) not in seen
            ]
        return found


def _instant(text: str, now: int) -> int:
    found = parse_instant(text)
    if found is None:
        raise InputError(f"`{text}` is neither a time nor a duration", hint="such as 30d, 12h,"
                         " 2026-11-01 or 2026-11-01T08:00Z")  # fmt: skip
    return now - found.ms if isinstance(found, Ago) else found.ms


def _unseen(what: str, name: str, why: str) -> Json:
    return {"what": what, "name": name, "why": why}


def _unaudited(inspected: list[Row]) -> list[Json]:
    """Return what databases do not write down, as they were when `ombud connect` last looked."""
    found = []
    for row in inspected:
        told = orjson.loads(row["attributes"] or "{}")
        when = format_instant(row["time"])[:10]
        classes = told.get("unaudited") or []
        if classes:
            why = f"the server does not write down {', '.join(classes)} (as of {when})"
            found.append(_unseen("classes", str(row["system"]), why))
        found += [
            _unseen("override", str(row["system"]), f"{text} (as of {when})")
            for text in told.get("overrides") or []
        ]
    return found


def _total(rows: list[Row]) -> Json:
    names = ("events", "machines", "acted", "person_known", "subject_known", "subject_unknown")
    return _with_shares({name: sum(row[name] for row in rows) for name in names})


def _with_shares(counts: Json) -> Json:
    about = counts["subject_known"] + counts["subject_unknown"]
    return counts | {
        "person_known_percent": percent(counts["person_known"], counts["acted"]),
        "subject_known_percent": percent(counts["subject_known"], about),
    }


def _source(row: Row, counted: Counted) -> Json:
    reasons = [
        {"reason": reason["reason"], "events": reason["events"]}
        for reason in counted.reasons
        if (reason["source"], reason["system"]) == (row["source"], row["system"])
    ]
    told = _with_shares(dict(row))
    told["first"], told["last"] = format_instant(row["first"]), format_instant(row["last"])
    return told | {"reasons": reasons[:REASONS_SHOWN]}
