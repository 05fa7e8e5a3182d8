"""For whom a shared account acts: named by what it sent, never left over from somebody else."""

from __future__ import annotations

from typing import Any

import pytest

from doubles.clinic import CLINIC
from ombud.attribution.attribution import Attribution, SystemAttribution
from ombud.attribution.declarations import PersonPattern, PersonPlace, SystemDeclaration
from ombud.attribution.person import SESSIONS_MAX, Line, SessionStates

ONLY_VARIABLE = SystemDeclaration(
    system="s",
    shared_accounts=frozenset({"clinic_app"}),
    persons=(PersonPattern(PersonPlace.SESSION_VARIABLE, key="App.Person"),),
)


def system(declaration: SystemDeclaration = CLINIC) -> SystemAttribution:
    """Return what is declared, compiled."""
    found = Attribution({"s": declaration}).system("s")
    assert found is not None
    return found


def person(**said: Any) -> tuple[str | None, tuple[str, ...]]:
    """Return person and flags of one line of the shared account."""
    line = Line(**{"actor": "clinic_app", "text": "select 1", **said})
    found = system().attribute(line, SessionStates())
    return (found.on_behalf_of or (None,))[0], found.flags


@pytest.mark.parametrize(
    ("said", "account"),
    [
        ({"application": "clinic; user=jdoe; v=1"}, "jdoe"),
        ({"application": "user= j doe "}, "j doe"),
        ({"text": "select 1 /*user='jdoe'*/"}, "jdoe"),
        ({"text": "select 1 /*app='x',user='j%40doe',trace='00'*/;"}, "j@doe"),
        ({"text": "select 1 /*user='%C3%BC'*/"}, "ü"),
        ({"text": "select 1 /*user='%FF'*/"}, "%FF"),
        ({"text": r"select 1 /*user='o\'neil'*/"}, "o'neil"),
        ({"text": "/*user='jdoe'*/ select 1"}, "jdoe"),
        ({"text": "select 1 /*app:clinic,user:jdoe*/"}, "jdoe"),
        ({"text": "select 1 /* user = jdoe */"}, "jdoe"),
        ({"application": "user=first", "text": "select 1 /*user='second'*/"}, "first"),
    ],
)
def test_names_a_person(said: dict[str, str], account: str) -> None:
    """The first declared way that names somebody does."""
    assert person(**said) == (account, ())


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"application": "psql"},
        {"application": "user=;"},
        {"application": "user= "},
        {"text": "select 1 /*superuser='jdoe'*/"},
        {"text": "select 1 /*user=''*/"},
        {"text": "select '/*user=x*/'"},
        {"text": "select 1 -- user='jdoe'"},
        {"text": "select 1 /*user='" + "x" * 300 + "'*/"},
        {"text": None},
    ],
)
def test_names_nobody(said: dict[str, str]) -> None:
    """A shared account for nobody in particular says so."""
    account, flags = person(**said)

    assert account is None
    assert flags == ("person_unknown:session_start_not_seen",) or "session" not in said
    assert len(flags) == 1


def test_accounts_of_one_person_have_no_flag() -> None:
    """Only declared accounts are shared; a way without actors may name whom others act for."""
    states = SessionStates()

    alone = system().attribute(Line(actor="ana", text="select 1"), states)
    named = system().attribute(Line(actor="ana", text="select 1 /*user='dee'*/"), states)
    bound = system().attribute(Line(actor="ana", application="user=x", text=""), states)

    assert (alone.on_behalf_of, alone.flags) == (None, ())
    assert named.on_behalf_of == ("dee",)
    assert bound.on_behalf_of is None


class Log:
    """Lines of one session of the shared account, in order."""

    def __init__(self, *, is_new: bool = True) -> None:
        self.system = system(ONLY_VARIABLE)
        self.states = SessionStates()
        self.number = 0
        self.transaction = "3/1"
        if is_new:
            self.states.begin("s1")

    def say(
        self, text: str, command: str = "SELECT", audit_class: str = "READ", **said: Any
    ) -> str:
        """Return the person of a line, or the reason why there is none."""
        parameters = said.pop("parameters", None)
        line = Line(
            actor="clinic_app", session="s1", transaction=self.transaction, text=text,
            command=command, audit_class=audit_class, **said,
        )  # fmt: skip
        found = self.system.attribute(line, self.states, parameters=parameters)
        if found.on_behalf_of:
            return found.on_behalf_of[0]
        return found.flags[0].removeprefix("person_unknown:")

    def misc(self, text: str, **said: Any) -> str:
        """Say a line of the class `misc`; its command is in its text."""
        words = text.upper().replace(";", "").split()
        command = " ".join(words[:2]) if words[0] == "DISCARD" else words[0]
        return self.say(text, command, "MISC", **said)

    def next(self) -> None:
        """Begin another transaction."""
        self.number += 1
        self.transaction = f"3/{self.number + 1}"


def test_variable_of_the_session() -> None:
    """A value set for the session holds until it is reset, once the end of transactions is seen."""
    log = Log()
    assert log.say("select 1") == "shared_account"
    assert log.misc("set app.person = 'jdoe'") == "jdoe"
    log.next()
    assert log.say("select 1") == "misc_not_logged"
    assert log.misc("begin") == "jdoe"
    assert log.misc("commit") == "jdoe"
    log.next()
    assert log.say("select 1") == "jdoe"
    assert log.misc("SET SESSION APP.PERSON TO 'ben'") == "ben"
    log.next()
    assert log.say("select 1") == "ben"
    assert log.misc("reset app.person") == "shared_account"
    log.next()
    assert log.say("select 1") == "shared_account"


