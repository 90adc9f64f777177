"""The control database: projects, keys, the ledger's work list, quarantine, the signing secret.

control = Control.open(settings)
key, secret = keys.create(control, "default", "checkout service", "ingest")
dirty.mark(control, [("default", datetime.now(UTC))])
"""

from __future__ import annotations

from spanledger_store.control import dirty, keys, projects, quarantine
from spanledger_store.control.database import Control
from spanledger_store.control.dirty import DirtyHour
from spanledger_store.control.errors import (
    ControlError,
    KeyAmbiguous,
    KeyInvalid,
    KeyUnknown,
    ProjectInvalid,
    ProjectUnknown,
)
from spanledger_store.control.keys import Key
from spanledger_store.control.projects import Project
from spanledger_store.control.quarantine import Quarantined
from spanledger_store.control.signing import signing_secret

__all__ = [
    "Control",
    "ControlError",
    "DirtyHour",
    "Key",
    "KeyAmbiguous",
    "KeyInvalid",
    "KeyUnknown",
    "Project",
    "ProjectInvalid",
    "ProjectUnknown",
    "Quarantined",
    "dirty",
    "keys",
    "projects",
    "quarantine",
    "signing_secret",
]
