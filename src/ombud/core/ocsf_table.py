"""OCSF table: our actions beside the classes and activities of OCSF 1.8.

Written from the schema of version 1.8.0 (events/application, events/iam,
events/findings).  `class_uid` is category times 1000 plus class; `type_uid` is
`class_uid` times 100 plus activity.
"""

from __future__ import annotations

from ombud.core.event import Action

BASE_EVENT = 0
DETECTION_FINDING = 2004
ACCOUNT_CHANGE = 3001
AUTHENTICATION = 3002
AUTHORIZE_SESSION = 3003
ENTITY_MANAGEMENT = 3004
USER_ACCESS = 3005
GROUP_MANAGEMENT = 3006
WEB_RESOURCES = 6001
API_ACTIVITY = 6003
DATASTORE = 6005
FILE_HOSTING = 6006

CLASS_MAX = 65_535  # A leaf holds the class in two bytes.
ACTIVITY_UNKNOWN = 0
ACTIVITY_OTHER = 99

# What an act is written as when its source states no class of its own.
CLASS_OF_ACTION: dict[str, tuple[int, int]] = {
    Action.AUTHENTICATE: (AUTHENTICATION, 1),
    Action.SEARCH: (DATASTORE, 4),
    Action.READ: (DATASTORE, 1),
    Action.EXPORT: (WEB_RESOURCES, 7),
    Action.WRITE: (DATASTORE, 5),
    Action.DELETE: (DATASTORE, 7),
    Action.SHARE: (WEB_RESOURCES, 8),
    Action.GRANT: (USER_ACCESS, 1),
    Action.REVOKE: (USER_ACCESS, 2),
    Action.APPROVE: (ENTITY_MANAGEMENT, 3),
    Action.JUSTIFY: (ENTITY_MANAGEMENT, 1),
    Action.REVEAL: (DATASTORE, 1),
    Action.CONFIGURE: (API_ACTIVITY, 3),
    Action.EXECUTE: (API_ACTIVITY, ACTIVITY_OTHER),
    Action.TICK: (BASE_EVENT, ACTIVITY_OTHER),
    Action.OTHER: (API_ACTIVITY, ACTIVITY_OTHER),
}

# The activity of an act within a class that its source does state.
ACTIVITY_OF_ACTION: dict[int, dict[str, int]] = {
    API_ACTIVITY: {
        Action.READ: 2, Action.SEARCH: 2, Action.REVEAL: 2, Action.EXPORT: 2,
        Action.WRITE: 3, Action.CONFIGURE: 3, Action.GRANT: 3, Action.REVOKE: 3,
        Action.SHARE: 3, Action.APPROVE: 3, Action.DELETE: 4, Action.JUSTIFY: 1,
    },
    DATASTORE: {
        Action.READ: 1, Action.WRITE: 5, Action.AUTHENTICATE: 3, Action.SEARCH: 4,
        Action.EXPORT: 1, Action.DELETE: 7, Action.REVEAL: 10,
    },
    FILE_HOSTING: {
        Action.READ: 14, Action.EXPORT: 2, Action.WRITE: 1, Action.DELETE: 4,
        Action.SHARE: 12, Action.REVOKE: 13,
    },
    WEB_RESOURCES: {
        Action.READ: 2, Action.SEARCH: 5, Action.EXPORT: 7, Action.WRITE: 3,
        Action.DELETE: 4, Action.SHARE: 8,
    },
    ACCOUNT_CHANGE: {Action.GRANT: 7, Action.REVOKE: 8, Action.DELETE: 6, Action.CONFIGURE: 1},
    AUTHENTICATION: {Action.AUTHENTICATE: 1},
    AUTHORIZE_SESSION: {Action.GRANT: 1},
    ENTITY_MANAGEMENT: {
        Action.WRITE: 3, Action.READ: 2, Action.DELETE: 4, Action.APPROVE: 3, Action.JUSTIFY: 1,
    },
    USER_ACCESS: {Action.GRANT: 1, Action.REVOKE: 2},
    GROUP_MANAGEMENT: {Action.GRANT: 3, Action.REVOKE: 4, Action.DELETE: 5, Action.CONFIGURE: 6},
    DETECTION_FINDING: {Action.OTHER: 1},
}  # fmt: skip

# What an OCSF document of a producer other than Ombud says was done.
ACTION_OF_ACTIVITY: dict[int, dict[int, str]] = {
    DATASTORE: {
        1: "read", 2: "write", 3: "authenticate", 4: "search", 5: "write", 6: "write",
        7: "delete", 8: "search", 9: "write", 10: "reveal",
    },
    API_ACTIVITY: {1: "write", 2: "read", 3: "write", 4: "delete"},
    FILE_HOSTING: {
        1: "write", 2: "export", 3: "write", 4: "delete", 5: "write", 6: "write", 7: "write",
        8: "write", 9: "read", 10: "configure", 11: "configure", 12: "share", 13: "revoke",
        14: "read", 15: "export", 16: "other", 17: "other",
    },
    WEB_RESOURCES: {
        1: "write", 2: "read", 3: "write", 4: "delete", 5: "search", 6: "write", 7: "export",
        8: "share",
    },
    ACCOUNT_CHANGE: {
        1: "configure", 2: "grant", 3: "configure", 4: "configure", 5: "revoke", 6: "delete",
        7: "grant", 8: "revoke", 9: "revoke", 10: "configure", 11: "configure", 12: "grant",
    },
    AUTHENTICATION: dict.fromkeys(range(1, 8), "authenticate"),
    AUTHORIZE_SESSION: {1: "grant", 2: "grant", 3: "grant"},
    ENTITY_MANAGEMENT: {
        1: "write", 2: "read", 3: "write", 4: "delete", 5: "write",
        **dict.fromkeys(range(6, 14), "configure"),
    },
    USER_ACCESS: {1: "grant", 2: "revoke", 3: "grant", 4: "revoke"},
    GROUP_MANAGEMENT: {
        1: "grant", 2: "revoke", 3: "grant", 4: "revoke", 5: "delete", 6: "configure",
        7: "grant", 8: "revoke",
    },
}  # fmt: skip


def class_of(action: str, class_uid: int | None) -> tuple[int, int]:
    """Return class and activity of an act, keeping a class that the source states."""
    if class_uid is None:
        return CLASS_OF_ACTION.get(action, (API_ACTIVITY, ACTIVITY_OTHER))
    activities = ACTIVITY_OF_ACTION.get(class_uid, {})
    return class_uid, activities.get(action, ACTIVITY_OTHER)


def action_of(class_uid: int | None, activity_id: int | None) -> str:
    """Return what was done, as far as class and activity say; else `other`."""
    activities = ACTION_OF_ACTIVITY.get(class_uid or BASE_EVENT, {})
    return activities.get(activity_id or ACTIVITY_UNKNOWN, "other")
