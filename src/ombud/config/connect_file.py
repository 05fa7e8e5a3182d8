"""Proposal file: what `ombud connect` proposes, as an attribution file to be edited by hand.

It is an attribution file whose comments give the reasons, so that what is left
after editing can be confirmed as it stands.  Nothing in it is in force.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence

import yaml

from ombud.attribution.declarations import Declarations, PersonPattern, SystemDeclaration
from ombud.attribution.proposal import Proposal
from ombud.attribution.shared_accounts import SharedAccount

FILE_NAME = "attribution.proposed.yaml"
_SEAL = re.compile(r"^# as proposed: ([0-9a-f]{64})$", re.MULTILINE)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")


def render_proposed(
    system: str,
    proposals: Sequence[Proposal],
    shared: Sequence[SharedAccount],
    *,
    search_path: Sequence[str],
) -> str:
    """Return the text of a proposal file."""
    lines = ["systems:", f"  {_scalar(system)}:",
             f"    search_path: [{', '.join(map(_scalar, search_path))}]"]  # fmt: skip
    by_dataset: dict[str, list[Proposal]] = defaultdict(list)
    for proposal in proposals:
        by_dataset[proposal.dataset].append(proposal)
    if by_dataset:
        lines.append("    subjects:")
    for dataset, columns in sorted(by_dataset.items()):
        lines.append(f"      {_scalar(dataset)}:")
        for one in columns:
            why = _comment(f"{one.confidence:.2f}: {'; '.join(one.reasons)}")
            lines.append(f"        {_scalar(one.column)}: {_scalar(one.kind)}  # {why}")
    if shared:
        lines.append("    shared_accounts:")
        for account in shared:
            why = _comment(f"{account.confidence:.2f}: {', '.join(account.reasons)}")
            lines.append(f"      - {_scalar(account.account)}  # {why}")
        lines.append("    persons:")
        lines += [
            f"      - {{from: application_name, pattern: {_scalar(one.pattern.pattern or '')},"
            f" actors: [{_scalar(one.account)}]}}"
            for one in shared
        ]
    body = "\n".join(lines) + "\n"
    head = (
        f"# Proposed by `ombud connect` for {_comment(system)}; nothing of it is in force.\n"
        "# Delete what is wrong, then run the same command with `--confirm proposed`.\n"
    )
    return f"{head}# as proposed: {_digest(body)}\n{body}"


def is_edited(text: str) -> bool:
    """Whether a proposal file is not as it was written."""
    seal = _SEAL.search(text)
    return seal is None or seal[1] != _digest(text[seal.end() + 1 :])


def merged(declarations: Declarations, more: SystemDeclaration) -> Declarations:
    """Return the declarations with those of one system added; what stands there stays."""
    before = declarations.get(more.system)
    if before is None:
        return {**declarations, more.system: more}
    subjects = {dataset: dict(columns) for dataset, columns in before.subjects.items()}
    for dataset, columns in more.subjects.items():
        subjects[dataset] = {**columns, **subjects.get(dataset, {})}
    added = SystemDeclaration(
        system=more.system,
        subjects=subjects,
        functions={**more.functions, **before.functions},
        search_path=before.search_path,
        persons=_all_patterns(before.persons, more.persons),
        shared_accounts=before.shared_accounts | more.shared_accounts,
    )
    return {**declarations, more.system: added}


def _all_patterns(
    before: Sequence[PersonPattern], more: Sequence[PersonPattern]
) -> tuple[PersonPattern, ...]:
    """Add patterns, but no second one for an account that has one."""
    served = {actor for one in before for actor in one.actors}
    return (*before, *(one for one in more if one not in before and not served & {*one.actors}))


def declared_subjects(proposals: Sequence[Proposal]) -> Mapping[str, Mapping[str, str]]:
    """Return what is proposed as it is declared."""
    subjects: dict[str, dict[str, str]] = defaultdict(dict)
    for one in proposals:
        subjects[one.dataset][one.column] = one.kind
    return dict(subjects)


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def _comment(text: str) -> str:
    return " ".join(text.split())


def _scalar(text: str) -> str:
    """Return a text as YAML reads it back; what YAML would take for something else is quoted."""
    if _PLAIN.fullmatch(text) and yaml.safe_load(text) == text:
        return text
    return json.dumps(text)
