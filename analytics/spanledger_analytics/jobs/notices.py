"""The notices job: what is to be sent is sent, again and again until it is taken or given up."""

from __future__ import annotations

import logging
import secrets
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Final

from spanledger_analytics.notify.errors import NotSent
from spanledger_analytics.notify.sending import send
from spanledger_store.control import Control, channels, notices
from spanledger_store.control.channels import Channel
from spanledger_store.control.notices import Delivery
from spanledger_store.engine import Engine

logger = logging.getLogger(__name__)

# Channels that are sent to at once: one that does not answer holds up none of the others.
AT_ONCE: Final = 4
A_ROUND: Final = 50
# Well below the time that claims last.
ROUND_SECONDS: Final = 30.0
# A channel that has refused one notice is left alone with its others for so long.
REST_SECONDS: Final = 30.0


def run(engine: Engine, control: Control) -> int:
    """Send what is due; how many notices were taken by their servers.

    A server that does not take one is left alone with its others for a while. Each is sent at least once, and under the
    same id if again.
    """
    due = notices.next_due(control)
    if due is None or due > datetime.now(UTC):
        return 0
    worker = secrets.token_hex(8)
    claimed = notices.claim(control, worker, A_ROUND)
    known = {(each.project, each.name): each for each in channels.listing(control)}
    waiting: defaultdict[tuple[str, str], list[Delivery]] = defaultdict(list)
    for each in claimed:
        waiting[each.project, each.channel].append(each)
    until = time.monotonic() + ROUND_SECONDS
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="notices") as pool:
        sent = pool.map(lambda at: _deliver(control, worker, known.get(at), waiting[at], until), waiting)
        total = sum(sent)
    notices.tidy(control, datetime.now(UTC))
    return total


def _deliver(control: Control, worker: str, channel: Channel | None, due: list[Delivery], until: float) -> int:
    """Send one channel's notices in their order; how many were taken."""
    total = 0
    for number, each in enumerate(due):
        if time.monotonic() > until:
            notices.release(control, worker, due[number:])
            break
        try:
            if channel is None:
                raise NotSent(f"there is no channel {each.channel!r} any more")
            refused = send(channel, each)
        except NotSent as error:
            logger.warning("notice %s was not taken by channel %s: %s", each.id, each.channel, error)
            notices.failed(control, worker, each, str(error), wait_seconds=error.wait_seconds)
            notices.release(control, worker, due[number + 1 :], wait_seconds=REST_SECONDS)
            break
        except Exception as error:
            # Whatever is wrong with one notice, it is noted with it, and the others must go out.
            logger.exception("notice %s could not be sent", each.id)
            notices.failed(control, worker, each, repr(error))
        else:
            if refused:
                logger.warning("notice %s: %s", each.id, refused)
            total += notices.delivered(control, worker, each.id, refused)
    return total
