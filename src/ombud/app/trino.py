"""Trino door: put together from the settings of a home and what decides in it."""

from __future__ import annotations

from ombud.app.paths import HomePaths
from ombud.config.settings import Settings
from ombud.core.clock import Clock
from ombud.services.deciding import Deciding
from ombud.services.drafting import new_id
from ombud.services.live_policy import LivePolicy
from ombud.services.mask_key import MaskKeys
from ombud.services.record_port import Appender
from ombud.services.trino import Trino
from ombud.services.trino_access import TrinoAccess
from ombud.services.trino_acts import TrinoActs
from ombud.services.trino_queries import TrinoQueries
from ombud.services.trino_speaker import Speakers


def open_trino(
    *,
    settings: Settings,
    paths: HomePaths,
    live: LivePolicy,
    deciding: Deciding,
    appender: Appender,
    clock: Clock,
) -> Trino:
    """Return the door; raises `SettingsError` for settings that it cannot keep."""
    speakers = Speakers(places=settings["trino.purpose_from"], services=settings["trino.services"])
    queries = TrinoQueries(appender=appender, clock=clock)
    acts = TrinoActs(
        deciding=deciding,
        queries=queries,
        key=MaskKeys(paths.home / "keys").key,
        clock=clock,
        new_id=new_id,
        rows_counted_later=settings["trino.rows_counted_later"],
    )
    return Trino(
        speakers=speakers,
        acts=acts,
        deciding=deciding,
        queries=queries,
        policy=live.policy,
    )


def trino_access(settings: Settings) -> TrinoAccess:
    """Return who may ask as Trino without a token; raises `SettingsError`."""
    return TrinoAccess(certificates=settings["trino.certificates"], peers=settings["trino.peers"])
