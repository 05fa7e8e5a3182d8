"""Policy purposes: purposes and the lines of their scopes, read."""

from __future__ import annotations

import re

import msgspec

from ombud.access.model import BreakGlass, Hours, Line, Mask, MaskKind, Purpose
from ombud.config.policy_reader import Like, Reader, Spot, show, suggest
from ombud.config.policy_rules import (
    COUNT_MAX,
    MINUTES_MAX,
    read_approval,
    read_audience,
    read_checkpoints,
    read_limits,
    read_prohibitions,
)

PURPOSE = (
    "parent", "like", "title", "description", "legal_basis", "owner", "approval", "requesters",
    "audience",
    "standing", "days_max", "unused_days", "recertify_days", "acknowledgement", "scope", "limits",
    "until", "clause", "break_glass", "prohibitions", "checkpoints",
)  # fmt: skip
# What a purpose that is like another has of it, where it says nothing itself.
LIKE = (
    "audience", "standing", "days_max", "unused_days", "recertify_days", "acknowledgement",
    "scope", "limits", "break_glass", "requesters",
)  # fmt: skip
LINE = (
    "name", "actions", "resources", "type", "systems", "columns", "aggregate_only", "row_filter",
    "masks", "limits", "areas", "hours", "until", "clause", "when", "notify", "watermark",
)  # fmt: skip
MASK = ("kind", "size", "value")
BREAK_GLASS = ("reasons", "notify", "minutes_max", "decide_working_days")
DAYS_MAX = 3_660  # Ten years: longer is no end.
LINES_MAX = 1_000  # Of one purpose: they are tried one after the other.
WORKING_DAYS_MAX = 60
VALUE_MAX = 200  # Characters of a constant shown for every value.

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(
    r"(?:(?P<days>[a-z]{3}(?:-[a-z]{3})?(?:,[a-z]{3}(?:-[a-z]{3})?)*) )?"
    r"(?P<since>\d\d:\d\d)-(?P<until>\d\d:\d\d)"
)
_HOURS_EXAMPLE = "hours such as `mon-fri 08:00-18:00` or `sat,sun 22:00-06:00`"


def read_purpose(reader: Reader, name: str, spot: Spot) -> Purpose:
    """Return one purpose."""
    reader.check_name(spot, name)
    members = reader.mapping(spot, PURPOSE)
    members.need("title")
    purpose = Purpose(
        id=name,
        title=members.text("title"),
        parent=members.name("parent", None),
        description=members.text("description"),
        legal_basis=members.text("legal_basis"),
        owner=members.actor("owner"),
        approval=read_approval(reader, members.get("approval")),
        requesters=read_audience(reader, members.get("requesters")),
        audience=read_audience(reader, members.get("audience")),
        standing=members.flag("standing"),
        days_max=members.whole("days_max", 1, DAYS_MAX),
        unused_days=members.whole("unused_days", 1, DAYS_MAX),
        recertify_days=members.whole("recertify_days", 1, DAYS_MAX),
        acknowledgement=members.text("acknowledgement", None),
        scope=_scope(reader, members.get("scope")),
        limits=read_limits(reader, members.get("limits")),
        until=members.instant("until"),
        clause=members.text("clause", None),
        break_glass=_break_glass(reader, members.get("break_glass")),
        prohibitions=read_prohibitions(reader, members.get("prohibitions")),
        checkpoints=read_checkpoints(reader, members.get("checkpoints")),
    )
    like = members.get("like")
    if like is not None:
        stated = frozenset(key for key in LIKE if key in members)
        reader.likes[name] = Like(reader.name(like), stated)
    elif purpose.standing and purpose.audience is None:
        reader.fault(spot, "stands open to everybody: a standing purpose needs an `audience`")
    return purpose


def fill_likes(reader: Reader, purposes: list[Purpose]) -> list[Purpose]:
    """Return purposes with what they have of those that they are like."""
    by_id = {purpose.id: purpose for purpose in purposes}
    found = []
    for purpose in purposes:
        like = reader.likes.get(purpose.id)
        other = by_id.get(like.purpose) if like else None
        if like is None:
            found.append(purpose)
            continue
        key = f"purposes.{purpose.id}.like"
        if other is None:
            name = like.purpose
            reader.fault_at(key, f"unknown purpose `{show(name)}`{suggest(name, by_id)}")
        elif other.id in reader.likes:
            reader.fault_at(key, f"`{other.id}` is like another itself: name that one")
            other = None
        taken = {} if other is None else {
            name: getattr(other, name) for name in LIKE if name not in like.stated
        }  # fmt: skip
        found.append(msgspec.structs.replace(purpose, **taken))
    return found


