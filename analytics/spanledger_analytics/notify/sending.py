"""One notice to one channel, whatever its kind."""

from __future__ import annotations

from datetime import UTC, datetime

from spanledger_analytics.notify import mail, webhook
from spanledger_analytics.notify.errors import NotSent
from spanledger_store.control.channels import Channel, Kind, revealed, signing_key
from spanledger_store.control.errors import ChannelInvalid
from spanledger_store.control.notices import Delivery


def send(channel: Channel, each: Delivery) -> str:
    """Hand a notice to the channel's server; returns once that has taken it: '', or for whom it has not.

    Raises NotSent.
    """
    try:
        if channel.kind is Kind.EMAIL:
            made = mail.message(each, channel.settings["from"], channel.settings["to"])
            return mail.send(made, channel.settings, revealed(channel, "password"))
        if channel.kind is Kind.SLACK:
            webhook.post(revealed(channel, "url"), webhook.slack_body(each), {"content-type": "application/json"})
        else:
            content = webhook.body(each)
            key = signing_key(revealed(channel, "secret"))
            webhook.post(revealed(channel, "url"), content, webhook.signed(each, content, key, datetime.now(UTC)))
    except ChannelInvalid as error:
        raise NotSent(str(error)) from error
    return ""
