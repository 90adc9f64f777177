"""Trying a channel: a notice of no consequence, which is sent once."""

from __future__ import annotations

import secrets
from typing import Final

from spanledger_store.control import channels, notices
from spanledger_store.control.database import Control
from spanledger_store.control.notices import Notice

KIND: Final = "test"


def put(control: Control, project: str, channel: str) -> str:
    """Put a notice for this channel into the outbox; its id. Raises ChannelUnknown."""
    found = channels.get(control, project, channel)
    text = f"This is what a notice from Spanledger looks like. Channel {found.name} of project {project} works."
    notice = Notice(
        kind=KIND,
        key=f"{KIND}\0{secrets.token_hex(8)}",
        subject="Spanledger: a test of this channel",
        text=text,
        payload={"channel": found.name},
        most_attempts=1,
    )
    (identity,) = notices.put(control, project, notice, [found.name])
    return identity
