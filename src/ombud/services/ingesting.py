"""Ingesting: what sources deliver, by HTTP or in files that are followed, made durable."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from ombud.attribution.attribution import Attribution
from ombud.collect.follow import Follower
from ombud.collect.health import Health
from ombud.collect.intake import Intake, IntakeResult
from ombud.collect.mapping_file import load_mapping
from ombud.collect.positions import Positions
from ombud.collect.quarantine import Quarantine
from ombud.collect.source import Source
from ombud.collect.sources import BUILT_IN, MAPPING, get_source
from ombud.collect.streams import stream_blocks
from ombud.config.attribution_file import load_attribution
from ombud.config.settings import FollowedSource, Settings
from ombud.core.clock import now_ms
from ombud.core.errors import NotFound
from ombud.services.record_port import Appender, record_events

MAPPINGS_FOLDER = "mappings"  # In the home: mappings whose sources may be delivered by HTTP.


class HomeSources:
    """The sources that one home knows: those built in, and its own mappings.

    `attribution` is what the home declares of persons and data subjects, compiled
    once for all of them; None when it declares nothing.
    """

    def __init__(self, home: Path, settings: Settings) -> None:
        files = sorted((home / MAPPINGS_FOLDER).glob("*.y*ml"))
        files += [source.mapping for source in settings.sources if source.mapping]
        declarations = load_attribution(home)
        self.attribution = Attribution(declarations) if declarations else None
        self._mapped = {load_mapping(path).source: path for path in files}

    def kinds(self) -> list[str]:
        """Return the kinds that may be delivered to this home."""
        return sorted({*BUILT_IN, *self._mapped})

    def get(self, kind: str) -> Source:
        """Return a source by kind; raises `NotFound` for one this home does not know."""
        if kind in self._mapped:
            return get_source(MAPPING, mapping=self._mapped[kind], declarations=self.attribution)
        if kind not in BUILT_IN:
            raise NotFound(
                f"no source of kind `{kind}`",
                hint=f"this home knows {', '.join(self.kinds())};"
                f" a mapping in `{MAPPINGS_FOLDER}/` of the home adds one",
            )
        return get_source(kind, declarations=self.attribution)


class Ingesting:
    """The ways into the record for what sources say."""

    def __init__(
        self,
        *,
        appender: Appender,
        home: Path,
        quarantine_folder: Path,
        settings: Settings,
    ) -> None:
        self._appender = appender
        self._home = home
        self._settings = settings
        self._health = load_health(home)
        # One for all: each reads the whole quarantine once, to know what lies there.
        self._intake = Intake(appender, Quarantine(quarantine_folder), health=self._health)
        self._totals: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._sources = HomeSources(home, settings)

    def deliver(self, kind: str, chunks: Iterator[bytes]) -> IntakeResult:
        """Take in one delivery; returns when everything in it is durable."""
        source = self._sources.get(kind)
        # The bounds of a request are those of its body: a gzip within it is not unpacked.
        blocks = stream_blocks(source, "http", chunks, unpacks=False)
        result = self._intake.ingest(source, blocks)
        with self._lock:
            self._count(result)
        return result

    def follow(self, followed: FollowedSource, wait: Callable[[float], bool]) -> None:
        """Follow one source's files until `wait` says to stop."""
        source = get_source(
            followed.kind, mapping=followed.mapping, declarations=self._sources.attribution
        )
        if followed.heartbeat_seconds is not None:
            source.heartbeat_seconds = followed.heartbeat_seconds
        with self._lock:
            self._health.expect(source, now_ms=now_ms())
        positions = Positions(positions_path(self._home, source.kind))
        before = IntakeResult()

        def progress(result: IntakeResult, _size: int) -> None:
            with self._lock:
                self._count(result, before)

        follower = Follower(source, [str(followed.path)], positions=positions, wait=wait)
        self._intake.ingest(source, follower.blocks(), positions=positions, on_progress=progress)

    def check_silence(self) -> None:
        """Record the silence of every source that has been quiet for longer than it should."""
        with self._lock:
            silences = self._health.silences(now_ms=now_ms())
        if silences:
            record_events(self._appender, silences)
        save_health(self._home, self._health)

    def _count(self, result: IntakeResult, before: IntakeResult | None = None) -> None:
        for name in ("read", "recorded", "duplicate", "quarantined"):
            value = getattr(result, name)
            self._totals[f"source_{name}_total"] += value - (
                getattr(before, name) if before is not None else 0
            )
            if before is not None:
                setattr(before, name, value)

    def totals(self) -> dict[str, float]:
        """Return what was taken in since the server started, by name."""
        with self._lock:
            return dict(self._totals)


def _health_path(home: Path) -> Path:
    return home / "positions" / "health.state"


def load_health(home: Path) -> Health:
    """Return what was last known of the sources: a gap across a restart is a gap.

    Without it, or if it cannot be read, the sources are known from their next event on.
    """
    health = Health()
    with suppress(OSError, ValueError, KeyError, TypeError):
        health.restore(_health_path(home).read_bytes())
    return health


def save_health(home: Path, health: Health) -> None:
    """Keep what is known of the sources."""
    path = _health_path(home)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = path.with_suffix(".new")
    temporary.write_bytes(health.snapshot())
    temporary.replace(path)


def positions_path(home: Path, kind: str) -> Path:
    """Return where the positions of a followed source are kept."""
    return home / "positions" / f"{kind}.json"