def _break_glass(reader: Reader, spot: Spot | None) -> BreakGlass | None:
    if spot is None:
        return None
    members = reader.mapping(spot, BREAK_GLASS)
    members.need("reasons", "notify")
    found = BreakGlass(
        reasons=members.names("reasons"),
        notify=members.actors("notify"),
        minutes_max=members.whole("minutes_max", 1, MINUTES_MAX, 480),
        decide_working_days=members.whole("decide_working_days", 1, WORKING_DAYS_MAX, 3),
    )
    for key in ("reasons", "notify"):
        place = members.get(key)
        if place is not None and not getattr(found, key):
            reader.fault(place, "must name at least one")
    return found


def _scope(reader: Reader, spot: Spot | None) -> tuple[Line, ...]:
    items = reader.items(spot)
    if spot is not None and len(items) > LINES_MAX:
        reader.fault(spot, f"more than {LINES_MAX} lines")
        return ()
    lines: dict[str, Line] = {}
    for item in items:
        line = _line(reader, item)
        if line.name in lines:
            reader.fault_at(f"{item.key}.name", f"`{show(line.name)}` names two lines")
        lines[line.name or item.key] = line
    return tuple(lines.values())


def _line(reader: Reader, spot: Spot) -> Line:
    members = reader.mapping(spot, LINE)
    members.need("name", "actions", "resources")
    for key in ("actions", "resources"):
        place = members.get(key)
        if place is not None and not reader.items(place):
            reader.fault(place, "must name at least one")
    return Line(
        name=members.name("name"),
        actions=members.names("actions"),
        resources=members.texts("resources"),
        type=members.name("type", "dataset"),
        systems=members.texts("systems", None),
        columns=members.texts("columns", None),
        aggregate_only=members.texts("aggregate_only"),
        row_filter=members.text("row_filter", None),
        masks=_masks(reader, members.get("masks")),
        limits=read_limits(reader, members.get("limits")),
        areas=members.texts("areas", None),
        hours=_hours(reader, members.get("hours")),
        until=members.instant("until"),
        clause=members.text("clause", None),
        when=members.text("when", None),
        notify=members.actors("notify"),
        watermark=members.flag("watermark"),
    )


def _masks(reader: Reader, spot: Spot | None) -> tuple[Mask, ...]:
    found = []
    for column, entry in reader.entries(spot).items():
        members = reader.mapping(entry, MASK)
        members.need("kind")
        written = members.get("kind")
        kind = MaskKind.NULL  # Which YAML writes as it writes nothing.
        if written is not None and not written.is_null:
            kind = MaskKind(members.choice("kind", [kind.value for kind in MaskKind], "null"))
        has_size = kind in {MaskKind.TRUNCATE, MaskKind.BUCKET}
        has_value = kind == MaskKind.CONSTANT
        for key, is_wanted in (("size", has_size), ("value", has_value)):
            place = members.get(key)
            if is_wanted:
                members.need(key)
            elif place is not None and "kind" in members:
                reader.fault(place, f"has no meaning for kind `{kind}`")
        value = members.get("value")
        found.append(
            Mask(
                column=column,
                kind=kind,
                size=members.whole("size", 1, COUNT_MAX) if has_size else None,
                value=reader.text(value, length_max=VALUE_MAX) if has_value and value else None,
            )
        )
    return tuple(found)


def _hours(reader: Reader, spot: Spot | None) -> tuple[Hours, ...] | None:
    if spot is None:
        return None
    found = []
    for item in reader.items(spot):
        text = reader.text(item)
        stretch = read_hours(text, zone=reader.zone.key if reader.zone else "UTC")
        if stretch is not None:
            found.append(stretch)
        elif text:
            reader.fault(item, f"`{show(text)}` is not {_HOURS_EXAMPLE}")
    if not reader.items(spot):
        reader.fault(spot, f"must name at least one stretch: {_HOURS_EXAMPLE}")
    return tuple(found)


def read_hours(text: str, *, zone: str) -> Hours | None:
    """Return a stretch of hours such as `mon-fri 08:00-18:00`, or None."""
    found = _HOURS.fullmatch(text.lower())
    if found is None:
        return None
    days: set[int] = set()
    for part in (found["days"] or "mon-sun").split(","):
        first, _, last = part.partition("-")
        if first not in _DAYS or (last or first) not in _DAYS:
            return None
        since, until = _DAYS.index(first), _DAYS.index(last or first)
        days |= {(since + step) % 7 + 1 for step in range((until - since) % 7 + 1)}
    minutes = []
    for clock in (found["since"], found["until"]):
        hour, minute = int(clock[:2]), int(clock[3:])
        if minute > 59 or hour > 24 or (hour == 24 and minute):
            return None
        minutes.append(hour * 60 + minute)
    if minutes[0] == 1440:
        return None
    return Hours(days=tuple(sorted(days)), since=minutes[0], until=minutes[1], zone=zone)
