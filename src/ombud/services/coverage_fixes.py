"""Fixes: what would raise coverage, the one with the greatest effect first.  Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ombud.attribution.declarations import (
    PERSON_UNKNOWN,
    SUBJECT_UNKNOWN,
    Declarations,
    PersonPattern,
    PersonPlace,
)
from ombud.attribution.shared_accounts import Activity, find_shared
from ombud.store.coverage import Counted, Row

PERSON, SUBJECT = "person", "subject"
_ALL = ""  # Stands for every system, while the directory knows nobody.
ACCOUNTS_NAMED = 3  # In one sentence.
# What to do about a reason for which no data subject is known; by the word behind the colon.
SUBJECT_FIXES: Mapping[str, str] = {
    "parameters_not_logged": "set `pgaudit.log_parameter = on` and reload",
    "statement_not_logged": "set `pgaudit.log_statement = on` and"
    " `pgaudit.log_statement_once = off`, and reload",
    "function": "declare which parameters of the function name a data subject, under `functions`",
    "indirect": "declare the function that reads them, under `functions`",
    "no_comparison": "statements that read many at once and compare no declared column; declare"
    " the columns they do compare, such as a number of the case",
    "copy": "whole tables copied out: name the persons in a select, or review each",
    "columns_not_named": "write the columns in `INSERT INTO … (columns)`",
    "subquery": "compare the declared column with a value instead of with another select",
    "too_many": "statements with very many values: ask for fewer persons at once",
    "unparsed": "statements that the parser of PostgreSQL refuses, mostly cut off: set"
    " `pgaudit.log_parameter_max_size = 0`",
}
PERSON_FIXES: Mapping[str, str] = {
    "misc_not_logged": "add `misc_set` to `pgaudit.log` and reload, so that SET is seen",
    "session_start_not_seen": "record the log from the start of its sessions: `ombud ingest`"
    " with the older files",
}


@dataclass(frozen=True, slots=True)
class Fix:
    """One thing to do: of which figure it raises how many events, and by how many points."""

    of: str
    events: int
    gain_percent: float
    what: str

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return {
            "of": self.of,
            "events": self.events,
            "gain_percent": self.gain_percent,
            "what": self.what,
        }


def percent(part: int, whole: int) -> float | None:
    """Return a share in percent to one decimal; None of nothing."""
    return round(100 * part / whole, 1) if whole else None


def find_fixes(counted: Counted, declarations: Declarations) -> list[Fix]:
    """Return what would raise the figures, by effect."""
    acted = sum(row["acted"] for row in counted.sources)
    about = sum(row["subject_known"] + row["subject_unknown"] for row in counted.sources)
    is_known = any(row["person_known"] for row in counted.sources)
    found = [*_person_fixes(counted.accounts, declarations, acted, is_known=is_known)]
    found += _flag_fixes(SUBJECT, SUBJECT_UNKNOWN, counted.reasons, about, SUBJECT_FIXES)
    told = [row for row in counted.reasons if _word(row) in PERSON_FIXES]
    found += _flag_fixes(PERSON, PERSON_UNKNOWN, told, acted, PERSON_FIXES)
    found = [fix for fix in found if fix.gain_percent]
    return sorted(found, key=lambda fix: (-fix.gain_percent, fix.of, fix.what))


def _person_fixes(
    accounts: Sequence[Row], declarations: Declarations, acted: int, *, is_known: bool
) -> list[Fix]:
    """Return fixes by account and system; one for all while the directory knows nobody."""
    fixes = []
    others: dict[str, list[Row]] = defaultdict(list)
    for row in accounts:
        what = _for_account(row, declarations)
        if what is None:
            system = row["system"] or row["source"]
            others[system if is_known else _ALL].append(row)
        else:
            fixes.append(_fix(PERSON, row["events"], acted, what))
    for system, rows in others.items():
        names = list(dict.fromkeys(row["account"] for row in rows))
        named = ", ".join(f"`{name}`" for name in names[:ACCOUNTS_NAMED])
        more = f" and {len(names) - ACCOUNTS_NAMED} more" if len(names) > ACCOUNTS_NAMED else ""
        count = "1 account" if len(names) == 1 else f"{len(names)} accounts"
        what = (f"{count} of {system} in no directory ({named}{more}):"
                " add them with `ombud directory load`")  # fmt: skip
        if system == _ALL:
            what = (f"the directory knows nobody behind {count} ({named}{more}):"
                    " say whose they are with `ombud directory load`")  # fmt: skip
        fixes.append(_fix(PERSON, sum(row["events"] for row in rows), acted, what))
    return fixes


def _for_account(row: Row, declarations: Declarations) -> str | None:
    """Return what to do about an account that several people share, None for another one."""
    declared = declarations.get(row["system"])
    account = row["account"]
    patterns = declared.persons if declared is not None else ()
    mine = [one for one in patterns if account in one.actors]
    if mine or (declared is not None and account in declared.shared_accounts):
        return f"{_naming(mine[:1])} to the connections of `{account}` on {row['system']}"
    shared = find_shared([
        Activity(
            account,
            frozenset(map(str, range(row["addresses"]))),
            frozenset({row["program"] or ""} | set(map(str, range(1, row["programs"])))),
        )
    ])  # fmt: skip
    if not shared:
        return None
    why = ", ".join(shared[0].reasons)
    return (
        f"`{account}` on {row['system']} seems to be shared ({why}): declare it under"
        " `shared_accounts`, and have it name the person; `ombud connect` proposes both"
    )


def _naming(patterns: Sequence[PersonPattern]) -> str:
    if not patterns or patterns[0].place is PersonPlace.APPLICATION_NAME:
        return "add `application_name=user={login}`"
    if patterns[0].place is PersonPlace.COMMENT:
        return f"add the comment `/*{patterns[0].key}='{{login}}'*/`"
    return f"add `SET {patterns[0].key} = '{{login}}'`"


def _word(row: Row) -> str:
    return str(row["reason"]).partition(":")[2]


def _flag_fixes(
    of: str, prefix: str, reasons: Sequence[Row], whole: int, known: Mapping[str, str]
) -> list[Fix]:
    """Return what to do about each reason that flags of this kind give, by system."""
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for row in reasons:
        if row["reason"].startswith(prefix):
            counts[_word(row), row["system"] or row["source"]] += row["events"]
    return [
        _fix(of, events, whole, f"{system}: {known.get(word) or _look_at(prefix + word)}")
        for (word, system), events in counts.items()
    ]


def _look_at(flag: str) -> str:
    word = flag.partition(":")[2].replace("_", " ")
    return f"not known because of `{word}`: `ombud search 'flags:\"{flag}\"'` shows where"


def _fix(of: str, events: int, whole: int, what: str) -> Fix:
    return Fix(of, events, percent(events, whole) or 0.0, what)
