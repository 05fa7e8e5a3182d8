"""Windows routes: which logsources an event belongs to, by its channel and number.

As the appendix "Taxonomy" of the Sigma specification maps them.  An event may belong to
several: one that sets a value of the registry is a `registry_set`, a `registry_event`
and one of Sysmon's own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from ombud.detect.logsource import LogSource
from ombud.detect.rule import Rule
from ombud.services.matching import Faults, Found, Lines

SYSMON = "Microsoft-Windows-Sysmon/Operational"
_POWERSHELL = "Microsoft-Windows-PowerShell/Operational"
_CLASSIC = "Windows PowerShell"
_CATEGORIES: dict[tuple[str, int], tuple[str, ...]] = {
    (SYSMON, 1): ("process_creation",),
    (SYSMON, 2): ("file_change",),
    (SYSMON, 3): ("network_connection",),
    (SYSMON, 4): ("sysmon_status",),
    (SYSMON, 6): ("driver_load",),
    (SYSMON, 7): ("image_load",),
    (SYSMON, 8): ("create_remote_thread",),
    (SYSMON, 9): ("raw_access_thread",),
    (SYSMON, 10): ("process_access",),
    (SYSMON, 11): ("file_event",),
    (SYSMON, 12): ("registry_add", "registry_delete", "registry_event"),
    (SYSMON, 13): ("registry_set", "registry_event"),
    (SYSMON, 14): ("registry_rename", "registry_event"),
    (SYSMON, 15): ("create_stream_hash",),
    (SYSMON, 16): ("sysmon_status",),
    (SYSMON, 17): ("pipe_created",),
    (SYSMON, 18): ("pipe_created",),
    (SYSMON, 19): ("wmi_event",),
    (SYSMON, 20): ("wmi_event",),
    (SYSMON, 21): ("wmi_event",),
    (SYSMON, 22): ("dns_query",),
    (SYSMON, 23): ("file_delete",),
    (SYSMON, 25): ("process_tampering",),
    (SYSMON, 26): ("file_delete",),
    (SYSMON, 29): ("file_executable_detected",),
    (SYSMON, 255): ("sysmon_error",),
    (_POWERSHELL, 4103): ("ps_module",),
    (_POWERSHELL, 4104): ("ps_script",),
    (_CLASSIC, 400): ("ps_classic_start",),
    (_CLASSIC, 600): ("ps_classic_provider_start",),
}
_SERVICES = {
    SYSMON: "sysmon",
    _POWERSHELL: "powershell",
    _CLASSIC: "powershell-classic",
    "Application": "application",
    "Security": "security",
    "System": "system",
    "Microsoft-Windows-Windows Defender/Operational": "windefend",
    "Microsoft-Windows-WMI-Activity/Operational": "wmi",
}


def logsources_of(channel: str, number: int) -> tuple[LogSource, ...]:
    """Return the logsources of an event; one of an unknown channel is of Windows alone."""
    service = _SERVICES.get(channel)
    categories = _CATEGORIES.get((channel, number), (None,))
    return tuple(LogSource("windows", service, category) for category in categories)


class _Head(msgspec.Struct, gc=False):
    Channel: str = ""
    EventID: int | str = 0


class RoutedLines:
    """Puts each line to the rules whose logsource covers it; lines of one route together."""

    def __init__(self, rules: Sequence[Rule], make: Callable[[Sequence[Rule]], Lines]) -> None:
        self._rules = tuple(rules)
        self._make = make
        self._decode = msgspec.json.Decoder(_Head).decode
        self._routes: dict[tuple[str, int | str], int] = {}
        self._lines: list[tuple[tuple[int, ...], Lines]] = []
        self._places: dict[tuple[int, ...], int] = {}

    def match(self, lines: Sequence[bytes]) -> tuple[Found, Faults]:
        """Return what matched, in order of lines and rules."""
        rows: dict[int, list[int]] = {}
        routes = self._routes
        for row, head in enumerate(map(self._decode, lines)):
            key = (head.Channel, head.EventID)
            place = routes.get(key)
            if place is None:
                place = routes[key] = self._place(*key)
            rows.setdefault(place, []).append(row)
        found: list[tuple[int, int]] = []
        for place, mine in rows.items():
            positions, matcher = self._lines[place]
            hits, _ = matcher.match([lines[row] for row in mine])
            found += [(mine[row], positions[rule]) for row, rule in hits]
        found.sort()
        return found, ()

    def _place(self, channel: str, number: int | str) -> int:
        sources = logsources_of(channel, int(number))
        positions = tuple(
            position
            for position, rule in enumerate(self._rules)
            if any(rule.logsource.covers(source) for source in sources)
        )
        place = self._places.get(positions)
        if place is None:
            place = self._places[positions] = len(self._lines)
            self._lines.append((positions, self._make([self._rules[at] for at in positions])))
        return place
