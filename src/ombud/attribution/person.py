"""Person: for whom a shared account acts, from its application name, a comment or a variable."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import re2  # type: ignore[import-untyped]

from ombud.attribution.declarations import PersonPattern, PersonPlace, SystemDeclaration
from ombud.attribution.literals import Cut, split_comments
from ombud.attribution.plan import Plan, Setting, Take, read
from ombud.attribution.predicates import value_of
from ombud.attribution.session import Session, Unknown, proves_misc
from ombud.attribution.statement import Unparsed, named, parse

SHARED_ACCOUNT = "shared_account"
PERSON_LENGTH_MAX = 256  # Characters of an account's name: PostgreSQL's own have 63.
APPLICATION_NAME_MAX = 63  # Bytes that the server keeps of one (NAMEDATALEN - 1).
NAMES_MAX = 4_096  # Application names whose person is remembered.
SESSIONS_MAX = 10_000  # Sessions whose variables are known; the oldest is forgotten first.

# The plain forms; any other is left to the parser.
_SET = re.compile(
    r"""\s*+set\s++(?:(local|session)\s++)?([a-z_][\w.]*+)(?:\s*+=|\s++to(?=[\s']))\s*+"""
    r"""'([^'\\]*+)'\s*+;?+\s*+""",
    re.IGNORECASE | re.ASCII,
)
_SETS = frozenset({"SET", "RESET"})
_ESCAPED = re.compile(r"%([0-9A-Fa-f]{2})")
# One key and its value in a comment, or a text in quotes that belongs to none: what stands in
# quotes is never taken for a key.
_PAIR = re.compile(
    r"""([^\s,=:'*/]++)\s*+[=:]\s*+(?:'((?:[^'\\]|\\.)*+)'|([^\s,'*/]++))|'(?:[^'\\]|\\.)*+'""",
    re.DOTALL,
)


class Line(NamedTuple):
    """What one line of a session says, as far as it matters for persons.

    Empty text where the source does not know; `transaction` is the virtual one.
    """

    actor: str = ""
    application: str = ""
    session: str = ""
    transaction: str = ""
    text: str | None = None
    command: str = ""
    audit_class: str = ""
    is_last: bool = False
    is_failure: bool = False


class Person(NamedTuple):
    """The person's account, or the reason why a shared account has none."""

    account: str | None = None
    reason: str | None = None


NOBODY = Person()
_SHARED = Person(None, SHARED_ACCOUNT)


@dataclass(slots=True)
class SessionStates:
    """What is known of the sessions of one source: each source being read has its own."""

    sessions: dict[str, Session] = field(default_factory=dict)
    with_misc: set[str] = field(default_factory=set)  # Accounts whose `misc` is logged.

    def begin(self, name: str, *, is_new: bool = True) -> Session:
        """Return the state of a session that is seen for the first time; `is_new`: it began."""
        if len(self.sessions) >= SESSIONS_MAX:
            self.sessions.pop(next(iter(self.sessions)), None)
        session = self.sessions[name] = Session(is_new=is_new)
        return session


class _Way:
    """One declared way, compiled."""

    def __init__(self, pattern: PersonPattern) -> None:
        self.place = pattern.place
        self.key = (pattern.key or "").lower()
        self.actors = frozenset(pattern.actors)
        self._search: Any = re2.compile(pattern.pattern).search if pattern.pattern else None
        self._known: dict[str, str | Unknown | None] = {}
        self.comment_key = pattern.key or ""

    def remembered(self, text: str) -> str | Unknown | None:
        """Return the account in an application's name, which comes again and again."""
        try:
            return self._known[text]
        except KeyError:
            if len(self._known) >= NAMES_MAX:
                self._known = {}
            account: str | Unknown | None = self.account(text)
            if isinstance(account, str) and "?" in account:  # What the server writes for others.
                account = Unknown.LETTERS
            # The server cuts names off: what ends with the name may have gone on.
            is_cut = len(text.encode()) >= APPLICATION_NAME_MAX
            if is_cut and isinstance(account, str) and text.rstrip().endswith(account):
                account = Unknown.CUT
            self._known[text] = account
            return account

    def account(self, text: str) -> str | None:
        """Return the account in a text; None when there is none or it cannot be one."""
        if self._search is not None:
            match = self._search(text[:PERSON_LENGTH_MAX])
            text = (match.group("person") or "") if match is not None else ""
        text = text.strip()
        return text if text.isprintable() and 0 < len(text) <= PERSON_LENGTH_MAX else None


class Persons:
    """Finds the persons of one system's shared accounts."""

    def __init__(self, declaration: SystemDeclaration) -> None:
        self._ways = [_Way(pattern) for pattern in declaration.persons]
        named_actors = {actor for way in self._ways for actor in way.actors}
        self._shared = declaration.shared_accounts | named_actors
        self._everybody = any(not way.actors for way in self._ways)
        self.variables = frozenset(
            way.key for way in self._ways if way.place is PersonPlace.SESSION_VARIABLE
        )
        self._by_actor: dict[str, list[_Way]] = {}

    def find(
        self,
        line: Line,
        states: SessionStates,
        plan: Plan | None = None,
        pieces: Cut | None = None,
        parameters: list[str] | None = None,
    ) -> Person:
        """Return for whom a line's account acted; `plan` is that of its statement."""
        if self.variables and line.session:
            self._follow(line, states, plan, pieces, parameters)
            person = self._find(line, states)
            if line.is_last:
                states.sessions.pop(line.session, None)
            return person
        return self._find(line, states)

    def _find(self, line: Line, states: SessionStates) -> Person:
        actor = line.actor
        if not actor or not (self._everybody or actor in self._shared):
            return NOBODY
        ways = self._by_actor.get(actor)
        if ways is None:
            ways = [way for way in self._ways if not way.actors or actor in way.actors]
            if len(self._by_actor) < NAMES_MAX:
                self._by_actor[actor] = ways
        reason = SHARED_ACCOUNT
        for way in ways:
            found = self._one(way, line, states)
            if isinstance(found, str):
                return Person(found)
            if found is not None and reason == SHARED_ACCOUNT:
                reason = found.value
        if actor not in self._shared:
            return NOBODY
        return _SHARED if reason == SHARED_ACCOUNT else Person(None, reason)

    def _one(self, way: _Way, line: Line, states: SessionStates) -> str | Unknown | None:
        if way.place is PersonPlace.APPLICATION_NAME:
            return way.remembered(line.application) if line.application else None
        if way.place is PersonPlace.COMMENT:
            return _from_comment(way, line.text)
        session = states.sessions.get(line.session)
        if session is None:
            return Unknown.START
        value = session.value(way.key, has_misc=line.actor in states.with_misc)
        return way.account(value) if isinstance(value, str) else value

    def _follow(
        self,
        line: Line,
        states: SessionStates,
        plan: Plan | None,
        pieces: Cut | None,
        parameters: list[str] | None,
    ) -> None:
        """Let the session's variables be what they are once this line was carried out."""
        session = states.sessions.get(line.session)
        if session is None:
            session = states.begin(line.session, is_new=False)
        session.reach(line.transaction)
        if proves_misc(line.audit_class, line.command):
            states.with_misc.add(line.actor)
        if line.is_failure:
            session.fail()
        elif line.command in _SETS:
            self._set(line.text, session)
        elif line.audit_class == "MISC":
            session.command(line.command, line.text or "")
        elif plan is not None and plan.settings:
            for setting in plan.settings:
                self._configure(session, setting, plan, pieces, parameters)

    def _configure(
        self,
        session: Session,
        setting: Setting,
        plan: Plan,
        pieces: Cut | None,
        parameters: list[str] | None,
    ) -> None:
        """Note a call of `set_config`; what cannot be read makes the variable unknown."""
        name = _read(setting.name, pieces, parameters)
        value = _read(setting.value, pieces, parameters)
        is_known = name is not None and value is not None and plan.is_ordered
        known = value if is_known else Unknown.VALUE
        for key in self.variables if name is None else self.variables & {name.lower()}:
            if setting.is_local is None:  # Then it must not outlive its transaction.
                session.set(key, Unknown.VALUE, is_local=False)
            session.set(key, known, is_local=setting.is_local is not False)

    def _set(self, text: str | None, session: Session) -> None:
        """Note what a SET or RESET says."""
        match = _SET.fullmatch(text) if text is not None else None
        if match is not None:
            name = match[2].lower()
            if name in self.variables:
                is_local = (match[1] or "").lower() == "local"
                session.set(name, match[3], is_local=is_local)
            return
        try:
            statements = parse(text or "")[0]
        except Unparsed:
            statements = []
        changes = [node["VariableSetStmt"] for node in statements if "VariableSetStmt" in node]
        if not changes:
            session_values = dict.fromkeys(self.variables, Unknown.VALUE)
            for name, unknown in session_values.items():
                session.set(name, unknown, is_local=False)
            return
        seen: set[str] = set()
        for change in changes:
            name = change.get("name", "").lower()
            if change.get("kind") == "VAR_RESET_ALL":
                session.reset(self.variables)
            elif name in self.variables:
                value = _assigned(change) if name not in seen else Unknown.VALUE
                session.set(name, value, is_local=bool(change.get("is_local")))
            seen.add(name)


def _assigned(change: dict[str, Any]) -> str | Unknown | None:
    """Return what a parsed SET assigns; several values are none that names a person."""
    if change.get("kind") != "VAR_SET_VALUE":
        return None
    arguments = change.get("args", ())
    value = value_of(arguments[0]) if len(arguments) == 1 else None
    text = named(value) if value is not None else None
    return text if text is not None else Unknown.VALUE


def _read(take: Take | None, pieces: Cut | None, parameters: list[str] | None) -> str | None:
    return read(take, pieces, parameters) if take is not None else None


def _from_comment(way: _Way, text: str | None) -> str | Unknown | None:
    """Return the account under a key of the comments at a statement's end and beginning.

    Where they name several, one of them was not written by the application.
    """
    if text is None or "*/" not in text:
        return None
    _, leading, trailing = split_comments(text)
    found: set[str] = set()
    for comment in (trailing, leading):
        if way.comment_key in comment:
            found.update(_values(way.comment_key, comment))
    if len(found) > 1:
        return Unknown.SEVERAL
    return way.account(found.pop()) if found else None


def _values(key: str, comment: str) -> Iterator[str]:
    """Yield the values that a comment gives to a key."""
    for match in _PAIR.finditer(comment):
        if match[1] == key:
            value = match[2] if match[2] is not None else match[3]
            yield _decoded(value.replace("\\'", "'"))


def _decoded(value: str) -> str:
    """Return a value without its URL encoding; one that is not UTF-8 stays as it is."""
    if "%" not in value:
        return value
    encoded = _ESCAPED.sub(lambda match: chr(int(match[1], 16)), value)
    try:
        return encoded.encode("latin-1").decode()
    except UnicodeError:
        return value
