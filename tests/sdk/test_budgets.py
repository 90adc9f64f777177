"""Budgets in the program: what is refused, when, and what is said of it, by what a collector tells."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

import spanledger
from spanledger._internal import runtime
from spanledger._internal.budgets import enforcement
from spanledger._internal.budgets.limits import Slice, read
from spanledger._internal.budgets.own_spend import OwnSpend

from .sink import Sink

DOLLAR = {"input_tokens": 400_000, "output_tokens": 0, "model": "gpt-4o", "provider": "openai"}  # at $2.50 a million


@dataclass
class Told:
    """What the collector says of budgets, and how it was asked."""

    url: str = ""
    budgets: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    complete: bool = True
    behind: str = "0"
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    spans: Sink = field(default_factory=Sink)

    def wait(self, more: int = 2) -> None:
        """Until it has been asked so many more times: the answer before is then known."""
        goal, deadline = len(self.asked) + more, time.monotonic() + 20
        while len(self.asked) < goal:
            assert time.monotonic() < deadline, "the collector was not asked"
            time.sleep(0.01)


@pytest.fixture
def told(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    """A collector's API in front of the OTLP server; asked every 50 ms."""
    monkeypatch.setattr("spanledger._internal.budgets.renewal.EVERY", 0.05)
    state = Told(spans=sink)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            state.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
            document = {"now": datetime.now(UTC).isoformat(), "complete": state.complete, "budgets": state.budgets}
            tag = f'"{hash(json.dumps(state.budgets))}"'
            same = self.headers.get("if-none-match") == tag
            body = b"" if same or state.status != 200 else json.dumps(document).encode()
            self.send_response(304 if same and state.status == 200 else state.status)
            self.send_header("etag", tag)
            self.send_header("x-spanledger-behind", state.behind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.path == "/v1/traces":
                import gzip

                from .sink import decode

                sink.spans.extend(decode(gzip.decompress(body)))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that went away is no news."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


def limit(name: str = "monthly", spent: str | None = "0", amount: str = "3", **more: Any) -> dict[str, Any]:
    later = datetime.now(UTC) + timedelta(days=1)
    return {"id": f"id-{name}", "name": name, "slice": {}, "per": "", "period": "month", "enforcement": "block",
            "resets_at": later.isoformat(), "limit": amount, "spent": spent, **more}  # fmt: skip


@spanledger.observe(kind="llm")
def ask(prompt: str = "hi", *, model: str = "gpt-4o") -> str:
    spanledger.update(**{**DOLLAR, "model": model})
    return "done"


def calls_until_refused(most: int = 20) -> tuple[int, spanledger.BudgetExceeded | None]:
    for number in range(most):
        try:
            ask()
        except spanledger.BudgetExceeded as error:
            return number, error
    return most, None


Start = Callable[..., Any]


def test_a_loop_stops_at_the_limit_although_the_collector_says_nothing_new(told: Told, start: Start) -> None:
    told.budgets, told.behind = [limit(spent="1.5")], "60"
    start(endpoint=told.url, budgets=True)
    told.wait()
    made, error = calls_until_refused()
    assert error is not None
    # 1.5 + 2 calls of a dollar each is over 3: no third one, however late the collector is.
    assert (made, error.budget, error.spent, error.limit) == (2, "monthly", Decimal("3.5"), Decimal(3))
    assert error.resets_at is not None
    assert "the budget 'monthly' is used up: $3.50 of $3.00 spent; it starts anew at " in str(error)


def test_sampling_leaves_the_limit_and_what_was_refused_alone(told: Told, start: Start) -> None:
    told.budgets = [limit()]
    start(endpoint=told.url, budgets=True, sample_rate=0)
    told.wait()
    assert calls_until_refused()[0] == 3
    spanledger.flush()
    # A call of a dollar is dear, and sent whatever the rate; the refusal as well.
    assert [each.attributes["spanledger.kind"] for each in told.spans.spans] == ["llm"] * 3 + ["guardrail"]


def test_what_was_refused_is_a_guardrail_without_a_cost(told: Told, start: Start) -> None:
    told.budgets = [limit(spent="2.5", per="customer", values={"acme": {"limit": "3", "spent": "2"}})]
    start(endpoint=told.url, budgets=True)
    told.wait()
    with spanledger.context(customer="acme"):
        assert calls_until_refused()[0] == 1
    spanledger.flush()
    (span,) = [each for each in told.spans.spans if each.attributes["spanledger.kind"] == "guardrail"]
    assert span.name.endswith("ask")
    assert span.status == 2
    found = span.attributes
    assert found["error.type"] == "budget_exceeded"
    assert (found["spanledger.budget.name"], found["spanledger.budget.value"]) == ("monthly", "acme")
    assert found["spanledger.budget.id"] == "id-monthly"
    assert Decimal(found["spanledger.budget.saved_usd"]) == 1  # what this function has cost on average
    assert found["gen_ai.request.model"] == "gpt-4o"
    assert not [name for name in found if name.startswith(("gen_ai.usage", "spanledger.cost"))]


def test_only_the_slice_that_is_used_up_is_refused(told: Told, start: Start) -> None:
    told.budgets = [
        limit("acme", "3", slice={"customer": "acme"}),
        limit("search", "3", slice={"feature": "search", "model": "gpt-4o-mini"}),
        limit("all", "9", enforcement="observe"),
        limit("unknown", "9", slice={"colour": "red"}),
    ]
    start(endpoint=told.url, budgets=True)
    told.wait()
    ask()
    with spanledger.context(customer="globex", feature="search"):
        ask()
        with pytest.raises(spanledger.BudgetExceeded, match="'search'"):
            ask(model="gpt-4o-mini")
    with spanledger.context(customer="acme"), pytest.raises(spanledger.BudgetExceeded, match="'acme'"):
        ask()


def test_two_budgets_on_one_call_the_tighter_one_refuses(told: Told, start: Start) -> None:
    told.budgets = [limit("wide", amount="100"), limit("narrow", amount="2", slice={"customer": "acme"})]
    start(endpoint=told.url, budgets=True)
    told.wait()
    with spanledger.context(customer="acme"):
        made, error = calls_until_refused()
    assert error is not None
    assert (made, error.budget) == (2, "narrow")
    assert spanledger.budget("wide").spent == 2


def test_only_blocks_that_ask_for_it_are_checked_without_init(told: Told, start: Start) -> None:
    told.budgets = [limit(spent="9")]
    start(endpoint=told.url)
    ask()
    assert told.asked == []
    with spanledger.context(budget=True):
        told.wait()
        with pytest.raises(spanledger.BudgetExceeded):
            ask()
        with spanledger.context(budget=False):
            ask()
    ask()


def test_agents_and_tools_are_not_refused_and_a_bare_call_is_once_it_is_known(told: Told, start: Start) -> None:
    told.budgets = [limit(spent="9")]
    start(endpoint=told.url, budgets=True)
    told.wait()

    @spanledger.observe(kind="tool")
    def tool() -> int:
        return 1

    @spanledger.observe
    def bare() -> None:
        spanledger.update(**DOLLAR)

    assert tool() == 1
    bare()
    with pytest.raises(spanledger.BudgetExceeded):
        bare()


def test_async_calls_and_streams_are_refused_before_they_begin(told: Told, start: Start) -> None:
    told.budgets = [limit(spent="9")]
    start(endpoint=told.url, budgets=True)
    told.wait()
    begun: list[str] = []

    @spanledger.observe(kind="llm")
    async def later() -> None:
        begun.append("later")

    @spanledger.observe(kind="llm")
    def pieces() -> Iterator[str]:
        begun.append("pieces")
        yield "a"

    @spanledger.observe(kind="llm")
    async def pieces_later() -> Any:
        begun.append("pieces_later")
        yield "a"

    async def consume() -> None:
        async for _ in pieces_later():
            pass

    with pytest.raises(spanledger.BudgetExceeded):
        asyncio.run(later())
    with pytest.raises(spanledger.BudgetExceeded):
        list(pieces())
    with pytest.raises(spanledger.BudgetExceeded):
        asyncio.run(consume())
    assert begun == []


def test_a_dead_collector_leaves_calls_alone_unless_asked_to_fail_closed(told: Told, start: Start) -> None:
    told.status = 500
    start(endpoint=told.url, budgets=True)
    told.wait(1)
    ask()
    assert spanledger.budget("monthly").spent is None
    with spanledger.context(budget="fail-closed"), pytest.raises(spanledger.BudgetUnavailable, match="fails closed"):
        ask()
    told.status, told.budgets = 200, [limit()]
    told.wait(3)
    with spanledger.context(budget="fail-closed"):
        ask()


def test_news_that_is_too_old_is_none_for_a_block_that_fails_closed(told: Told, start: Start) -> None:
    told.budgets, told.behind = [limit()], "31"
    start(endpoint=told.url, budgets="fail-closed")
    told.wait()
    with pytest.raises(spanledger.BudgetUnavailable):
        ask()
    with spanledger.context(budget=True):
        ask()


def test_the_first_call_of_a_block_that_fails_closed_waits_for_the_answer(told: Told, start: Start) -> None:
    told.budgets = [limit(spent="9")]
    start(endpoint=told.url)
    with spanledger.context(budget="fail-closed"), pytest.raises(spanledger.BudgetExceeded, match="used up"):
        ask()


def test_own_spend_is_forgotten_once_the_collector_includes_it(told: Told, start: Start) -> None:
    told.budgets = [limit(amount="100")]
    start(endpoint=told.url, budgets=True)
    told.wait()
    ask()
    assert spanledger.budget("monthly").spent == 1
    told.behind = "60"
    spanledger.flush()
    told.wait()
    assert spanledger.budget("monthly").spent == 1  # the collector does not include it yet
    told.budgets, told.behind = [limit(amount="100", spent="1")], "0"
    deadline = time.monotonic() + 10
    while spanledger.budget("monthly").spent != 1 or len(told.asked) < 8:
        assert time.monotonic() < deadline, spanledger.budget("monthly")
        time.sleep(0.02)
    ask()
    assert spanledger.budget("monthly").spent == 2


def test_a_fallback_may_go_on_with_a_cheaper_model_or_refuse(told: Told, start: Start) -> None:
    told.budgets = [limit(spent="9")]
    asked: list[tuple[str | None, dict[str, Any]]] = []

    def cheaper(error: spanledger.BudgetExceeded, kwargs: dict[str, Any]) -> dict[str, Any] | None:
        asked.append((error.budget, kwargs))
        return {**kwargs, "model": "gpt-4o-mini"} if kwargs["model"] == "gpt-4o" else None

    start(endpoint=told.url, budgets=True, on_budget=cheaper)
    told.wait()
    made: list[str] = []

    @spanledger.observe(kind="llm")
    def say(prompt: str, *, model: str) -> None:
        made.append(model)

    say("hi", model="gpt-4o")
    assert made == ["gpt-4o-mini"]
    assert asked == [("monthly", {"model": "gpt-4o"})]
    with pytest.raises(spanledger.BudgetExceeded):
        say("hi", model="o3")
    with spanledger.context(on_budget=lambda error, kwargs: {"model": "inner"}):
        say("hi", model="o3")
    assert made == ["gpt-4o-mini", "inner"]


def test_a_wrapped_client_asks_with_check(told: Told, start: Start) -> None:
    enforcement.check({"model": "gpt-4o"})  # nothing runs, nothing is said
    told.budgets = [limit(spent="9", slice={"provider": "openai"})]
    start(endpoint=told.url, budgets=True)
    told.wait()
    enforcement.check({"name": "chat", "model": "claude-sonnet-4-0", "provider": "anthropic", "kwargs": {}})
    with pytest.raises(spanledger.BudgetExceeded):
        enforcement.check({"name": "chat", "model": "gpt-4o", "provider": "openai", "kwargs": {}})
    kwargs = {"model": "gpt-4o"}
    with spanledger.context(on_budget=lambda error, given: {**given, "max_tokens": 5}):
        enforcement.check({"name": "chat", "provider": "openai", "kwargs": kwargs})
    assert kwargs == {"model": "gpt-4o", "max_tokens": 5}


def test_a_provider_is_not_called_by_its_own_client(told: Told, start: Start) -> None:
    import openai

    told.budgets = [limit(spent="9")]
    start(endpoint=told.url, budgets=True, instrument="openai")
    told.wait()
    # Nothing listens there: a request would be a connection error.
    with openai.OpenAI(base_url="http://127.0.0.1:1/v1", api_key="none", max_retries=0) as client:
        with pytest.raises(spanledger.BudgetExceeded):
            client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])
        with spanledger.context(budget=False), pytest.raises(openai.APIConnectionError):
            client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])


