"""Access parts: policy, requests, checkpoints, decisions and their doors, wired for one home."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from ombud.app.checkpoints import open_desk
from ombud.app.deciding import make_deciding, make_ext_authz
from ombud.app.paths import HomePaths
from ombud.app.policy_parts import PolicyParts, open_policy
from ombud.app.trino import open_trino
from ombud.config.settings import Settings
from ombud.core.clock import Clock
from ombud.record.reader import RecordReader
from ombud.services.access_requests import AccessRequests
from ombud.services.checkpoint_desk import CheckpointDesk
from ombud.services.controlling import ControlProjection
from ombud.services.credentials import Credentials
from ombud.services.deciding import Deciding
from ombud.services.ext_authz import ExtAuthz
from ombud.services.follow import IndexFollower
from ombud.services.looks import Looks
from ombud.services.record_port import Appender
from ombud.services.request_binding import Binding, read_key
from ombud.services.searching import Searching
from ombud.services.trino import Trino
from ombud.store.control import ControlStore
from ombud.store.lasting import LastingIndex


@dataclass(frozen=True, slots=True)
class AccessParts:
    """Everything of a home that decides, and everything that decisions depend on."""

    policy: PolicyParts
    requests: AccessRequests
    desk: CheckpointDesk
    deciding: Deciding
    searching: Searching
    trino: Trino
    ext_authz: ExtAuthz | None


def open_access(
    paths: HomePaths,
    *,
    settings: Settings,
    appender: Appender,
    reader: RecordReader,
    control: ControlStore,
    projection: ControlProjection,
    index: LastingIndex,
    follower: IndexFollower,
    looks: Looks,
    clock: Clock,
) -> AccessParts:
    """Return the parts; `clock` never goes back behind what is recorded."""
    project = projection.catch_up
    policy = open_policy(
        appender=appender,
        reader=reader,
        control=control,
        projection=projection,
        index=index,
        looks=looks,
        clock=clock,
    )
    live = policy.live
    credentials = Credentials(paths.home, appender=appender, clock=clock)
    desk = open_desk(
        paths.home,
        credentials=credentials,
        appender=appender,
        reader=reader,
        control=control,
        project=project,
        index=index,
        follower=follower,
        looks=looks,
        live=live,
        clock=clock,
    )
    requests = AccessRequests(
        appender=appender,
        control=control,
        project=project,
        policy=live.policy,
        clock=clock,
        index=index,
        looks=looks,
        credentials=desk.checkpoints,
        binding=Binding(partial(read_key, paths.index)),
    )
    deciding = make_deciding(
        appender=appender, reader=reader, live=live, checkpoints=desk.checkpoints, clock=clock
    )
    trino = open_trino(
        settings=settings, paths=paths, live=live, deciding=deciding, appender=appender, clock=clock
    )
    searching = Searching(live=live, appender=appender, clock=clock)
    proxies = make_ext_authz(paths.home, deciding)
    return AccessParts(policy, requests, desk, deciding, searching, trino, proxies)
