"""Policy: the folder that the settings name, put in force when a home begins to run."""

from __future__ import annotations

import logging
from pathlib import Path

from ombud.config.policy_files import read_policy_folder
from ombud.core.errors import Conflict, OmbudError
from ombud.services.asker import local_owner
from ombud.services.policies import Policies
from ombud.services.policy_wanted import PolicyWanted
from ombud.store.control import ControlStore
from ombud.store.policy_texts import hash_texts

log = logging.getLogger("ombud")
SETTING = "policy"


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
