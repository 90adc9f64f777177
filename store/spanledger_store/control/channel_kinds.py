"""What each kind of channel needs, and the refusal of what could not work or would not be safe."""

from __future__ import annotations

import base64
import ipaddress
import re
import secrets as tokens
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

from spanledger_store.control import channels
from spanledger_store.control.channels import LATER, MARK, Channel, Kind, signing_key
from spanledger_store.control.database import Control
from spanledger_store.control.errors import ChannelInvalid

PORTS: Final[Mapping[str, int]] = MappingProxyType({"starttls": 587, "tls": 465, "none": 25})
"""How a mail server's connection is secured, and the usual port of each way."""
_ADDRESS: Final = re.compile(r"[^\s@<>,;:\"]+@[^\s@<>,;:\"]+")


def of_kind(
    kind: Kind,
    project: str,
    name: str,
    *,
    url: str = "",
    secret: str = "",
    sender: str = "",
    to: Sequence[str] = (),
    is_default: bool = False,
    **mail: Any,
) -> Channel:
    """A channel of any kind; what the kind does not use is not looked at. Raises ChannelInvalid."""
    if kind is Kind.WEBHOOK:
        return webhook(project, name, url, secret=secret, is_default=is_default)
    if kind is Kind.SLACK:
        return slack(project, name, url, is_default=is_default)
    return email(project, name, sender=sender, to=to, is_default=is_default, **mail)


def added(control: Control, channel: Channel, *, replacing: bool = False) -> dict[str, Any]:
    """Keep a channel; as it may be shown, with `signing_secret` where one was made, which is shown this once.

    Raises what `channels.put` does.
    """
    kept = channels.put(control, channel, replacing=replacing)
    secret = kept.secrets.get("secret", "")
    return kept.as_json() | {"signing_secret": "" if secret.startswith(LATER) else secret}


def webhook(project: str, name: str, url: str, *, secret: str = "", is_default: bool = False) -> Channel:
    """A channel that posts JSON, signed with `secret` or with one that is made here. Raises ChannelInvalid."""
    made = secret or MARK + base64.b64encode(tokens.token_bytes(32)).decode()
    if not made.startswith(LATER):
        signing_key(made)
    return Channel(project, name, Kind.WEBHOOK, _place(url), {"url": url, "secret": made}, is_default)


def slack(project: str, name: str, url: str, *, is_default: bool = False) -> Channel:
    """A channel that posts `{"text": ...}`, as incoming webhooks of Slack, Mattermost and others take it."""
    return Channel(project, name, Kind.SLACK, _place(url), {"url": url}, is_default)


def email(
    project: str,
    name: str,
    *,
    host: str,
    sender: str,
    to: Sequence[str],
    security: str = "starttls",
    port: int = 0,
    user: str = "",
    password: str = "",
    is_default: bool = False,
) -> Channel:
    """A channel that sends mail through an SMTP server; `password` is `env:NAME` or `file:PATH`.

    Raises ChannelInvalid, also for a password that would go over the network in the clear.
    """
    if security not in PORTS:
        raise ChannelInvalid(f"security {security!r} is unknown; use {', '.join(PORTS)}.")
    if not host or re.search(r"[\s/]", host):
        raise ChannelInvalid(f"host {host!r} is no mail server; use a name such as smtp.example.com.")
    if not 0 <= port <= 65535:
        raise ChannelInvalid(f"port {port} is none; use 1 to 65535, or leave it out.")
    for address in (sender, *to):
        if not _ADDRESS.fullmatch(address):
            raise ChannelInvalid(f"{address!r} is no mail address; use one such as finance@example.com.")
    if not to:
        raise ChannelInvalid("nobody would get the mail; name at least one address.")
    if password and not password.startswith(LATER):
        raise ChannelInvalid("a mail password is not kept here; say where it is to be read: env:NAME or file:PATH.")
    if bool(user) != bool(password):
        raise ChannelInvalid("a user and a password go together; give both, or neither.")
    if password and security == "none" and not _is_here(host):
        raise ChannelInvalid(f"the password would go to {host} in the clear; use starttls or tls.")
    settings = {
        "host": host, "port": str(port or PORTS[security]), "security": security, "from": sender, "to": ", ".join(to),
        "user": user,
    }  # fmt: skip
    return Channel(project, name, Kind.EMAIL, settings, {"password": password} if password else {}, is_default)


def _place(url: str) -> dict[str, str]:
    """What may be shown of an address: path and query may hold what lets its owner in."""
    if url.startswith(LATER):
        return {"at": url}
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        parts, port = None, None
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ChannelInvalid(
            "the address is none that can be posted to; use https://HOST/PATH, or env:NAME or file:PATH that holds one."
        )
    return {"at": f"{parts.scheme}://{parts.hostname}{f':{port}' if port else ''}/…"}


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
