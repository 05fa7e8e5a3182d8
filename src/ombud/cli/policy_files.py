"""Policy files: `policy check` and `policy diff`, which read folders and ask no home."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ombud.access.difference import diff_policies
from ombud.cli.options import JsonOption
from ombud.cli.output import note, print_json, print_line
from ombud.cli.policy_difference import print_difference
from ombud.config.policy_files import load_policy, read_policy, read_policy_folder

FolderArgument = Annotated[Path, typer.Argument(help="Folder of policy files.")]
OldArgument = Annotated[Path, typer.Argument(help="Folder of the policy as it was.")]
NewArgument = Annotated[Path, typer.Argument(help="Folder of the policy as it is to be.")]
AllOption = Annotated[
    bool, typer.Option("--all", help="List every change, not the first of each kind alone.")
]


def check(folder: FolderArgument, json: JsonOption = False) -> None:
    """Check that the files in FOLDER are a policy; exit status 1 if they are not.

    Every fault of every file is named on standard error with file, line and key.
    """
    policy, faults = read_policy(read_policy_folder(folder))
    counts = {
        "purposes": len(policy.purposes),
        "datasets": len(policy.datasets),
        "prohibitions": len(policy.prohibitions),
        "checkpoints": len(policy.checkpoints),
    }
    if json:
        print_json({"folder": str(folder), **counts, "faults": [one.to_dict() for one in faults]})
    else:
        for fault in faults:
            note(str(fault))
        said = ", ".join(f"{count} {name}" for name, count in counts.items())
        found = f"{len(faults)} faults" if faults else "no fault"
        print_line(f"{folder}: {said}; {found}")
    if faults:
        raise typer.Exit(1)


def diff(
    old: OldArgument,
    new: NewArgument,
    everything: AllOption = False,
    json: JsonOption = False,
) -> None:
    """Tell who gains and who loses what from the policy in OLD to that in NEW.

    `!` lowers oversight and would need a second person, `~` is any other change of a
    rule, `+` is gained, `-` is lost.  Who holds a grant now is known to a home only:
    `ombud policy plan` asks it.
    """
    found = diff_policies(load_policy(old), load_policy(new)).to_dict()
    if json:
        print_json(found)
    else:
        print_difference(found, everything=everything)
