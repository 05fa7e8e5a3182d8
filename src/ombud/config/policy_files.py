"""Policy files: a folder of YAML, read as one policy; `docs/policy.md` is the reference.

Any number of files, each with any of the keys.  All faults of all files are found
at once, with file, line and key, and a policy with a fault is refused as a whole.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

import ombud
from ombud.access.model import Attributes, Audience, Policy, Purpose, ReasonCode
from ombud.config.policy_datasets import (
    check_stated,
    read_attributes,
    read_dataset,
    read_entities,
)
from ombud.config.policy_purposes import fill_likes, read_purpose
from ombud.config.policy_reader import Fault, Members, Reader, Spot, show
from ombud.config.policy_references import check_references
from ombud.config.policy_rules import (
    read_approval,
    read_audience,
    read_checkpoints,
    read_prohibitions,
    read_reason_codes,
    read_terms,
)
from ombud.config.strict_yaml import NODES_MAX, YamlFault, compose_counted
from ombud.core.errors import InputError, Unavailable

__all__ = ["Fault", "PolicyError", "load_policy", "read_policy", "read_policy_folder"]

SUFFIXES = (".yaml", ".yml")
FILES_MAX = 500
SIZE_MAX = 16 << 20  # Characters of all files: twenty thousand datasets.
DEPTH_MAX = 12  # A purpose's scope has eight levels; deeper is a mistake.
KEYS = (
    "zone", "holidays", "actions", "attributes", "entities", "when_no_purpose", "second_person",
    "lone_until", "datasets", "prohibitions", "checkpoints", "purposes", "terms", "vendor",
    "reason_codes",
)  # fmt: skip
_SINGLE = ("zone", "when_no_purpose", "second_person", "lone_until", "vendor")
_NAMED = ("datasets", "prohibitions", "checkpoints", "purposes", "terms", "reason_codes")
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class PolicyError(InputError):
    """Policy files with faults; `faults` has all of them."""

    code = "policy"

    def __init__(self, faults: list[Fault], count: int | None = None) -> None:
        self.faults = tuple(faults)
        more = (count or len(faults)) - 1
        first = faults[0]
        place = f"{first.file}:{first.line}" if first.line else first.file
        said = f"`{first.key}`: {first.message}" if first.key else first.message
        hint = f"and {more} more; `ombud policy check` lists all" if more else ""
        super().__init__(said, origin=place, hint=hint)


def shipped_policies_folder() -> Path:
    """Return the folder of the example policies; raises `Unavailable` without one."""
    package = Path(ombud.__file__).parent
    for folder in (package / "policies", package.parent.parent / "policies"):
        if folder.is_dir():
            return folder
    raise Unavailable("the shipped policies are missing", hint="install the package again")


def load_policy(folder: Path) -> Policy:
    """Return the policy of a folder; raises `PolicyError` with its faults."""
    policy, faults = read_policy(read_policy_folder(folder))
    if faults:
        raise PolicyError(faults)
    return policy


def read_policy_folder(folder: Path) -> dict[str, str]:
    """Return the texts of the YAML files in a folder and below, by their path within it.

    Raises `InputError` for what is no folder, holds none, too many or too much, and
    for a file that is no UTF-8; `Unavailable` for one that cannot be read.
    """
    if not folder.is_dir():
        raise InputError(f"`{folder}` is not a folder", hint="a policy is a folder of YAML files")
    texts: dict[str, str] = {}
    size = 0
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        name = path.relative_to(folder).as_posix()
        try:
            size += path.stat().st_size
            if len(texts) >= FILES_MAX or size > SIZE_MAX:
                raise InputError(
                    f"`{folder}` holds more than {FILES_MAX} files or {SIZE_MAX} bytes"
                )
            texts[name] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise InputError("not UTF-8", origin=str(path)) from None
        except OSError as error:
            raise Unavailable(f"cannot read `{path}`: {error.strerror}") from None
    if not texts:
        raise InputError(f"`{folder}` holds no YAML file", hint="policy files end in `.yaml`")
    return texts


def read_policy(files: Mapping[str, str]) -> tuple[Policy, list[Fault]]:
    """Return the policy that files by name say together, and every fault.

    A policy with a fault has harmless values in the places of what was wrong, and is
    not to be used.
    """
    reader = Reader()
    if len(files) > FILES_MAX or sum(map(len, files.values())) > SIZE_MAX:
        reader.add(Fault("", 0, "", f"more than {FILES_MAX} files or {SIZE_MAX} characters"))
        return Policy(), reader.faults
    parts = [part for name in sorted(files) if (part := _part(reader, name, files[name]))]
    policy = _Assembly(reader, parts).policy()
    check_references(policy, reader)
    return policy, reader.faults


def _part(reader: Reader, name: str, text: str) -> Members | None:
    """Return the members of one file."""
    try:
        left = NODES_MAX - reader.nodes
        node, count = compose_counted(text, depth_max=DEPTH_MAX, nodes_max=left)
        reader.nodes += count
    except YamlFault as fault:
        reader.add(Fault(name, fault.line, "", fault.reason))
        return None
    return None if node is None else reader.mapping(Spot(name, "", node, 1), KEYS)


class _Assembly:
    """Puts the parts of all files together; what stands in two of them is a fault."""

    def __init__(self, reader: Reader, parts: list[Members]) -> None:
        self._reader = reader
        self._parts = parts
        self._named: dict[str, tuple[str, int]] = {}

    def policy(self) -> Policy:
        reader = self._reader
        single = {name: self._only(name) for name in _SINGLE}
        zone = self._zone(single["zone"])
        reader.zone = zone
        self._claim_names()
        purposes = fill_likes(reader, self._each("purposes", read_purpose))
        attributes = self._attributes()
        check_stated(reader, attributes)
        unset = single["when_no_purpose"]
        until = single["lone_until"]
        confirm = single["second_person"]
        return Policy(
            purposes=_inherit(purposes),
            datasets=tuple(self._each("datasets", read_dataset)),
            entities=self._entities(),
            prohibitions=self._chain("prohibitions", read_prohibitions),
            checkpoints=self._chain("checkpoints", read_checkpoints),
            terms=self._chain("terms", read_terms),
            reason_codes=self._chain("reason_codes", read_reason_codes),
            vendor=read_audience(reader, single["vendor"]),
            attributes=attributes,
            actions=self._list("actions", reader.name),
            when_no_purpose=reader.name(unset) if unset else None,
            zone=zone.key,
            holidays=tuple(sorted(self._list("holidays", self._day))),
            second_person=read_approval(reader, confirm) if confirm else None,
            lone_until=reader.instant(until) if until else None,
        )

    def _only(self, name: str) -> Spot | None:
        spots = [spot for part in self._parts if (spot := part.get(name))]
        for spot in spots[1:]:
            where = f"{spots[0].file}:{spots[0].key_line}"
            self._reader.add(Fault(spot.file, spot.key_line, name, f"stands in {where} too"))
        return spots[0] if spots else None

    def _zone(self, spot: Spot | None) -> ZoneInfo:
        text = self._reader.text(spot) if spot else "UTC"
        try:
            return ZoneInfo(text or "UTC")
        except (OSError, ValueError, KeyError):  # How zoneinfo says that there is none.
            pass
        if spot:
            self._reader.fault(spot, f"`{show(text)}` is no time zone such as Europe/Dublin")
        return ZoneInfo("UTC")

    def _claim_names(self) -> None:
        """Fault what has one name in two files."""
        for part in self._parts:
            for section in _NAMED:
                spot = part.get(section)
                for entry in self._reader.entries(spot).values():
                    self._claim(entry)

    def _claim(self, entry: Spot) -> bool:
        place = (entry.file, entry.key_line)
        first = self._named.setdefault(entry.key, place)
        if first != place:
            message = f"stands in {first[0]}:{first[1]} too"
            self._reader.add(Fault(entry.file, entry.key_line, entry.key, message))
        return first == place

    def _each(self, section: str, read: Callable[[Reader, str, Spot], Any]) -> list[Any]:
        found = []
        for part in self._parts:
            for name, spot in self._reader.entries(part.get(section)).items():
                if self._named.get(spot.key) == (spot.file, spot.key_line):
                    found.append(read(self._reader, name, spot))
        return found

    def _chain(self, section: str, read: Callable[[Reader, Spot | None], Any]) -> Any:
        found: dict[str, Any] = {}
        for part in self._parts:
            for one in read(self._reader, part.get(section)):
                found.setdefault(one.code if isinstance(one, ReasonCode) else one.name, one)
        return tuple(found.values())

    def _entities(self) -> Any:
        found: dict[str, Any] = {}
        for part in self._parts:
            spot = part.get("entities")
            for group in self._reader.entries(spot).values():
                for entry in self._reader.entries(group).values():
                    self._claim(entry)
            for key, entity in read_entities(self._reader, spot).items():
                found.setdefault(key, entity)
        return tuple(found.values())

    def _attributes(self) -> Attributes:
        known: dict[str, dict[str, str]] = {
            "actor": {}, "resource": {}, "action": {}, "context": {},
        }  # fmt: skip
        stated: dict[str, None] = {}
        for part in self._parts:
            read_attributes(self._reader, part.get("attributes"), known, stated)
        return Attributes(**known, stated=tuple(stated))

    def _list(self, section: str, read: Callable[[Spot], str]) -> tuple[str, ...]:
        found: dict[str, None] = {}
        for part in self._parts:
            for item in self._reader.items(part.get(section)):
                text = read(item)
                if text:
                    found[text] = None
        return tuple(found)

    def _day(self, spot: Spot) -> str:
        text = self._reader.text(spot)
        try:
            if _DATE.fullmatch(text):
                return date.fromisoformat(text).isoformat()
        except ValueError:
            pass
        if text:
            self._reader.fault(spot, f"`{show(text)}` is no day such as 2026-12-25")
        return ""


def _inherit(purposes: list[Purpose]) -> tuple[Purpose, ...]:
    """Give purposes that name no approvers or owner those of the nearest purpose above."""
    by_id = {purpose.id: purpose for purpose in purposes}
    found = []
    for purpose in purposes:
        lineage, above = [purpose], by_id.get(purpose.parent or "")
        while above is not None and above not in lineage:
            lineage.append(above)
            above = by_id.get(above.parent or "")
        deciding = (one.approval for one in lineage if one.approval.approvers != Audience())
        approval = next(deciding, purpose.approval)
        owner = next((one.owner for one in lineage if one.owner), "")
        found.append(msgspec.structs.replace(purpose, approval=approval, owner=owner))
    return tuple(found)
