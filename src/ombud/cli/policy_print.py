"""Policy print: versions, plans and simulations for people."""

from __future__ import annotations

from typing import Any

from ombud.cli.output import note, print_facts, print_line, print_table, to_minute
from ombud.cli.policy_difference import ALONE, persons, print_difference, print_needed

Json = dict[str, Any]

ROWS_MAX = 10  # Of each list; `--json` gives all of them.
LOWERS_MAX = 3  # Reasons of one version.
STATES = {
    "waiting": "waits for a second person",
    "overtaken": "overtaken by another policy: propose it again",
    "expired": "too old: propose it again",
    "refused": "refused",
}


def print_version(row: Json) -> None:
    """Print one version."""
    facts: dict[str, object] = {
        "policy": row["id"],
        "version": row["version"],
        "state": _state(row),
        "proposed": f"{to_minute(row['proposed_at'])} by {row['proposed_by']}",
        "reason": row["reason"] or "none given",
    }
    if row["lowers"]:
        facts["lowers oversight"] = _lowering(row)
    if row["alone"]:
        facts["decided by"] = ALONE.get(row["alone"], row["alone"])
    if row["confirmations"]:
        facts["confirmed"] = "; ".join(
            f"{to_minute(one['at'])} by {one['person']}" for one in row["confirmations"]
        )
    if row["state"] == "refused":
        facts["refused"] = f"by {row['ended_by']}: {row['ended_reason']}"
    facts["files"] = ", ".join(row["files"])
    print_facts(facts)
    if row["state"] == "waiting":
        outside = " from another unit" if row["is_outside"] else ""
        note(
            f"{persons(row['second_persons'])}{outside} must confirm it:"
            f" `ombud policy confirm {row['id']}`"
        )


def _lowering(row: Json) -> str:
    """Return what of a version lowers oversight: a first policy has hundreds of such rights."""
    shown, more = row["lowers"][:LOWERS_MAX], len(row["lowers"]) - LOWERS_MAX
    return "; ".join([*shown, *([f"and {more:,} more: `--json` lists them"] if more > 0 else [])])


def _state(row: Json) -> str:
    if row["state"] == "applied":
        return f"put in force {to_minute(row['ended_at'] or row['proposed_at'])}"
    return STATES.get(row["state"], str(row["state"]))


def print_versions(rows: list[Json]) -> None:
    """Print versions, one a line."""
    print_table(
        ["policy", "state", "at", "by", "confirmed by", "lowers oversight", "reason"],
        [
            [
                row["id"],
                row["state"],
                to_minute(row["ended_at"] or row["proposed_at"]),
                row["proposed_by"],
                ", ".join(one["person"] for one in row["confirmations"]) or row["alone"],
                _lowering(row),
                row["reason"],
            ]
            for row in rows
        ],
    )


def print_standing(answer: Json) -> None:
    """Print which policy is in force, and who may change it."""
    if answer["in_force"] is None:
        print_line("no policy is in force: `ombud policy apply FOLDER` applies one")
    else:
        print_version(answer["in_force"])
    facts: dict[str, object] = {
        "changes": answer["second_person"]["says"],
        "waiting": answer["waiting"],
    }
    if answer["configured"]:
        facts["of settings"] = answer["configured"]
    if answer["fault"]:
        facts["fault"] = answer["fault"]
    print_facts(facts)


def print_plan(diff: Json, *, everything: bool = False) -> None:
    """Print what a policy would change in what is in force, and who must agree."""
    if diff["is_same"]:
        print_line("this policy is in force already")
        return
    before = diff["compared_with"]
    than = f"the policy in force, that of event {before}" if before else "none: it is the first"
    print_line(f"compared with {than}")
    print_difference(diff, everything=everything)
    print_needed(diff)


def print_simulation(answer: Json) -> None:
    """Print whom a policy would have denied what."""
    print_line(answer["says"])
    print_line(f"beyond what the policy in force denies: {answer['says_newly']}")
    more = answer["newly_permitted"]["acts"]
    if more:
        print_line(f"and would permit {more:,} acts that the policy in force denies")
    print_facts(
        {
            "acts": answer["acts"],
            "permitted": answer["proposed"]["permitted"],
            "stopped at a checkpoint": answer["proposed"]["stopped"],
            "denied": answer["proposed"]["denied"],
            "not replayed": [f"{count:,} {why}" for why, count in answer["skipped"].items()],
        }
    )
    name = "newly denied" if answer["newly_denied"]["acts"] else "denied"
    groups = answer[name.replace(" ", "_")]
    for kind in ("person", "machine", "workflow", "dataset", "reason"):
        rows = groups[f"by_{kind}"]
        if rows:
            _print_groups(f"{name}, by {kind}", kind, rows, groups[f"{kind}_count"])


def _print_groups(title: str, kind: str, rows: list[Json], count: int) -> None:
    has_runs = kind == "workflow"
    print_table(
        [kind, "acts", *(["runs"] if has_runs else []), "last", "event", "reasons"],
        [
            [
                row[kind],
                f"{row['acts']:,}",
                *([row["runs"]] if has_runs else []),
                to_minute(row["last_at"]),
                row["events"][0],
                ", ".join(row["reasons"]),
            ]
            for row in rows[:ROWS_MAX]
        ],
        title=title,
    )
    if count > ROWS_MAX:
        note(f"and {count - ROWS_MAX} more; `--json` lists up to 1,000")
