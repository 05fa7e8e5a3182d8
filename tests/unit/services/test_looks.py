"""Looks: an answer has a bound, and a page that reaches it says where it goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from ombud.app.home import open_here
from ombud.core.errors import InputError
from ombud.core.event import Event
from ombud.services import looks
from ombud.services.asker import local_owner
from ombud.services.record_port import record_events


def test_answers_are_bounded_by_bytes(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page of large originals is cut short and continued, and nothing is left out."""
    monkeypatch.setattr(looks, "ANSWER_SIZE_MAX", 250)
    (home / "settings.yaml").write_text("looks: {why_required: false, case_required: false}\n")
    events = [
        Event(
            time=number // 3,
            source="county",
            action="read",
            native_id=str(number),
            session_id="s",
            raw=b"%d" % number * 100,
        )
        for number in range(7)
    ]
    with open_here(home) as opened:
        record_events(opened.appender, events)
        found: list[str | None] = []
        cursor = None
        sizes = []
        while True:
            page = opened.services.search(
                "source:county", limit=5, cursor=cursor, asker=local_owner(), why=None, case=None
            )
            found += [told.event.native_id for told in page.events]
            sizes.append(len(page.events))
            cursor = page.next_cursor
            if cursor is None:
                break
        assert found == ["6", "5", "4", "3", "2", "1", "0"]
        assert sizes == [2, 2, 2, 1]
        with pytest.raises(InputError, match="too large"):
            opened.services.session("s", asker=local_owner(), why=None, case=None)