def test_ceilings_hold_by_what_the_arguments_say(start: Start, sink: Sink) -> None:
    start()

    @spanledger.observe(kind="llm", max_cost="0.01", max_tokens=2000)
    def say(prompt: str, model: str = "gpt-4o", max_tokens: int | None = None, n: int = 1) -> str:
        return "said"

    assert say("short", max_tokens=900) == "said"
    assert say("x" * 8 * 2000) == "said"  # just 2000 tokens, and half a cent
    with pytest.raises(spanledger.CallTooExpensive, match="may take 2001 tokens") as tokens:
        say("x" * 8 * 2001)
    assert (tokens.value.estimate, tokens.value.ceiling) == (2001, 2000)
    with pytest.raises(spanledger.CallTooExpensive, match=r"may cost \$0\.012") as cost:
        say("", max_tokens=600, n=2)
    assert (cost.value.estimate, cost.value.ceiling) == (Decimal("0.012"), Decimal("0.01"))
    assert say("", model="homemade", max_tokens=1900) == "said"  # no price, no estimate
    spanledger.flush()
    refused = [each for each in sink.spans if each.attributes.get("error.type") == "call_too_expensive"]
    assert len(refused) == 2


@pytest.mark.parametrize("options", [{"max_cost": "a lot"}, {"max_cost": 0}, {"max_tokens": -1}])
def test_a_ceiling_that_cannot_be_is_named(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(options))):
        spanledger.observe(kind="llm", **options)


