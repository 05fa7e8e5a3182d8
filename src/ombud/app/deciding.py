"""Deciding: what decides for a home, wired: the policy in force, budgets, and the record."""

from __future__ import annotations

from pathlib import Path

from ombud.config.ext_authz_file import load_proxy_file
from ombud.core.clock import Clock
from ombud.record.reader import RecordReader
from ombud.services.budgets import Budgets
from ombud.services.checkpoints import Checkpoints
from ombud.services.deciding import Deciding, HomeFacts
from ombud.services.drafting import Drafter
from ombud.services.ext_authz import ExtAuthz
from ombud.services.live_policy import LivePolicy
from ombud.services.record_port import Appender


def make_deciding(
    *,
    appender: Appender,
    reader: RecordReader,
    live: LivePolicy,
    checkpoints: Checkpoints,
    clock: Clock,
) -> Deciding:
    """Return what decides, by the server's own time."""
    facts = HomeFacts(
        checkpoints=checkpoints,
        budgets=Budgets(record=appender, reader=reader, policy=live.policy),
    )
    drafter = Drafter(live=live, facts=facts, clock=clock)
    return Deciding(drafter=drafter, appender=appender, facts=facts)


def make_ext_authz(home: Path, deciding: Deciding) -> ExtAuthz | None:
    """Return what answers proxies, None for a home without `ext_authz.yaml`."""
    file = load_proxy_file(home)
    return ExtAuthz(file, deciding) if file is not None else None
