"""Webhooks: what is posted to whom, signed after Standard Webhooks 1.0.0, or as Slack takes it.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import requests

from spanledger_analytics.notify.errors import NotSent
from spanledger_store.control.notices import Delivery

CONNECT_SECONDS: Final = 5.0
ANSWER_SECONDS: Final = 10.0
# As much of an answer as helps to see what is wrong.
_ANSWER_SHOWN: Final = 300
_LONGEST_WAIT: Final = 3600.0
# Of Slack's messages; more is cut by it, or refused by others.
_SLACK_CHARS: Final = 3500


def body(each: Delivery) -> bytes:
    """The JSON that a webhook gets: the same bytes at each attempt."""
    document = {
        "type": each.kind,
        "timestamp": each.created_at.isoformat(),
        "id": each.id,
        "project": each.project,
        "subject": each.subject,
        "text": each.text,
        "link": each.link or None,
        "data": dict(each.payload),
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def signed(each: Delivery, content: bytes, key: bytes, now: datetime) -> dict[str, str]:
    """The headers by which a receiver knows the sender, the attempt and the notice; `webhook-id` stays the same."""
    at = str(int(now.timestamp()))
    digest = hmac.new(key, b".".join((each.id.encode(), at.encode(), content)), hashlib.sha256).digest()
    return {
        "content-type": "application/json",
        "webhook-id": each.id,
        "webhook-timestamp": at,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def slack_body(each: Delivery) -> bytes:
    """The JSON that an incoming webhook of Slack gets: subject, text and link in its markup."""
    link = f"\n<{_plain(each.link)}|Look at the calls>" if each.link else ""
    text = _plain(each.text)
    if len(text) > _SLACK_CHARS:
        text = f"{text[:_SLACK_CHARS]}…"
    return json.dumps({"text": f"*{_plain(each.subject)}*\n{text}{link}"}, ensure_ascii=False).encode()


def post(url: str, content: bytes, headers: Mapping[str, str]) -> None:
    """Post once, following no redirect. Raises NotSent unless the answer is 2xx."""
    try:
        with requests.post(
            url,
            data=content,
            headers={"user-agent": "spanledger", **headers},
            timeout=(CONNECT_SECONDS, ANSWER_SECONDS),
            allow_redirects=False,
            stream=True,
        ) as answer:
            if 200 <= answer.status_code < 300:
                return
            said = answer.raw.read(_ANSWER_SHOWN, decode_content=True).decode("utf-8", "replace").strip()
            raise NotSent(
                _hidden(f"it answered {answer.status_code} {answer.reason}: {said or '(nothing)'}", url),
                _wait(answer.headers.get("retry-after", "")),
            )
    except (requests.RequestException, OSError, ValueError) as error:
        raise NotSent(_hidden(f"it cannot be reached: {_innermost(error)}", url)) from None


def _wait(header: str) -> float:
    return min(float(header), _LONGEST_WAIT) if header.isdecimal() else 0.0


def _plain(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _innermost(error: BaseException) -> Any:
    """What went wrong first: the layers above tell the whole address, which may let its reader in."""
    while True:
        inner = error.__cause__ or error.__context__ or next(
            (each for each in (getattr(error, "reason", None), *error.args) if isinstance(each, BaseException)), None
        )  # fmt: skip
        if inner is None:
            return error
        error = inner


def _hidden(message: str, url: str) -> str:
    """The message without the parts of the address that are not to be shown."""
    parts = urlsplit(url)
    for secret in (
        url,
        f"{parts.path}?{parts.query}",
        parts.path,
        parts.query,
        parts.password or "",
        parts.username or "",
    ):
        if len(secret) > 1:
            message = message.replace(secret, "…")
    return message
