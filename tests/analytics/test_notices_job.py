"""What is in the outbox reaches real servers: each at least once, each known by its id, whatever dies on the way."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from spanledger_analytics.jobs import notices as job
from spanledger_store import health
from spanledger_store.control import Control, channel_kinds, channels, notices
from spanledger_store.control.finance_models import notices as table
from spanledger_store.control.notices import Notice
from spanledger_store.engine import Engine
from tests.support.receivers import Hooks, hooks, mails

PAST = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.fixture
def receiver() -> Iterator[Hooks]:
    with hooks() as kept:
        yield kept


def hook(control: Control, url: str, name: str = "ops") -> None:
    channels.put(control, channel_kinds.webhook("default", name, url))


def put(control: Control, key: str, *to: str) -> list[str]:
    return notices.put(control, "default", Notice("test.kind", key, f"about {key}", "text"), to or ("ops",))


def hurry(control: Control) -> None:
    """Nothing waits any longer: neither for its pause nor for a worker that is gone."""
    with control.write() as connection:
        connection.execute(update(table).values(due_at=PAST, claimed_until=PAST))


def states(control: Control) -> Counter[str]:
    return Counter(each.state for each in notices.listing(control, "default"))


def test_notices_arrive_in_their_order_and_once(embedded: Engine, control: Control, receiver: Hooks) -> None:
    hook(control, receiver.url)
    ids = [put(control, f"k{number}")[0] for number in range(5)]
    assert job.run(embedded, control) == 5
    assert job.run(embedded, control) == 0
    assert receiver.ids() == ids
    assert states(control) == {"delivered": 5}


def test_a_server_that_is_down_gets_it_when_it_is_back(embedded: Engine, control: Control, receiver: Hooks) -> None:
    hook(control, f"{receiver.url}/secret")
    first, second = put(control, "first")[0], put(control, "second")[0]
    receiver.once = [503]
    assert job.run(embedded, control) == 0
    # Only one was tried; the other waits for the same server and has lost no attempt.
    assert receiver.ids() == [first]
    assert job.run(embedded, control) == 0
    check = health.notices_check(control)
    assert check.state == "warn"
    assert "channel ops of default: 0 given up, 1 to be tried again: it answered 503" in check.detail
    assert "secret" not in check.detail
    hurry(control)
    assert job.run(embedded, control) == 2
    assert Counter(receiver.ids()) == {first: 2, second: 1}
    assert health.notices_check(control).state == "ok"
    found = {each.id: each.attempts for each in notices.listing(control, "default")}
    assert found == {first: 2, second: 1}


def test_what_never_arrives_is_given_up_and_can_be_sent_again(
    embedded: Engine, control: Control, receiver: Hooks
) -> None:
    hook(control, receiver.url)
    put(control, "k")
    receiver.status = 500
    for _ in range(notices.MOST_ATTEMPTS + 3):
        hurry(control)
        job.run(embedded, control)
    assert len(receiver.posts) == notices.MOST_ATTEMPTS
    assert "1 given up, 0 to be tried again" in health.notices_check(control).detail
    receiver.status = 204
    notices.retry(control, "default", "ops")
    assert job.run(embedded, control) == 1
    assert len(set(receiver.ids())) == 1


def test_a_channel_that_fails_holds_up_no_other(embedded: Engine, control: Control, receiver: Hooks) -> None:
    hook(control, receiver.url, "well")
    hook(control, "http://127.0.0.1:1/", "ill")
    for number in range(3):
        put(control, f"k{number}", "ill", "well", "gone")
    assert job.run(embedded, control) == 3
    assert len(receiver.posts) == 3
    told = {each.channel: each.last_error for each in notices.troubles(control)}
    assert "cannot be reached" in told["ill"]
    assert told["gone"] == "there is no channel 'gone' any more"


def test_two_workers_send_each_once(embedded: Engine, control: Control, receiver: Hooks) -> None:
    for name in ("a", "b", "c"):
        hook(control, f"{receiver.url}/{name}", name)
    for number in range(30):
        put(control, f"k{number}", "a", "b", "c")
    with ThreadPoolExecutor(4) as pool:
        sent = sum(pool.map(lambda _: job.run(embedded, control), range(4)))
    assert sent == 90
    assert set(Counter(receiver.ids()).values()) == {1}
    assert len(receiver.posts) == 90


DYING = """
import os, sys
from spanledger_analytics.jobs import notices as job
from spanledger_store.control import Control, notices
from spanledger_store.settings import StoreSettings
from pathlib import Path

# The server has taken it; the machine goes dark before that is noted.
notices.delivered = lambda *_: os._exit(9)
with Control.open(StoreSettings(data=Path(sys.argv[1]))) as control:
    job.run(None, control)
"""


def test_a_death_between_sending_and_noting_sends_the_same_id_again(
    embedded: Engine, control: Control, receiver: Hooks, tmp_path: Path
) -> None:
    hook(control, receiver.url)
    (identity,) = put(control, "k")
    died = subprocess.run([sys.executable, "-c", DYING, str(tmp_path / "control")], check=False)
    assert died.returncode == 9
    assert receiver.ids() == [identity]
    # The claim of the dead lasts a while, and nobody else sends meanwhile.
    assert job.run(embedded, control) == 0
    hurry(control)
    assert job.run(embedded, control) == 1
    assert receiver.ids() == [identity, identity]
    assert receiver.posts[0].body == receiver.posts[1].body
    assert states(control) == {"delivered": 1}


def test_one_that_cannot_be_written_holds_up_no_other(
    embedded: Engine, control: Control, receiver: Hooks, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook(control, receiver.url)
    put(control, "bad")
    put(control, "good")
    real = job.send

    def failing(channel: Any, each: Any) -> str:
        if each.subject == "about bad":
            raise RuntimeError("no such thing")
        return real(channel, each)

    monkeypatch.setattr(job, "send", failing)
    assert job.run(embedded, control) == 1
    assert states(control) == {"delivered": 1, "waiting": 1}
    assert "no such thing" in health.notices_check(control).detail


def test_mail_goes_the_same_way_and_says_for_whom_not(embedded: Engine, control: Control) -> None:
    with mails() as server:
        channels.put(control, channel_kinds.email(
            "default", "mail", host="127.0.0.1", port=server.port, security="none", sender="s@x.example",
            to=["a@x.example", "b@x.example"],
        ))  # fmt: skip
        put(control, "k", "mail")
        server.refusing["b@x.example"] = "550 no"
        assert job.run(embedded, control) == 1
    ((to, message),) = server.taken
    assert (to, message["Subject"]) == (["a@x.example"], "about k")
    (kept,) = notices.listing(control, "default")
    assert (kept.state, kept.last_error.endswith("refused b@x.example: 550 no")) == ("delivered", True)
