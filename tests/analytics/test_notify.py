"""Messages are pure and say what is so; senders tell a server's refusal without telling a secret."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from spanledger_analytics.notify import budget, mail, webhook, words
from spanledger_analytics.notify.errors import NotSent
from spanledger_analytics.notify.sending import send
from spanledger_store.control import channel_kinds
from spanledger_store.control.alerts import PROJECTED
from spanledger_store.control.budgets import Budget, Enforcement
from spanledger_store.control.channels import Channel, signing_key
from spanledger_store.control.notices import Attachment, Delivery
from spanledger_store.drivers import Driver
from spanledger_store.finance.breach import expected_at
from spanledger_store.finance.budget_report import Blocked, Standing
from spanledger_store.finance.budgets import State
from spanledger_store.finance.projection import Profile, projected
from spanledger_store.periods import Period, Window
from tests.support.receivers import Hooks, Mails, certificate, hooks, mails

NOW = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
MONTH = Window(datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC))
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NOTICE = Delivery(
    id="3f2a", project="default", channel="ops", kind="budget.alert", about="Acme", subject="Budget A & B <80 %>",
    text="Spent $1 of $2.\nOwner: Jö", html="", payload={"spent": "1.50"}, link="https://x/spend?a=1&b=2",
    attachments=[Attachment("s.csv", "text/csv", "a,b\n1,ü\n")], created_at=NOW, due_at=NOW, attempts=1,
    most_attempts=10, last_error="", delivered_at=None, dead_at=None,
)  # fmt: skip


def standing(spent: str | None, *, ahead: str | None = None, **more: Any) -> Standing:
    values: dict[str, Any] = {"owner": "Jo", "id": "b1", **more}
    kept = Budget("default", "Acme, monthly", Decimal(100), Period.MONTH, **values)
    state = State(
        kept, "Acme" if kept.per else None, MONTH, 12, 3, None if spent is None else Decimal(spent), Decimal(0)
    )
    reached = NOW + timedelta(days=3) if ahead and Decimal(ahead) > state.limit else None
    return Standing(state, None if ahead is None else Decimal(ahead), Blocked(), reached)


@pytest.mark.parametrize(
    ("spent", "ahead", "raised", "expected"),
    [
        ("49.999999999999", None, {}, []),
        ("50", None, {}, [50]),
        ("80", None, {50: Decimal(100)}, [80]),
        ("100", None, {}, [50, 80, 100]),
        ("100", None, {50: Decimal(100), 80: Decimal(100), 100: Decimal(100)}, []),
        # Raised from 50 to 100: armed again. Lowered from 200: it stays told.
        ("85", None, {50: Decimal(50), 80: Decimal(50), 100: Decimal(50)}, [50, 80]),
        ("85", None, {50: Decimal(200), 80: Decimal(200)}, []),
        ("10", "100.01", {}, [PROJECTED]),
        ("10", "100", {}, []),
        ("60", "130", {PROJECTED: Decimal(100)}, [50]),
        ("120", "130", {50: Decimal(100), 80: Decimal(100)}, [100]),
        (None, None, {}, []),
    ],
)
def test_what_is_due(spent: str | None, ahead: str | None, raised: dict[int, Decimal], expected: list[int]) -> None:
    assert budget.due(standing(spent, ahead=ahead), raised) == expected


def test_thresholds_are_the_budgets_own() -> None:
    assert budget.due(standing("130", thresholds=(25, 120, 150)), {}) == [25, 120]
    assert budget.due(standing("130", thresholds=(), ahead="500"), {}) == []


def test_an_alert_says_what_people_need() -> None:
    found = standing("82.5", ahead="130.4", per="customer", enforcement=Enforcement.BLOCK, zone="Europe/Berlin")
    drivers = [
        Driver("feature", "chat", Decimal("60.25"), Decimal(20)), Driver("model", "", Decimal(5), Decimal(9)),
    ]  # fmt: skip
    made = budget.message(found, [PROJECTED, 50, 80], drivers, NOW, "https://ledger.example.com/")
    assert made.subject == "Budget Acme, monthly, Acme: 80 % reached, $82.50 of $100.00"
    for said in (
        "Spent $82.50 of $100.00 (82%) since 1 Nov 2026, 01:00; the period ends on 1 Dec 2026, 01:00 (Europe/Berlin).",
        "At this pace the limit is reached on 24 Nov 2026, 10:30, and the period ends at $130.40.",
        "3 of 12 calls have no price and are not in it.",
        "Calls will be refused once it is used up.",
        "Owner: Jo.",
        "- feature chat: $60.25 (+$40.25)",
        "- model (none): $5.00 (-$4.00)",
    ):
        assert said in made.text
    assert made.link == (
        "https://ledger.example.com/spend?project=default&from=2026-11-01T01%3A00&to=2026-11-21T11%3A00"
        "&tz=Europe%2FBerlin&customer=Acme"
    )
    assert (made.kind, made.about) == ("budget.alert", "Acme")
    json.dumps(dict(made.payload))
    assert made.payload["spent"] == "82.5"
    assert made.payload["drivers"][0] == {"dimension": "feature", "value": "chat", "spent": "60.25", "before": "20"}


def test_alerts_of_other_thresholds_periods_and_amounts_have_other_keys() -> None:
    made = [
        budget.message(each, thresholds, [], NOW, "http://x").key
        for each, thresholds in (
            (standing("82"), [50, 80]),
            (standing("90"), [80]),
            (standing("90", ahead="120"), [PROJECTED]),
            (replace(standing("82"), state=replace(standing("82").state, window=Window(MONTH.end, MONTH.end))), [80]),
            (standing("82", per="customer"), [80]),
        )
    ]
    assert made[0] == made[1]
    assert len(set(made)) == 4


def test_names_cannot_leave_their_place_in_a_mail() -> None:
    made = budget.message(standing("82", owner="<script>alert(1)</script>"), [80], [], NOW, "http://x")
    assert "<script>" not in made.html
    assert "&lt;script&gt;" in made.html


@pytest.mark.parametrize(
    ("spent", "profile", "expected"),
    [
        # Twenty days for 50: twenty more for the other 50 is after the month's end.
        ("50", None, None),
        ("80", None, MONTH.start + timedelta(days=25)),
        ("100", None, datetime(2026, 11, 21, tzinfo=UTC)),
        ("0", None, None),
        # Everything is spent on Mondays: the next one is the 23rd.
        ("75", Profile(ZoneInfo("UTC"), {(0, hour): 1.0 for hour in range(24)}), datetime(2026, 11, 24, tzinfo=UTC)),
    ],
)
def test_when_a_limit_will_be_reached(spent: str, profile: Profile | None, expected: datetime | None) -> None:
    now = datetime(2026, 11, 21, tzinfo=UTC)
    assert expected_at(Decimal(spent), Decimal(100), MONTH, now, profile) == expected
    ahead = projected(Decimal(spent), MONTH, now, profile)
    assert ahead is not None
    assert (expected is not None) == (ahead >= 100)


def test_a_moment_at_midnight_is_a_day() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    assert words.moment(datetime(2026, 11, 30, 23, tzinfo=UTC), berlin) == "1 Dec 2026"
    assert words.moment(NOW, berlin) == "21 Nov 2026, 10:30"


def test_a_signature_is_that_of_the_specification() -> None:
    # The example of the specification's own libraries.
    each = replace(NOTICE, id="msg_p5jXN8AQM9LWM0D4loKWxJek")
    made = webhook.signed(each, b'{"test": 2432232314}', signing_key(SECRET), datetime.fromtimestamp(1614265330, UTC))
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert made["webhook-timestamp"] == "1614265330"


def test_slack_gets_its_markup_escaped_and_shortened() -> None:
    text = json.loads(webhook.slack_body(replace(NOTICE, text="<!channel> & " + "x" * 5000)))["text"]
    assert text.startswith("*Budget A &amp; B &lt;80 %&gt;*\n&lt;!channel&gt; &amp; x")
    assert text.endswith("…\n<https://x/spend?a=1&amp;b=2|Look at the calls>")
    assert len(text) < 3700


@pytest.fixture
def receiver() -> Iterator[Hooks]:
    with hooks() as kept:
        yield kept


def hook(url: str) -> Channel:
    return channel_kinds.webhook("default", "ops", url, secret=SECRET)


def test_a_webhook_can_be_verified_by_its_receiver(receiver: Hooks) -> None:
    assert send(hook(f"{receiver.url}/in?key=1"), NOTICE) == ""
    (got,) = receiver.posts
    assert got.path == "/in?key=1"
    document = json.loads(got.body)
    assert (document["type"], document["id"], document["data"]) == ("budget.alert", "3f2a", {"spent": "1.50"})
    content = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    assert (
        got.headers["webhook-signature"]
        == "v1," + base64.b64encode(hmac.new(key, content, hashlib.sha256).digest()).decode()
    )
    assert abs(int(got.headers["webhook-timestamp"]) - datetime.now(UTC).timestamp()) < 300


def test_a_refusal_is_told_without_the_address(receiver: Hooks) -> None:
    receiver.status, receiver.headers = 429, {"retry-after": "77"}
    receiver.answer = b"too many for /very-secret-path"
    with pytest.raises(NotSent, match=r"it answered 429 Too Many Requests: too many for …") as refused:
        send(hook(f"{receiver.url}/very-secret-path?token=hidden"), NOTICE)
    assert refused.value.wait_seconds == 77
    gone = f"{receiver.url.rsplit(':', 1)[0]}:1/very-secret-path?token=hidden"
    with pytest.raises(NotSent, match=r"it cannot be reached: .*refused") as away:
        send(hook(gone), NOTICE)
    assert "secret" not in str(away.value)
    assert "hidden" not in str(away.value)


def test_a_redirect_is_not_followed(receiver: Hooks) -> None:
    receiver.status, receiver.headers = 307, {"location": f"{receiver.url}/elsewhere"}
    with pytest.raises(NotSent, match="it answered 307"):
        send(hook(f"{receiver.url}/in"), NOTICE)
    assert [each.path for each in receiver.posts] == ["/in"]


def test_a_name_that_nobody_knows_is_told() -> None:
    with pytest.raises(NotSent, match="cannot be reached"):
        send(hook("http://nobody.invalid/secret"), NOTICE)


def mail_to(server: Mails, **more: Any) -> Channel:
    values: dict[str, Any] = {"security": "none", "to": ["a@example.com", "b@example.com"], **more}
    return channel_kinds.email(
        "default", "mail", host="127.0.0.1", port=server.port, sender="s@ledger.example", **values
    )


def test_a_mail_arrives_whole() -> None:
    with mails() as server:
        assert send(mail_to(server), NOTICE) == ""
    ((to, got),) = server.taken
    assert to == ["a@example.com", "b@example.com"]
    assert (got["Subject"], got["From"]) == ("Budget A & B <80 %>", "s@ledger.example")
    assert got["Message-ID"] == "<3f2a@ledger.example>"
    assert got["Auto-Submitted"] == "auto-generated"
    body, page = got.get_body(("plain",)), got.get_body(("html",))
    assert body is not None
    assert page is not None
    assert body.get_content().splitlines() == ["Spent $1 of $2.", "Owner: Jö", "", "https://x/spend?a=1&b=2"]
    assert "<pre>Spent $1" in page.get_content()
    (file,) = got.iter_attachments()
    assert (file.get_filename(), file.get_content()) == ("s.csv", "a,b\r\n1,ü\r\n")


def test_lines_of_dots_survive() -> None:
    with mails() as server:
        send(mail_to(server), replace(NOTICE, text="a\n.\n..b\nend"))
    body = server.taken[0][1].get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines()[:4] == ["a", ".", "..b", "end"]


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_over_tls_wants_a_certificate_that_is_trusted(
    security: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = certificate(tmp_path)
    monkeypatch.setenv("MAIL_PASSWORD", "hunter2")
    with mails(pair, tls=security == "tls") as server:
        server.users["jo"] = "hunter2"
        channel = mail_to(server, security=security, user="jo", password="env:MAIL_PASSWORD")
        with pytest.raises(NotSent, match="certificate verify failed"):
            send(channel, NOTICE)
        monkeypatch.setenv("SSL_CERT_FILE", str(pair[0]))
        send(channel, NOTICE)
        assert (server.secured, server.signed_in) == ([True], ["jo"])
        monkeypatch.setenv("MAIL_PASSWORD", "wrong")
        with pytest.raises(NotSent, match="535 wrong password"):
            send(channel, NOTICE)
        monkeypatch.delenv("MAIL_PASSWORD")
        with pytest.raises(NotSent, match="has no MAIL_PASSWORD"):
            send(channel, NOTICE)
    assert len(server.taken) == 1


def test_starttls_that_is_not_offered_is_not_done_without() -> None:
    with mails() as server, pytest.raises(NotSent, match="STARTTLS"):
        send(mail_to(server, security="starttls"), NOTICE)
    assert server.taken == []


def test_addresses_refused_for_good_do_not_keep_the_others_waiting() -> None:
    with mails() as server:
        server.refusing["b@example.com"] = "550 nobody here"
        assert send(mail_to(server), NOTICE).endswith("refused b@example.com: 550 nobody here")
        assert server.taken[0][0] == ["a@example.com"]
        server.refusing["b@example.com"] = "450 later"
        with pytest.raises(NotSent, match=r"450 for b@example.com: 450 later"):
            send(mail_to(server), NOTICE)
        server.refusing["a@example.com"] = server.refusing["b@example.com"] = "550 nobody here"
        with pytest.raises(NotSent, match=r"a@example\.com: 550 nobody here; b@example\.com"):
            send(mail_to(server), NOTICE)
        server.refusing.clear()
        server.data_answer = "552 too large"
        with pytest.raises(NotSent, match="552 too large"):
            send(mail_to(server), NOTICE)
    assert len(server.taken) == 1


def test_a_mail_is_the_same_at_each_attempt() -> None:
    first, again = (mail.message(each, "a@b.c", "d@e.f") for each in (NOTICE, replace(NOTICE, attempts=7)))
    for name in ("Message-ID", "Date", "Subject"):
        assert first[name] == again[name]
