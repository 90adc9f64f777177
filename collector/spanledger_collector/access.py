"""Who may send and who may read: one rule for every door."""

from __future__ import annotations

import ipaddress
import secrets
import time

from spanledger_collector.settings import CollectorSettings
from spanledger_store.control import Control, keys

CACHE_SECONDS = 5.0
LARGEST_CACHE = 4096


def is_loopback(host: str) -> bool:
    """True for an address that only this machine can reach."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Access:
    """Checks keys against the control database, remembering answers for a few seconds.

    Sending needs a key as soon as one for sending exists; reading needs one as soon as one for reading exists.
    Off loopback both always need one. So a revoked key stops working within `CACHE_SECONDS`.
    """

    def __init__(self, control: Control, settings: CollectorSettings) -> None:
        self._control = control
        self._open_by_default = is_loopback(settings.host)
        self._local = settings.local_token.get_secret_value() if settings.local_token else None
        self._known: dict[str, tuple[float, keys.Key | None]] = {}
        self._needed: dict[str, tuple[float, bool]] = {}
        self._active: tuple[float, frozenset[str]] = (0.0, frozenset())

    def needed(self, scope: keys.Scope) -> bool:
        """True where a request of this scope must carry a key."""
        if not self._open_by_default:
            return True
        at, answer = self._needed.get(scope, (0.0, False))
        if time.monotonic() - at > CACHE_SECONDS or not at:
            answer = keys.any_active(self._control, scope)
            self._needed[scope] = (time.monotonic(), answer)
        return answer

    def is_local(self, secret: str) -> bool:
        """True for the token that `up` left in its data directory for the command line."""
        return self._local is not None and secrets.compare_digest(secret.encode(), self._local.encode())

    def key(self, secret: str, scope: keys.Scope) -> keys.Key | None:
        """The active key behind `secret`, if it is for `scope`."""
        at, found = self._known.get(secret, (0.0, None))
        if time.monotonic() - at > CACHE_SECONDS or not at:
            found = keys.verify(self._control, secret)
            if len(self._known) >= LARGEST_CACHE:
                self._known.clear()
            self._known[secret] = (time.monotonic(), found)
            if found is not None:
                keys.touch(self._control, found)
        return found if found is not None and found.scope == scope else None

    def active(self, key_id: str) -> bool:
        """True while the key a session was opened with has not been revoked."""
        at, ids = self._active
        if time.monotonic() - at > CACHE_SECONDS or not at:
            ids = frozenset(key.id for key in keys.listing(self._control) if key.revoked_at is None)
            self._active = (time.monotonic(), ids)
        return key_id in ids
