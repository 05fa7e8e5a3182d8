"""Act tables: operations to the closed vocabulary, unknown ones told apart."""

from __future__ import annotations

import pytest

from ombud.collect.act_table import Act, ActTable, classify
from ombud.core.ocsf_table import ACCOUNT_CHANGE, API_ACTIVITY, DATASTORE

TABLE = ActTable(
    (
        ("delete", "repo.destroy *.drop*"),
        ("authenticate", "user.log*"),
        ("other", "noise.*"),
        ("configure", "*.create* *.destroy"),
    ),
    class_uid=DATASTORE,
    classes=((ACCOUNT_CHANGE, 1, "user.create"), (ACCOUNT_CHANGE, None, "user.destroy")),
)


@pytest.mark.parametrize(
    ("operation", "action", "is_known"),
    [
        pytest.param("repo.destroy", "delete", True, id="whole name before pattern"),
        pytest.param("REPO.Destroy", "delete", True, id="case"),
        pytest.param("hook.destroy", "configure", True, id="pattern"),
        pytest.param("table.drop_create", "delete", True, id="first pattern"),
        pytest.param("noise.x", "other", True, id="known to be nobody's act"),
        pytest.param("repo.levitate", "other", False, id="unknown"),
        pytest.param(None, "other", False, id="none"),
        pytest.param("x.create" + "y" * 1000, "other", False, id="too long for a name"),
        pytest.param("[a-z", "other", False, id="pattern as name"),
    ],
)
def test_find(operation: str | None, action: str, is_known: bool) -> None:
    """Each operation has its action, asked once or twice."""
    for _ in range(2):
        act = TABLE.find(operation)
        assert (act.action, act.is_known) == (action, is_known)


def test_classes() -> None:
    """A class may be stated with or without its activity; sign-ins have their own."""
    assert TABLE.find("user.create") == Act("configure", ACCOUNT_CHANGE, 1)
    assert TABLE.find("user.destroy") == Act("configure", ACCOUNT_CHANGE, 1)
    assert TABLE.find("user.login")[1:3] == (3002, 1)
    assert TABLE.find("user.logout")[1:3] == (3002, 2)
    assert TABLE.find("repo.destroy")[1:3] == (DATASTORE, 7)


@pytest.mark.parametrize(
    ("action", "found"),
    [("grant", (3005, 1)), ("revoke", (3005, 2)), ("authenticate", (3002, 1)), ("read", (6003, 2))],
)
def test_classify(action: str, found: tuple[int, int]) -> None:
    """Grants and sign-ins leave the class of their source."""
    assert classify(action, API_ACTIVITY)[1:] == found


def test_many_names_are_forgotten() -> None:
    """A log of ever new operations costs no memory without end."""
    table = ActTable((("read", "a.*"),))
    assert {table.find(f"a.{n}").action for n in range(9000)} == {"read"}


def test_a_row_of_no_action() -> None:
    """A row that names no action of the vocabulary is found when the table is built."""
    with pytest.raises(ValueError, match="peek"):
        ActTable((("peek", "a"),))