def test_pictures_are_no_text(start: Start) -> None:
    start()

    @spanledger.observe(kind="llm", max_tokens=100)
    def say(messages: list[dict[str, Any]]) -> str:
        return "said"

    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}
    assert say([{"role": "user", "content": [{"type": "text", "text": "What is it?"}, picture]}]) == "said"
    with pytest.raises(spanledger.CallTooExpensive):
        say([{"role": "user", "content": [{"type": "text", "text": "word " * 1000}, picture]}])


def test_values_are_asked_about_where_there_are_too_many(told: Told, start: Start) -> None:
    told.complete = False
    told.budgets = [limit(per="customer", values={})]
    start(endpoint=told.url, budgets=True)
    told.wait()
    told.budgets = [limit(per="customer", values={"acme": {"limit": "3", "spent": "5"}})]
    with spanledger.context(customer="acme", budget="fail-closed"), pytest.raises(spanledger.BudgetExceeded) as found:
        ask()
    assert found.value.value == "acme"
    assert any(path.endswith("?customer=acme") for path, _ in told.asked)


def test_nothing_is_asked_for_twice_where_nothing_changes(told: Told, start: Start) -> None:
    told.budgets = [limit()]
    start(endpoint=told.url, budgets=True, api_key="sl_ingest_secret")
    told.wait(4)
    assert "if-none-match" in told.asked[-1][1]
    assert told.asked[-1][1]["authorization"] == "Bearer sl_ingest_secret"


