"""Serving: a home's three processes and the standing work of the server.

Order of starting: recorder, sealer, server.  Order of stopping: the API takes
no more, what was taken is answered, the followers stop, the sealer, then the
recorder.  A lost recorder ends the whole: nothing may pretend to record.
"""

from __future__ import annotations

import logging
import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Self

from ombud.app.children import Child, Supervisor
from ombud.app.home import OpenHome, prepare_home
from ombud.app.opening import is_running
from ombud.app.paths import HomePaths
from ombud.config.settings import Settings
from ombud.core.clock import now_ms
from ombud.core.errors import Unavailable
from ombud.record.client import RecorderClient
from ombud.record.lock import lock_owner
from ombud.record.paths import Home
from ombud.record.resting import RestingRecord
from ombud.record.standing import Copy, check_version, read_copy
from ombud.services.background import Background
from ombud.services.clock_watch import ClockWatch
from ombud.services.token_publishing import TokenPublisher
from ombud.services.upkeep import Ticker
from ombud.web.app import create_app
from ombud.web.deciders import Deciders
from ombud.web.limits import Limits
from ombud.web.server import WebServer
from ombud.web.tls import tls_of

log = logging.getLogger("ombud")

START_SECONDS = 300.0  # A long write-ahead log is replayed before the recorder answers.
SWITCH_SECONDS = 0.0005  # Rules and index run beside the API: a request must not wait for them.
FOLLOW_SECONDS = 0.2  # How far the index lags when nobody asks.
DUE_SECONDS = 15.0  # How late a request expires, or an unused grant is revoked.
DESK_SECONDS = 30.0  # How late a table is refreshed, and the first verification of a day.
RETAIN_SECONDS = 600.0  # How far beyond its days the index may go.
WATCH_SECONDS = 0.5  # Before a worker of the decision port that ended is started again.
FOLLOWED_SECONDS = 0.5  # Before a source that could not be followed is tried again.


