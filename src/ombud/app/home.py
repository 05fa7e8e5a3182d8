"""Home: opening one, with every part wired; used by the server and by commands alike.

A command asks a running home through its socket.  When nothing runs, it opens
the home itself, with the same parts and a recorder in its own process, and
lets go of it at the end.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from ombud.app.access import AccessParts, open_access
from ombud.app.paths import HomePaths
from ombud.app.policy_parts import apply_configured
from ombud.app.trino import trino_access
from ombud.config.attribution_file import load_attribution
from ombud.config.rule_files import configured_folders, read_rules
from ombud.config.settings import Settings, load_settings
from ombud.core.clock import never_back, now_ms
from ombud.core.errors import OmbudError, Unavailable
from ombud.record.keys import read_vkey
from ombud.record.paths import Home
from ombud.record.reader import RecordReader
from ombud.record.recorder import Recorder
from ombud.record.resting import RestingRecord
from ombud.record.sealer import Sealer
from ombud.record.standing import check_version, read_copy
from ombud.services.background import Background
from ombud.services.backtesting import Backtesting
from ombud.services.controlling import ControlProjection
from ombud.services.coverage import CoverageReports
from ombud.services.directory import Directory
from ombud.services.follow import STEP, IndexFollower, JoiningFollower
from ombud.services.home import HomeServices
from ombud.services.ingesting import Ingesting
from ombud.services.lineage import is_of_record, write_lineage
from ombud.services.looks import Looks
from ombud.services.not_covered import NotCovered
from ombud.services.record_port import Appender, Record
from ombud.services.retaining import Retention
from ombud.services.rule_states import RuleStates
from ombud.services.settings_events import record_settings
from ombud.services.tokens import Tokens
from ombud.services.watching import Watch
from ombud.store.alerts import AlertStore
from ombud.store.control import ControlStore
from ombud.store.lasting import LastingIndex

log = logging.getLogger("ombud")

PATIENCE_SECONDS = 5.0  # For another command, or a recorder that is ending, to let go.
ALERTS_MEMORY = "256MB"  # Alerts are few; the index has its own limit.


def prepare_home(home: Path) -> None:
    """Make the folders of a home that is new; only its owner may enter."""
    paths = HomePaths(home)
    for folder in (home, paths.index, paths.quarantine):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def discard_derived(paths: HomePaths) -> None:
    """Remove what can be made anew from the record; the caller holds the home."""
    for database in (paths.index_database, paths.alerts_database, paths.control_database):
        for suffix in ("", ".wal", "-wal", "-shm"):
            database.with_name(database.name + suffix).unlink(missing_ok=True)


def _connect_alerts(path: Path) -> duckdb.DuckDBPyConnection:
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": ALERTS_MEMORY,
        "threads": 1,
    }
    try:
        return duckdb.connect(str(path), config=config)
    except duckdb.Error as error:
        if "lock on file" in str(error):
            raise Unavailable(f"`{path}` belongs to another process") from error
        log.warning("alerts `%s` are not usable and are found anew: %s", path, error)
    for stale in (path, path.with_name(f"{path.name}.wal")):
        stale.unlink(missing_ok=True)
    return duckdb.connect(str(path), config=config)


class OpenHome:
    """One home with everything wired: record, index, rules, control, services."""

    def __init__(
        self,
        home: Path,
        *,
        settings: Settings,
        appender: Record,
        background: Background | None = None,
        anew: bool = False,
    ) -> None:
        """Open what is derived from the record, made `anew` if it is of another one or so asked."""
        self.paths = paths = HomePaths(home)
        self.settings = settings
        self.appender = appender
        self.reader = RecordReader(home)
        self._vkey = read_vkey(Home(home.resolve()))
        self.recorded_ms = _last_recorded(self.reader, appender)
        self._open_derived(anew=anew)
        self._index_follower = IndexFollower(self.reader, self.index)
        self.retention = Retention(
            self.reader,
            self.index,
            days=settings["index.days"],
            folder=paths.index,
            memory_mb=settings["index.memory_mb"],
        )
        self.projection = ControlProjection(
            appender=appender,
            reader=self.reader,
            control=self.control,
        )
        self.projection.catch_up()
        self.watch = self._open_watch()
        self._watch_follower = JoiningFollower(self.reader, self.watch)
        self._rules_failed = False
        self._following_rules = threading.Lock()
        if not isinstance(appender, RestingRecord):
            record_settings(
                appender, self.control, settings, now_ms(), declarations=load_attribution(home)
            )
        self.ingesting = Ingesting(
            appender=appender,
            home=home,
            quarantine_folder=paths.quarantine,
            settings=settings,
        )
        self.services = self._open_services(background or Background())

    def _open_derived(self, *, anew: bool) -> None:
        size, _ = self.appender.head()
        folder = self.paths.index
        if anew or not is_of_record(folder, self.reader, vkey=self._vkey, size=size):
            discard_derived(self.paths)
        self._connect()
        stands = (self.index.watermark(), self.control.watermark(), self._alert_store.watermark())
        if max(stands) > size:
            log.warning("what is in `%s` is ahead of the record and is made anew", folder)
            self._disconnect()
            discard_derived(self.paths)
            self._connect()
        write_lineage(folder, self.reader, vkey=self._vkey, size=size)

    def _connect(self) -> None:
        self.index = LastingIndex.open(
            self.paths.index_database,
            memory_mb=self.settings["index.memory_mb"],
            threads=self.settings["index.threads"],
        )
        self.control = ControlStore.open(self.paths.control_database, fetch=self.reader.fetch)
        self._alerts = _connect_alerts(self.paths.alerts_database)
        self._alert_store = AlertStore(self._alerts)

    def _disconnect(self) -> None:
        self.control.close()
        self._alerts.close()
        self.index.close()

    def _open_watch(self) -> Watch:
        return Watch(
            rule_set=read_rules(configured_folders(self.settings), cache=self.paths.rules_cache),
            disabled=self.control.disabled_rules(),
            store=self._alert_store,
            appender=self.appender,
        )

    def _open_services(self, background: Background) -> HomeServices:
        looks = Looks(
            appender=self.appender,
            reader=self.reader,
            index=self.index,
            follower=self._index_follower,
            settings=self.settings,
            clock=now_ms,
            whole=self.retention.whole,
            alerts=self.watch.events_of,
        )
        self.directory = self._open_directory(looks)
        self.access = access = self._open_access(looks)
        return HomeServices(
            trino=access.trino,
            trino_access=trino_access(self.settings),
            appender=self.appender,
            looks=looks,
            directory=self.directory,
            access=access.requests,
            policies=access.policy.policies,
            simulating=access.policy.simulating,
            explaining=access.policy.explaining,
            live_policy=access.policy.live,
            desk=access.desk,
            deciding=access.deciding,
            searching=access.searching,
            ext_authz=access.ext_authz,
            ingesting=self.ingesting,
            tokens=Tokens(
                appender=self.appender,
                control=self.control,
                project=self.projection.catch_up,
                clock=never_back(now_ms, self.recorded_ms),
            ),
            rule_states=RuleStates(
                appender=self.appender,
                control=self.control,
                project=self.projection.catch_up,
                watch=self.watch,
                clock=now_ms,
            ),
            watch=self.watch,
            control=self.control,
            index=self.index,
            coverage=CoverageReports(
                looks=looks,
                settings=self.settings,
                home=self.paths.home,
                quarantine=self.paths.quarantine,
                clock=now_ms,
            ),
            background=background,
            retention=self.retention,
            backtesting=Backtesting(self.reader, self.appender, looks, self.watch),
            not_covered=NotCovered(index=self.index, fetch=self.reader.fetch, clock=now_ms),
        )

    def _open_directory(self, looks: Looks) -> Directory:
        directory = Directory(
            appender=self.appender,
            control=self.control,
            project=self.projection.catch_up,
            index=self.index,
            looks=looks,
            settings=self.settings,
            clock=now_ms,
        )
        directory.settle()
        return directory

    def _open_access(self, looks: Looks) -> AccessParts:
        return open_access(
            self.paths,
            settings=self.settings,
            appender=self.appender,
            reader=self.reader,
            control=self.control,
            projection=self.projection,
            index=self.index,
            follower=self._index_follower,
            looks=looks,
            clock=never_back(now_ms, self.recorded_ms),
        )

    def apply_configured(self) -> None:
        """Put the policy that the settings name in force, if it is not and may be."""
        if not isinstance(self.appender, RestingRecord):
            apply_configured(self.access.policy.policies, self.control, self.settings["policy"])

    def follow_index(self) -> None:
        """Bring the index and the control tables up to the last durable event."""
        self.projection.catch_up()  # First: it must not wait for an index that fails.
        size, _ = self.appender.head()
        self._index_follower.catch_up(size)
        self.directory.settle()
        self.index.seal()

    def retain(self) -> None:
        """Let the index go of what is older than `index.days`."""
        size, _ = self.appender.head()
        self.retention.turn(size, now_ms)

    def follow_rules(self) -> None:
        """Bring the alerts up to the last durable event."""
        size, _ = self.appender.head()
        with self._following_rules:  # Else who comes meanwhile takes work for failure, and mends.
            if self._rules_failed:
                self._mend_alerts()
            self._rules_failed = True
            self._watch_follower.catch_up(size)
            self._rules_failed = False

    def _mend_alerts(self) -> None:
        """Go back to the alerts that are saved; a database that was given up is opened again."""
        try:
            self._alert_store.watermark()
        except Unavailable:
            self._alerts.close()
            self._alerts = _connect_alerts(self.paths.alerts_database)
            self._alert_store.use(self._alerts)
        self.watch.rewind()

    def catch_up(self) -> None:
        """Bring everything derived up to the last durable event."""
        self.follow_index()
        self.follow_rules()

    def rebuild(self, on_progress: Callable[[int], None]) -> None:
        """Bring everything derived up from wherever it stands, telling how far it is."""
        size, _ = self.appender.head()
        self.retain()  # First: what would be let go of is not even read.
        for end in [*range(STEP, size, STEP), size]:
            self._index_follower.catch_up(end)
            on_progress(end)
        self.projection.rebuild()
        self.directory.settle()
        for end in [*range(STEP, size, STEP), size]:
            self._watch_follower.catch_up(end)
            on_progress(size + end)

    def counts(self) -> dict[str, int]:
        """Return how much there is of everything."""
        size, _ = self.appender.head()
        return {
            "events": size,
            "indexed": self.index.watermark(),
            "watched": self.watch.watermark(),
            "rules": len(self.watch.rules) + len(self.watch.correlations),
            "alerts": sum(self.watch.counts().values()),
            "tokens": len(self.control.tokens()),
        }

    def close(self) -> None:
        """Save what is derived and let go of it; the record belongs to the caller."""
        try:
            self.access.trino.queries.close()
        except OmbudError as error:
            log.error("what Trino asked last was not joined: %s", error)  # noqa: TRY400
        self.retention.close()
        try:
            self.watch.close()
        except (OmbudError, duckdb.Error) as error:
            log.warning("alerts were not saved, and are found again at the next start: %s", error)
        # A lost recorder or a full disk: then the lineage of the start still holds.
        with suppress(OmbudError, OSError):
            size, _ = self.appender.head()
            write_lineage(self.paths.index, self.reader, vkey=self._vkey, size=size)
        self._disconnect()


def _last_recorded(reader: RecordReader, appender: Appender) -> int:
    """Return the time of recording of the last event there is, 0 without one."""
    size, _ = appender.head()
    if not size:
        return 0
    (event,) = reader.fetch([size - 1], raw=False)
    return event.ingested_at or 0


def seal_rotated(home: Path, recorder: Recorder) -> None:
    """Seal what was rotated or has waited long enough; a look alone leaves no segment behind."""
    sealer = Sealer(home, recorder)
    sealer.rotate_if_due()
    while sealer.seal_next():
        pass


@contextmanager
def open_here(home: Path, *, anew: bool = False) -> Iterator[OpenHome]:
    """Open a home that is not running, in this process; raises `Unavailable` if it is in use.

    `anew` discards what is derived, once nobody else can be using it.
    """
    settings = load_settings(home, os.environ)
    check_version(home)
    prepare_home(home)
    if read_copy(home) is not None:
        resting = OpenHome(home, settings=settings, appender=RestingRecord(home), anew=anew)
        try:
            yield resting
        finally:
            resting.close()
        return
    origin = settings["record.origin"] or None
    with Recorder.open(home, origin=origin, patience_seconds=PATIENCE_SECONDS) as recorder:
        opened = OpenHome(home, settings=settings, appender=recorder, anew=anew)
        try:
            yield opened
        finally:
            opened.close()
            seal_rotated(home, recorder)
