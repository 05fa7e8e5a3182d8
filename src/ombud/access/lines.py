"""Lines: what a purpose's scope lets be done, compiled, and how much of it is shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ombud.access.budget import Bounds
from ombud.access.condition import Condition
from ombud.access.decision import Obligation, Reason
from ombud.access.filters import FilterText
from ombud.access.hours import Week
from ombud.access.model import Line
from ombud.access.scene import Scene
from ombud.access.things import Thing
from ombud.access.wildcards import Names

FOREVER = 1 << 62  # After every instant that is ever asked about.
# How far an attempt came on a line: the later, the nearer it was to being in scope.
SYSTEM, COLUMNS, AREA, HOURS, UNTIL, WHEN, FILTER = range(1, 8)
Failure = tuple[int, tuple[str, ...]]
Columns = frozenset[str]
NO_COLUMNS: Columns = frozenset()


class ScopeLine:
    """One line of a scope with its conditions compiled."""

    __slots__ = (
        "actions",
        "areas",
        "bounds",
        "columns",
        "filter",
        "hours",
        "line",
        "resources",
        "systems",
        "until",
        "when",
    )

    def __init__(
        self,
        line: Line,
        *,
        when: Condition | None,
        hours: Week | None,
        row_filter: FilterText | None,
        bounds: Bounds | None,
    ) -> None:
        self.line = line
        self.actions = Names(line.actions)
        self.resources = Names(line.resources)
        self.systems = None if line.systems is None else frozenset(line.systems)
        self.columns: Columns | None = None
        if line.columns is not None:
            self.columns = frozenset(line.columns) | frozenset(line.aggregate_only)
        self.areas = None if line.areas is None else frozenset(line.areas)
        self.hours = hours
        self.until = FOREVER if line.until is None else line.until
        self.when = when
        self.filter = row_filter
        self.bounds = bounds


class Cut:
    """A line as it applies to one thing: what of it may be seen, and under which obligations.

    `is_plain`: there is nothing to be asked of an attempt, but for the columns it
    names; `is_open`: nor of these.  `is_ready`: its obligations are always the same;
    they lie in `obligations`, and for attempts that name columns in `obligations_named`.
    `is_settled`: all that is left of an attempt that names no columns is a permit with
    `obligations`, as far as the line goes.
    """

    __slots__ = (
        "granted",
        "is_bounded",
        "is_narrower",
        "is_open",
        "is_plain",
        "is_ready",
        "is_settled",
        "line",
        "name",
        "obligations",
        "obligations_named",
    )

    def __init__(self, line: ScopeLine, thing: Thing) -> None:
        self.line = line
        self.name = line.line.name
        self.granted: Columns | None = line.columns
        self.is_narrower = line.columns is not None
        if thing.columns is not None:
            declared = frozenset(thing.columns)
            self.granted = declared if line.columns is None else declared & line.columns
            self.is_narrower = self.granted != declared
        # A dataset's system is known beforehand; another thing's may be in what is asked.
        self.is_plain = (
            (line.systems is None or (thing.is_dataset and thing.system in line.systems))
            and line.areas is None
            and line.hours is None
            and line.until == FOREVER
            and line.when is None
            and (line.filter is None or line.filter.text is not None)
            and (self.granted is None or bool(self.granted))
        )
        self.is_open = self.granted is None and not line.line.aggregate_only
        self.is_bounded = line.bounds is not None
        self.is_ready = (line.bounds is None or not line.bounds.is_daily) and (
            line.filter is None or line.filter.text is not None
        )
        self.is_settled = self.is_plain and self.is_ready and not self.is_bounded
        rows, size = (None, None) if line.bounds is None else line.bounds.per_query
        text = None if line.filter is None else line.filter.text
        shown = self.granted if self.is_narrower else None
        self.obligations = self.oblige(text, shown, rows, size)
        self.obligations_named = self.oblige(text, None, rows, size)

    def find_failure(self, scene: Scene) -> Failure | None:
        """Return how far the attempt came and why not further; None when it is in scope."""
        line = self.line
        attempt = scene.attempt
        if line.systems is not None and _system(scene) not in line.systems:
            return SYSTEM, (Reason.OUT_OF_SCOPE.value,)
        reasons = self._check_columns(attempt.columns, attempt.action, attempt.context)
        if reasons:
            return COLUMNS, reasons
        return self._check_circumstances(scene) or self._check_conditions(scene)

    def _check_circumstances(self, scene: Scene) -> Failure | None:
        line = self.line
        if line.areas is not None:
            area = scene.attempt.context.get("area")
            if not isinstance(area, str) or area not in line.areas:
                return AREA, (Reason.OUTSIDE_AREA.value,)
        if line.hours is not None and not line.hours.holds(scene.now):
            return HOURS, (Reason.OUTSIDE_HOURS.value,)
        if scene.now >= line.until:
            return UNTIL, (Reason.LINE_ENDED.value,)
        return None

    def _check_conditions(self, scene: Scene) -> Failure | None:
        line = self.line
        if line.when is not None:
            reason = scene.check(line.when)
            if reason:
                return WHEN, (reason,)
        if line.filter is not None and line.filter.text is None:
            missing = line.filter.find_missing(scene)
            if missing is not None:
                return FILTER, (f"{Reason.ATTRIBUTE_MISSING.value}:{missing}",)
        return None

    def _check_columns(
        self, asked: tuple[str, ...] | None, action: str, context: Mapping[str, Any]
    ) -> tuple[str, ...]:
        granted = self.granted
        if asked is None:
            # Whoever names no columns gets those there are, and is told which.
            return (Reason.COLUMN_OUT_OF_SCOPE.value,) if granted == NO_COLUMNS else ()
        if granted is not None:
            outside = [name for name in asked if name not in granted]
            if outside:
                return tuple(f"{Reason.COLUMN_OUT_OF_SCOPE.value}:{name}" for name in outside)
        if context.get("aggregate") is False or action == "reveal":
            singled = [name for name in asked if name in self.line.line.aggregate_only]
            return tuple(f"{Reason.AGGREGATE_ONLY.value}:{name}" for name in singled)
        return ()

    def oblige(
        self,
        filter_text: str | None,
        columns: Columns | None,
        rows_max: int | None,
        bytes_max: int | None,
        notify: tuple[str, ...] = (),
    ) -> tuple[Obligation, ...]:
        """Return what a permit on this line binds to; the order is always the same."""
        line = self.line.line
        made: list[Obligation] = []
        if filter_text is not None:
            made.append(Obligation("row_filter", {"expression": filter_text}))
        if columns is not None:
            made.append(Obligation("columns", {"columns": sorted(columns)}))
        if line.masks:
            masks = [
                {
                    "column": mask.column,
                    "kind": mask.kind.value,
                    **({} if mask.size is None else {"size": mask.size}),
                    **({} if mask.value is None else {"value": mask.value}),
                }
                for mask in line.masks
            ]
            made.append(Obligation("masks", {"masks": masks}))
        if line.aggregate_only:
            made.append(Obligation("aggregate_only", {"columns": list(line.aggregate_only)}))
        if rows_max is not None:
            made.append(Obligation("max_rows", {"count": rows_max}))
        if bytes_max is not None:
            made.append(Obligation("max_bytes", {"count": bytes_max}))
        told = tuple(dict.fromkeys((*line.notify, *notify)))
        if told:
            made.append(Obligation("notify", {"to": list(told)}))
        if line.watermark:
            made.append(Obligation("watermark", {}))
        return tuple(made)


def _system(scene: Scene) -> object:
    thing = scene.thing
    if thing.is_dataset:
        return thing.system
    stated = scene.attempt.resource.get("system")
    found = thing.attributes.get("system", stated)
    return found if isinstance(found, str) else None