def test_the_state_of_a_budget_is_told_without_waiting(told: Told, start: Start) -> None:
    assert spanledger.budget("monthly") == spanledger.BudgetState("monthly")
    told.budgets = [limit(spent="1.5"), limit("each", per="customer", values={"acme": {"limit": "3", "spent": "2.7"}}),
                    limit("unpriced", spent=None)]  # fmt: skip
    start(endpoint=told.url)
    state = spanledger.budget("monthly", wait=10)
    assert (state.spent, state.remaining, state.share, state.is_used_up, state.is_enforced) == (
        Decimal("1.5"), Decimal("1.5"), 0.5, False, True,
    )  # fmt: skip
    assert spanledger.budget("each", "acme").remaining == Decimal("0.3")
    with spanledger.context(customer="acme"):
        assert spanledger.budget("each").share == pytest.approx(0.9)
    assert (spanledger.budget("each").spent, spanledger.budget("each", "new").spent) == (None, 0)
    unknown = spanledger.budget("unpriced")
    assert (unknown.limit, unknown.spent, unknown.remaining, unknown.is_used_up) == (3, None, None, None)
    assert spanledger.budget("none of these").limit is None


def test_a_forked_child_keeps_the_limit_and_asks_for_itself(told: Told, start: Start) -> None:
    told.budgets = [limit(spent="2")]
    start(endpoint=told.url, budgets=True)
    told.wait()
    reader, writer = os.pipe()
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python's own about forking with threads, which is what is tried
        child = os.fork()
    if not child:
        made, error = calls_until_refused()
        os.write(writer, f"{made} {error is not None}".encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 100) == b"1 True"
    os.close(reader)
    os.close(writer)


def test_without_budgets_nothing_is_built(start: Start) -> None:
    start()
    ask()
    assert runtime.active is not None
    assert runtime.active.budgets is None
    assert runtime.active.processor.watch is None


def test_a_word_that_is_no_mode_is_named(caplog: pytest.LogCaptureFixture, start: Start) -> None:
    start(budgets="sometimes")
    assert "budgets='sometimes' is not on, off or fail-closed" in caplog.text


def test_a_period_that_is_over_refuses_nothing() -> None:
    past = limit(resets_at=(datetime.now(UTC) + timedelta(seconds=5)).isoformat())
    document = {"now": datetime.now(UTC).isoformat(), "complete": True, "budgets": [past]}
    now = time.monotonic()
    assert len(list(read(document, now, now, frozenset()).of(Slice()))) == 1
    assert list(read(document, now - 6, now, frozenset()).of(Slice())) == []


def test_a_round_is_forgotten_only_when_all_of_it_was_acknowledged_in_time() -> None:
    document = {"now": datetime.now(UTC).isoformat(), "complete": True, "budgets": [limit()]}
    (each,) = read(document, 0, 0, frozenset()).limits
    own, room = OwnSpend(), Decimal(0)
    own.add(Slice(), Decimal(1))
    own.close_round(lambda: (1, 0))
    before = time.monotonic()
    own.forget(before)
    assert own.towards(each, None, room) == 1  # nothing had been acknowledged by then
    own.add(Slice(), Decimal(2))
    own.close_round(lambda: (3, 1))
    own.forget(before)
    assert own.towards(each, None, room) == 3
    own.forget(time.monotonic())
    assert own.towards(each, None, room) == 2
    own.close_round(lambda: (3, 3))
    own.forget(time.monotonic())
    assert own.towards(each, None, room) == 0
