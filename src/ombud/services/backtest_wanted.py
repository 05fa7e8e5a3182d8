"""Backtest wanted: what is asked of the past, by whatever door it comes."""

from __future__ import annotations

import msgspec


class BacktestWanted(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Rules to be put to stored events: files, text by name, and ids of rules of the home.

    `placeholders` are the values of `%name%` in the files.
    `since` and `until` are ms since the epoch, by the time of the events; without
    `since`, the last `days`.  `whole` reads every event, and narrows nothing.
    """

    files: dict[str, str] = {}
    rules: list[str] = []
    placeholders: dict[str, list[str]] = {}
    days: int = 90
    since: int | None = None
    until: int | None = None
    whole: bool = False
    why: str | None = None
    case: str | None = None
