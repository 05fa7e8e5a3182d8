"""Client: what a program uses to ask Ombud before it acts, and to tell what it did.

It needs `ombud.core` alone: importing it starts no server and opens no database.
"""

from ombud.client.asking import Client
from ombud.client.decision import Decision, Denied
from ombud.client.guarded import Guarded, GuardedError
from ombud.client.purposes import Purpose, current_purpose, purpose
from ombud.client.resource import Resource, dataset
from ombud.client.spool import SpoolFull

__all__ = [
    "Client",
    "Decision",
    "Denied",
    "Guarded",
    "GuardedError",
    "Purpose",
    "Resource",
    "SpoolFull",
    "current_purpose",
    "dataset",
    "purpose",
]