@pytest.mark.parametrize(
    ("text", "parameters", "account"),
    [
        ("select set_config('app.person', 'jdoe', false)", None, "jdoe"),
        ("select set_config('app.person', $1, false)", "jdoe", "jdoe"),
        ("select set_config($1, $2, false)", "app.person,jdoe", "jdoe"),
        ("select pg_catalog.set_config('App.Person', 'j''d', false)", None, "j'd"),
        ("select set_config('app.person', $1, false)", None, "session_variable_not_read"),
        ("select set_config('app.person', name, false) from t", None, "session_variable_not_read"),
        ("select set_config(x, 'a', false) from t", None, "session_variable_not_read"),
        ("select set_config('app.other', 'a', false)", None, "shared_account"),
        ("select 1; select set_config('app.person', 'a', false)", None,
         "session_variable_not_read"),
        ("select set_config('app.person', 'jdoe', false); select 1", None, "jdoe"),
    ],
)  # fmt: skip
def test_set_config(text: str, parameters: str | None, account: str) -> None:
    """`set_config` sets what SET does; what it sets must be read, else it is unknown."""
    log = Log()
    assert log.say(text, parameters=parameters) == account
    log.misc("begin")
    assert log.say("select 1") == account


@pytest.mark.parametrize(
    ("text", "account"),
    [
        ("set app.person = jdoe", "jdoe"),
        ("set app.person to E'j\\'d'", "j'd"),
        ("set app.person = 'a', 'b'", "session_variable_not_read"),
        ("set app.person = 'a'; set app.person = 'b'", "session_variable_not_read"),
        ("set app.person = 'a'; select 1", "a"),
        ("set app.person to default", "shared_account"),
        ("reset all", "shared_account"),
        ("set app.other = 'x'", "before"),
        ("set app.person = 'trunc", "session_variable_not_read"),
        ("set time zone 'utc'", "before"),
    ],
)
def test_forms_of_set(text: str, account: str) -> None:
    """Every form of SET is understood, or makes the variable unknown."""
    log = Log()
    log.misc("set app.person = 'before'")
    assert log.misc(text) == account


@pytest.mark.parametrize(
    "text", ["set local app.person = 'jdoe'", "select set_config('app.person', 'jdoe', true)"]
)
def test_variable_of_a_transaction(text: str) -> None:
    """A local value ends with its transaction, whether or not the end is logged."""
    log = Log()
    log.misc("begin")
    command = "SET" if text.startswith("set") else "SELECT"
    assert log.say(text, command, "MISC" if command == "SET" else "READ") == "jdoe"
    assert log.say("select 1") == "jdoe"
    log.next()
    assert log.say("select 1") == "shared_account"


def test_nothing_local_outlives_the_transaction() -> None:
    """A line outside any transaction, such as the end of a session, is nobody's."""
    log = Log()
    log.misc("begin")
    log.misc("set local app.person = 'jdoe'")
    log.transaction = ""
    assert log.say("bye", is_last=True) == "shared_account"


def test_an_application_name_that_was_cut() -> None:
    """The server keeps 63 bytes: a name that reaches the end may be another's beginning."""
    long = "clinic; user=" + "x" * 50

    assert person(application=long) == (None, ("person_unknown:application_name_cut",))
    assert person(application=long[:-1]) == ("x" * 49, ())
    assert person(application="clinic; user=jdoe;" + "y" * 45) == ("jdoe", ())


def in_block(log: Log, end: str) -> str:
    """Set the variable within a transaction, end it, and return the person afterwards."""
    log.misc("begin")
    log.misc("set app.person = 'jdoe'")
    if end:
        log.misc(end)
    log.next()
    return log.say("select 1")


def test_end_of_the_transaction_decides() -> None:
    """A rolled back value is none; without the end nobody knows; a failed one does not commit."""
    assert in_block(Log(), "commit") == "jdoe"
    assert in_block(Log(), "rollback") == "shared_account"
    assert in_block(Log(), "") == "transaction_end_not_seen"
    assert in_block(Log(), "rollback to a") == "transaction_end_not_seen"
    log = Log()
    log.misc("begin")
    log.misc("set app.person = 'jdoe'")
    log.say("select nothing", "", "", is_failure=True)
    log.misc("commit")
    log.next()
    assert log.say("select 1") == "shared_account"


def test_a_pooled_connection_keeps_nobody() -> None:
    """After DISCARD ALL the next client of the connection is not the last one."""
    log = Log(is_new=False)
    assert log.say("select 1") == "session_start_not_seen"
    assert log.misc("set app.person = 'jdoe'") == "jdoe"
    log.next()
    log.misc("discard all")
    assert log.say("select 1") == "shared_account"
    log.next()
    assert log.say("select 1") == "shared_account"


def test_sessions_are_apart_and_bounded() -> None:
    """Each session has its own value; a forgotten or ended one has none."""
    log = Log()
    log.misc("set app.person = 'jdoe'")
    assert log.say("bye", is_last=True) == "jdoe"
    assert log.say("select 1") == "session_start_not_seen"
    for number in range(SESSIONS_MAX + 5):
        log.states.begin(f"x{number}")
    assert len(log.states.sessions) == SESSIONS_MAX
