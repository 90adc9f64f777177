"""Moments and links as people read them in a message."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode
from zoneinfo import ZoneInfo


def moment(at: datetime, zone: ZoneInfo) -> str:
    """`24 Nov 2026`, with the hour where it is not midnight."""
    local = at.astimezone(zone)
    return f"{local:%-d %b %Y}" if (local.hour, local.minute) == (0, 0) else f"{local:%-d %b %Y, %H:%M}"


def spend_link(
    public_url: str, project: str, about: Mapping[str, str], start: datetime, end: datetime, zone: ZoneInfo
) -> str:
    """The Spend page of a slice and a stretch of time, as its URL states them."""
    pairs = {
        "project": project,
        "from": f"{start.astimezone(zone):%Y-%m-%dT%H:%M}",
        "to": f"{end.astimezone(zone):%Y-%m-%dT%H:%M}",
        "tz": zone.key,
        **{name: value or "(none)" for name, value in about.items()},
    }
    return f"{public_url.rstrip('/')}/spend?{urlencode(pairs)}"
