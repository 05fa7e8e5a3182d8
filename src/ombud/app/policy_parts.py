"""Policy parts: the live policy and its use cases, wired; and the folder that the settings name."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from ombud.config.policy_files import read_policy_folder
from ombud.core.clock import Clock
from ombud.core.errors import Conflict, OmbudError
from ombud.record.reader import RecordReader
from ombud.services.asker import local_owner
from ombud.services.controlling import ControlProjection
from ombud.services.explaining import Explaining
from ombud.services.live_policy import LivePolicy
from ombud.services.looks import Looks
from ombud.services.policies import Policies
from ombud.services.policy_wanted import PolicyWanted
from ombud.services.record_port import Appender
from ombud.services.simulating import Simulating
from ombud.store.control import ControlStore
from ombud.store.lasting import LastingIndex
from ombud.store.policy_texts import hash_texts

log = logging.getLogger("ombud")
SETTING = "policy"


@dataclass(frozen=True, slots=True)
class PolicyParts:
    """What a home has about its policy."""

    live: LivePolicy
    policies: Policies
    simulating: Simulating
    explaining: Explaining


def open_policy(
    *,
    appender: Appender,
    reader: RecordReader,
    control: ControlStore,
    projection: ControlProjection,
    index: LastingIndex,
    looks: Looks,
    clock: Clock,
) -> PolicyParts:
    """Return the parts; from now on the live policy follows the projection."""
    granted = control.requests
    live = LivePolicy(control=control, granted=granted, fetch=reader.fetch, clock=clock)
    projection.tell(live.follow)
    policies = Policies(
        appender=appender,
        control=control,
        project=projection.catch_up,
        live=live,
        granted=granted,
        fetch=reader.fetch,
        looks=looks,
        clock=clock,
    )
    simulating = Simulating(
        reader=reader,
        index=index,
        directory=control.directory,
        granted=granted,
        live=live,
        looks=looks,
        clock=clock,
    )
    explaining = Explaining(live=live, looks=looks, clock=clock)
    return PolicyParts(live, policies, simulating, explaining)


def apply_configured(policies: Policies, control: ControlStore, folder: str) -> None:
    """Put the folder that the settings name in force, as its owner would by a command.

    What is in force stays where that is refused, or waits for a second person; it is
    said aloud then, and in the status.
    """
    if not folder:
        return
    try:
        files = read_policy_folder(Path(folder))
        in_force = control.policies.in_force()
        if in_force is not None and in_force.sha256 == hash_texts(files):
            return
        wanted = PolicyWanted(files, why=f"setting `{SETTING}`")
        answer = policies.apply(wanted, asker=local_owner())
    except Conflict as error:
        policies.configured = f"is not in force: {error}"
    except OmbudError as error:
        policies.configured = f"is refused: {error}"
    else:
        if answer["state"] == "applied":
            log.info("policy `%s` of `%s` is in force", answer["id"], folder)
            return
        policies.configured = f"waits for a second person, as proposal `{answer['id']}`"
    log.error("policy of `%s` %s; what was in force before stays", folder, policies.configured)