class Server:
    """A running home; a context manager whose end is the graceful stop."""

    def __init__(self, home: Path, *, settings: Settings, port: int | None = None) -> None:
        self._home = home
        self._settings = settings
        self._port = settings["server.port"] if port is None else port
        self._tls = tls_of(
            certificate=settings["server.tls.certificate"],
            key=settings["server.tls.key"],
            client_ca=settings["server.tls.client_ca"],
        )
        self._ended = threading.Event()
        self._lost: str | None = None
        self._copy: Copy | None = None
        self._supervisor: Supervisor | None = None
        self._deciders: Deciders | None = None

    def __enter__(self) -> Self:
        """Start everything; returns when the API answers."""
        if is_running(self._home):
            raise Unavailable(
                f"`{self._home}` is served already",
                hint="commands reach it; stop that `ombud serve`, or name another `--home`",
            )
        paths = HomePaths(self._home)
        check_version(self._home)
        prepare_home(self._home)
        sys.setswitchinterval(SWITCH_SECONDS)
        self._copy = read_copy(self._home)
        client = self._start_recorder() if self._copy is None else RestingRecord(self._home)
        try:
            self._background = Background()
            self._open = OpenHome(
                self._home, settings=self._settings, appender=client, background=self._background
            )
            self._open.apply_configured()
            self._web = WebServer(
                create_app(
                    self._open.services,
                    limits=Limits(pending_max=self._settings["server.pending_mb"] * 1_000_000),
                    public_url=self._settings["server.public_url"],
                ),
                host=self._settings["server.host"],
                port=self._port,
                unix_path=paths.server_socket,
                tls=self._tls,
            )
            self._web.start()
            self._start_deciders(paths)
            self._start_background()
        except BaseException:
            self._stop_processes()
            raise
        return self

    def _start_deciders(self, paths: HomePaths) -> None:
        """Start the workers of the decision port, if there are to be any."""
        count = self._settings["decide.workers"]
        if not count or self._copy is not None:  # A copy records nothing, so it permits nothing.
            return
        paths.published.mkdir(mode=0o700, exist_ok=True)
        tokens = TokenPublisher(self._open.control, paths.published)
        self._open.projection.tell(tokens.follow)
        tokens.follow()
        self._open.access.policy.live.publish_into(paths.published)
        self._deciders = Deciders(
            self._home,
            host=self._settings["server.host"],
            port=self._settings["decide.port"],
            count=count,
            tls=self._tls,
        )
        self._deciders.start()
        self._background.repeat("deciders", self._deciders.turn, every_seconds=WATCH_SECONDS)

    def _start_recorder(self) -> RecorderClient:
        """Start the recorder and the sealer; return when the recorder takes events."""
        place = Home(self._home.resolve())
        origin = self._settings["record.origin"]
        named = ("--origin", origin) if origin else ()
        client = RecorderClient(place.recorder_socket)
        recorder = Child("ombud.record.process", self._home, *named, name="recorder")

        def is_ready() -> bool:
            # A recorder of a server that was killed may still answer while it ends.
            return lock_owner(place.lock) == recorder.process.pid and client.ping()

        try:
            recorder.wait_until(is_ready, seconds=START_SECONDS)
            sealer = Child("ombud.record.sealer", self._home, name="sealer")
            self._supervisor = Supervisor(recorder, sealer, on_loss=self._lose)
        except BaseException:
            recorder.stop()
            raise
        return client

    def __exit__(self, *_: object) -> None:
        """Stop everything in order."""
        if self._deciders is not None:
            self._deciders.stop()
        self._web.stop()
        self._background.stop()
        self._open.close()
        self._stop_processes()
        if self._lost is not None:
            raise Unavailable(self._lost, hint="the lines above say why; the record is unharmed")

    def _stop_processes(self) -> None:
        if self._deciders is not None:
            self._deciders.stop()
        if self._supervisor is not None:
            self._supervisor.stop()

    @property
    def address(self) -> str:
        """Where the API answers."""
        return f"{self._scheme}://{self._settings['server.host']}:{self._web.port}"

    @property
    def decide_address(self) -> str | None:
        """Where decisions are answered by workers; None without any."""
        if self._deciders is None:
            return None
        return f"{self._scheme}://{self._settings['server.host']}:{self._deciders.port}"

    @property
    def _scheme(self) -> str:
        return "http" if self._tls is None else "https"

    @property
    def home(self) -> OpenHome:
        """The open home, for work in this process."""
        return self._open

    @property
    def background(self) -> Background:
        """The standing work, to which more may be added."""
        return self._background

    def heed_signals(self) -> None:
        """From now on SIGINT and SIGTERM are heard by `wait`; before, they interrupt."""

        def stop(_signal: int, _frame: FrameType | None) -> None:
            self._ended.set()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)

    def wait(self) -> None:
        """Return when told to stop by SIGINT or SIGTERM, or when the recorder is lost."""
        self.heed_signals()
        while not self._ended.wait(0.5):
            pass

    def _lose(self, reason: str) -> None:
        log.error("%s", reason)
        self._lost = reason
        self._ended.set()

    def _start_background(self) -> None:
        repeat: Callable[..., None] = self._background.repeat
        opened = self._open
        repeat("index", opened.follow_index, every_seconds=FOLLOW_SECONDS)
        if self._copy is not None:  # Rules and ticks would record.
            log.warning("%s", self._copy.sentence())
            return
        repeat("budgets", opened.access.deciding.follow, every_seconds=FOLLOW_SECONDS)
        # Paced: an alert that comes late is not to wait as well for who is late.
        repeat("rules", opened.follow_rules, every_seconds=FOLLOW_SECONDS, is_paced=True)
        ticker = Ticker(
            opened.appender, now_ms, period_seconds=self._settings["record.tick_seconds"]
        )
        repeat("tick", ticker.turn, every_seconds=1.0)
        watch = ClockWatch(opened.appender, now_ms, time.monotonic, recorded_ms=opened.recorded_ms)
        repeat("clock", watch.turn, every_seconds=1.0)
        for number, source in enumerate(self._settings.sources, start=1):
            follow = partial(opened.ingesting.follow, source, self._background.stopping.wait)
            # Anybody may ask `/readyz`: it names no path.
            repeat(f"source {number} {source.kind}", follow, every_seconds=FOLLOWED_SECONDS)
        repeat("requests", opened.access.requests.upkeep.turn, every_seconds=DUE_SECONDS)
        desk = opened.access.desk
        repeat("justifications", lambda: desk.turn(now_ms()), every_seconds=DESK_SECONDS)
        repeat("trino", opened.access.trino.queries.turn, every_seconds=1.0)
        repeat("retention", opened.retain, every_seconds=RETAIN_SECONDS)
        repeat("silence", opened.ingesting.check_silence, every_seconds=5.0)
