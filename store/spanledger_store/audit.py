"""What was done to stored data on purpose: kept in the table `audit`, without the names it was about."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from spanledger_store.control import Control, signing_secret
from spanledger_store.engine import Engine

_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Action:
    """One deliberate change: `name` is delete or reprice, `interface` where it was asked for."""

    name: str
    project: str
    subject: str
    interface: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
    run: str = field(default_factory=lambda: secrets.token_hex(8))


def hashed(control: Control, kind: str, value: str) -> str:
    """`KIND:HASH` for a personal value: the same for the same value here, and nothing to anybody elsewhere."""
    digest = hmac.new(signing_secret(control), f"{kind}\0{value}".encode(), hashlib.sha256)
    return f"{kind}:{digest.hexdigest()[:_DIGITS]}"


def begin(engine: Engine, action: Action) -> None:
    """Note that it is about to happen, so that one cut short leaves a trace too."""
    _note(engine, action, "begun", {}, {})


def finish(engine: Engine, action: Action, counts: Mapping[str, int], details: Mapping[str, str]) -> None:
    """Note that it has happened, and with what result."""
    _note(engine, action, "done", counts, details)


def _note(engine: Engine, action: Action, state: str, counts: Mapping[str, int], details: Mapping[str, str]) -> None:
    row = {
        "at": action.at,
        "run": action.run,
        "action": action.name,
        "project_id": action.project,
        "subject": action.subject,
        "interface": action.interface,
        "state": state,
        "counts": dict(counts),
        "details": dict(details),
        "revision": int(state == "done"),
    }
    engine.insert("audit_rows", {name: [value] for name, value in row.items()}, f"audit-{action.run}-{state}")
