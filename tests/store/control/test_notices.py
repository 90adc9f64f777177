"""The outbox: a notice is kept once, claimed by one, and never lost."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from spanledger_store.control import Control, alerts, forgetting, notices, statements, trials
from spanledger_store.control.alerts import PROJECTED, Alert
from spanledger_store.control.errors import ChannelUnknown
from spanledger_store.control.notices import Attachment, Notice
from spanledger_store.control.statements import Frozen

NOTICE = Notice(
    "budget.alert", "k1", "80 %\nreached", "text ü", "<p>html</p>", {"n": "1.50"}, "https://x/y", "Acme",
    (Attachment("a.csv", "text/csv", "1,2"),),
)  # fmt: skip
LATER = datetime(2100, 1, 1, tzinfo=UTC)
START = datetime(2026, 10, 1, tzinfo=UTC)


def test_a_notice_is_kept_once_per_channel_and_comes_out_whole(control: Control) -> None:
    first = notices.put(control, "default", NOTICE, ["a", "b"])
    assert notices.put(control, "default", replace(NOTICE, text="other"), ["a"]) == first[:1]
    (one,) = [each for each in notices.claim(control, "w") if each.channel == "a"]
    assert (one.id, one.subject, one.text, one.html) == (first[0], "80 % reached", "text ü", "<p>html</p>")
    assert (one.payload, one.link, one.about, one.attachments) == (
        {"n": "1.50"}, "https://x/y", "Acme", list(NOTICE.attachments),
    )  # fmt: skip
    assert (one.attempts, one.state) == (1, "waiting")
    assert "text" not in one.as_json()


def test_a_transaction_that_fails_leaves_nothing(control: Control) -> None:
    def halfway() -> None:
        with control.write() as connection:
            notices.enqueue(connection, "default", NOTICE, ["a"])
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError):
        halfway()
    assert notices.listing(control, "default") == []


def test_workers_never_claim_the_same_at_once(control: Control) -> None:
    for number in range(40):
        notices.put(control, "default", replace(NOTICE, key=f"k{number}"), ["a"])
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda n: [each.id for each in notices.claim(control, f"w{n}", 10)], range(8)))
    assert sum(len(each) for each in taken) == 40
    assert set(Counter(each for some in taken for each in some).values()) == {1}
    assert notices.claim(control, "late") == []


def test_what_a_dead_worker_held_goes_to_the_next_under_the_same_id(control: Control) -> None:
    (identity,) = notices.put(control, "default", NOTICE, ["a"])
    now = datetime.now(UTC)
    assert [each.id for each in notices.claim(control, "dies", now=now)] == [identity]
    soon = now + timedelta(seconds=notices.CLAIM_SECONDS - 1)
    assert notices.claim(control, "next", now=soon) == []
    (again,) = notices.claim(control, "next", now=now + timedelta(seconds=notices.CLAIM_SECONDS + 1))
    assert (again.id, again.attempts) == (identity, 2)
    # The first one was not dead, only slow: what it says no longer counts, and what the second says does.
    assert not notices.failed(control, "dies", again, "too late")
    assert notices.delivered(control, "next", identity)
    assert not notices.delivered(control, "dies", identity)


def test_pauses_grow_until_it_is_given_up_and_it_can_be_tried_again(control: Control) -> None:
    (identity,) = notices.put(control, "default", NOTICE, ["a"])
    pauses: list[float] = []
    for attempt in range(1, notices.MOST_ATTEMPTS + 1):
        (each,) = notices.claim(control, "w", now=LATER)
        assert each.attempts == attempt
        before = datetime.now(UTC)
        assert notices.failed(control, "w", each, f"no {attempt}")
        found = notices.get(control, identity)
        assert found is not None
        if found.dead_at is None:
            pauses.append(round((found.due_at - before).total_seconds()))
    assert pauses == list(notices.PAUSES)
    assert found.state == "given up"
    assert notices.claim(control, "w", now=LATER) == []
    assert [(each.channel, each.dead, each.last_error) for each in notices.troubles(control)] == [("a", 1, "no 10")]
    assert notices.retry(control, "default", "b") == 0
    assert notices.retry(control, "default", "a") == 1
    (each,) = notices.claim(control, "w")
    assert (each.id, each.attempts) == (identity, 1)
    notices.delivered(control, "w", identity)
    assert notices.troubles(control) == []


def test_a_server_that_asks_for_more_time_gets_it(control: Control) -> None:
    notices.put(control, "default", NOTICE, ["a"])
    (each,) = notices.claim(control, "w")
    before = datetime.now(UTC)
    notices.failed(control, "w", each, "429", wait_seconds=500)
    due = notices.next_due(control)
    assert due is not None
    assert due >= before + timedelta(seconds=500)


def test_what_is_given_back_was_no_attempt(control: Control) -> None:
    notices.put(control, "default", NOTICE, ["a"])
    notices.release(control, "w", notices.claim(control, "w"))
    (each,) = notices.claim(control, "other")
    assert each.attempts == 1


def test_a_trial_is_sent_once_and_is_no_trouble(control: Control) -> None:
    with pytest.raises(ChannelUnknown):
        trials.put(control, "default", "a")
    notices.put(control, "default", replace(NOTICE, kind=trials.KIND, most_attempts=1), ["a"])
    (each,) = notices.claim(control, "w")
    notices.failed(control, "w", each, "no")
    assert notices.claim(control, "w", now=LATER) == []
    assert notices.troubles(control) == []


def test_delivered_ones_go_after_a_while_and_waiting_ones_stay(control: Control) -> None:
    notices.put(control, "default", NOTICE, ["a", "b"])
    held = {each.channel: each for each in notices.claim(control, "w")}
    notices.delivered(control, "w", held["a"].id, "refused b@c")
    assert notices.tidy(control, datetime.now(UTC)) == 0
    assert notices.tidy(control, datetime.now(UTC) + notices.KEPT + timedelta(hours=1)) == 1
    assert [each.channel for each in notices.listing(control, "default")] == ["b"]


def alert(**changed: object) -> Alert:
    base = Alert("default", "b1", START, "Acme", 80, Decimal(100), Decimal("81.5"), Decimal(100))
    return replace(base, **changed)  # type: ignore[arg-type]


def test_an_alert_is_announced_once_whoever_does_it(control: Control) -> None:
    both = [alert(), alert(threshold=PROJECTED)]
    with ThreadPoolExecutor(4) as pool:
        done = list(pool.map(lambda _: alerts.announce(control, both, NOTICE, ["a"]), range(4)))
    assert sorted(done) == [False, False, False, True]
    assert len(notices.listing(control, "default")) == 1
    assert alerts.known(control, [START]) == {("b1", START, "Acme"): {80: Decimal(100), PROJECTED: Decimal(100)}}
    assert alerts.known(control, [START + timedelta(days=31)]) == {}
    assert alerts.announce(control, [alert(amount=Decimal(200))], replace(NOTICE, key="k2"), ["a"])
    assert alerts.known(control, [START])["b1", START, "Acme"][80] == 200


def test_a_customer_is_forgotten_and_nobody_else(control: Control) -> None:
    for who in ("Acme", "Globex"):
        notice = replace(NOTICE, key=who, about=who)
        alerts.announce(control, [alert(value=who)], notice, ["a"])
        document = {"total": {"calls": 1, "unpriced_calls": 0}, "adjustments": []}
        frozen = Frozen("default", who, "2026-10", "UTC", Decimal(1), Decimal(1), document)
        statements.freeze(control, frozen, lambda _, who=who: replace(NOTICE, key=f"s{who}", about=who), ["a"])
    assert forgetting.customer(control, "default", "Acme") == {
        "statements": 1, "budget_alerts": 1, "notices": 2, "prices": 0,
    }  # fmt: skip
    assert set(forgetting.customer(control, "default", "Acme").values()) == {0}
    assert {each.about for each in notices.listing(control, "default")} == {"Globex"}
    assert [each.customer for each in statements.sent(control, "default")] == ["Globex"]
