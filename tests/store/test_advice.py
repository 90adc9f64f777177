"""Advice: savings are sums over calls that were made, to the last digit, and what is not known has no number."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger.pricing import price
from spanledger.usage import Usage
from spanledger_store.columns import CONTENT_COLUMNS, EMBEDDING_COLUMNS, SPAN_COLUMNS, columnar
from spanledger_store.engine import Engine
from spanledger_store.outlook.advice import Advice, Calls, Kind, Quality, Sample, total
from spanledger_store.outlook.advice_models import batched, cheaper
from spanledger_store.outlook.nearness import answered_before
from spanledger_store.reports.advice import AdviceInvalid, AdviceRequest, Advised, advice
from spanledger_store.scope import Dimension
from tests.store.rows import content_row, embedding_row, span_row

NOW = datetime(2026, 3, 20, 12, tzinfo=UTC)
AT = datetime(2026, 3, 10, 9, tzinfo=UTC)
DAY = int(datetime(2026, 3, 10, tzinfo=UTC).timestamp())


class Written:
    """Calls at the list's prices, with texts, vectors and scores, to be put into a store."""

    def __init__(self) -> None:
        self.spans: list[tuple[Any, ...]] = []
        self.contents: list[tuple[Any, ...]] = []
        self.vectors: list[tuple[Any, ...]] = []

    def call(
        self,
        usage: Usage,
        model: str = "gpt-4o",
        provider: str = "openai",
        *,
        seconds: float = 0,
        text: str | None = None,
        system: str = "",
        answer: str = "",
        vector: list[float] | None = None,
        **more: Any,
    ) -> Decimal:
        """What it cost."""
        number = len(self.spans) + 1
        at = AT + timedelta(seconds=seconds)
        cost = price(usage, provider=provider, model=model, at=at)
        assert cost is not None
        same = {"trace_id": f"{number:032x}", "span_id": f"{number:016x}",
                "start_time": int(at.timestamp() * 1000) * 1_000_000}  # fmt: skip
        values = {
            "provider": provider, "model": model, "price_source": cost.source, "cost_usd": cost.total,
            "input_tokens": usage.input_tokens, "cache_read_tokens": usage.cache_read_tokens,
            "cache_write_tokens": usage.cache_write_tokens, "output_tokens": usage.output_tokens, **same, **more,
        }  # fmt: skip
        self.spans.append(span_row(**values))
        if text is not None:
            self.contents.append(
                content_row(**same, input=text, input_length=len(text), output=answer, system_instructions=system)
            )
        if vector is not None:
            self.vectors.append(embedding_row(**same, model="words", vector=vector))
        return cost.total

    def put(self, engine: Engine) -> None:
        """Write everything."""
        token = f"advice-{Random(repr(self.spans)).random()}"
        engine.insert("span_rows", columnar(SPAN_COLUMNS, self.spans), token)
        engine.insert("span_content_rows", columnar(CONTENT_COLUMNS, self.contents), token)
        engine.insert("embedding_rows", columnar(EMBEDDING_COLUMNS, self.vectors), token)


def asked(engine: Engine, **more: Any) -> Advised:
    return advice(engine, AdviceRequest("default", NOW, **more))


def only(found: Advised, kind: Kind) -> list[Advice]:
    return [each for each in found.lines if each.kind is kind]


def test_a_cheaper_model_is_what_it_charges_for_the_same_calls(engine: Engine) -> None:
    made = Written()
    big, small = Usage(10_000, 0, 0, 500), Usage(900, 0, 0, 90)
    cost = made.call(big) + made.call(small)
    made.call(small, "gpt-4o-mini", feature="triage")
    made.call(small, "claude-haiku-4-5", "anthropic", feature="triage")
    made.call(big, status="error")
    made.put(engine)
    found = asked(engine, kinds=[Kind.MODEL])
    first, second = [each for each in only(found, Kind.MODEL) if each.feature == "chat"]
    parts = [price(usage, provider="openai", model="gpt-4o-mini", at=AT) for usage in (big, small)]
    other = total(each.total for each in parts if each is not None)
    # Of models that nobody has scored, that of the same provider is looked at first.
    assert (first.candidate, first.calls, first.cost_usd, first.is_best) == ("gpt-4o-mini", 2, cost, True)
    assert first.saved_usd == cost - other
    assert (second.candidate, second.is_best) == ("claude-haiku-4-5", False)
    assert "no score of these calls" in first.missing[0]
    assert first.examples[0] == f"{1:032x}"
    assert any(kind is Kind.MODEL and what.startswith("1 calls are left out") for kind, what in found.missing)
    named = asked(engine, kinds=[Kind.MODEL], candidates=["gpt-4.1-nano"], filters={Dimension.FEATURE: ("chat",)})
    assert [each.candidate for each in named.lines] == ["gpt-4.1-nano"]


def test_scores_are_means_over_sessions_of_both_models(engine: Engine) -> None:
    made, rows = Written(), []
    for number in range(60):
        model = "gpt-4o" if number % 2 else "gpt-4o-mini"
        made.call(Usage(1000, 0, 0, 100), model, session=f"s{number // 2 % 25}-{model}", seconds=number)
    for number in range(1, 61):
        trace = f"{number:032x}"
        span = "" if number % 3 else f"{number:016x}"
        rows.append(("default", trace, span, "", "helpful", AT, 0.5 + number % 7 / 10, "", "", "judge", AT))
    names = ("project_id", "trace_id", "span_id", "session", "name", "time", "value", "label", "explanation", "source",
             "ingested_at")  # fmt: skip
    made.put(engine)
    engine.insert("score_rows", columnar(names, rows), "scores-of-advice")
    (line,) = only(asked(engine, kinds=[Kind.MODEL]), Kind.MODEL)
    (quality,) = line.quality
    voices: dict[str, dict[str, list[float]]] = {"gpt-4o": {}, "gpt-4o-mini": {}}
    for number in range(60):
        model = "gpt-4o" if number % 2 else "gpt-4o-mini"
        voices[model].setdefault(f"s{number // 2 % 25}", []).append(0.5 + (number + 1) % 7 / 10)
    for sample, model in ((quality.here, "gpt-4o"), (quality.there, "gpt-4o-mini")):
        means = [float(np.mean(each)) for each in voices[model].values()]
        assert sample is not None
        assert sample.units == len(means) == 25
        assert sample.mean == pytest.approx(float(np.mean(means)))
        assert sample.variance == pytest.approx(float(np.var(means, ddof=1)))
    assert quality.verdict in {"no difference shown", "lower", "higher"}
    assert line.missing == ()


def test_few_sessions_say_nothing_and_a_shift_is_seen() -> None:
    assert Quality("x", Sample(19, 0.5, 0.1), Sample(500, 0.9, 0.1)).verdict == "unknown"
    assert Quality("x", Sample(100, 0.5, 0.01)).verdict == "unknown"
    assert Quality("x", Sample(100, 0.9, 0.01), Sample(100, 0.5, 0.01)).verdict == "lower"
    rng = np.random.default_rng(3)
    alarms = 0
    for _ in range(1000):
        first, second = rng.normal(0.7, 0.2, (2, 40))
        samples = [Sample(40, float(each.mean()), float(each.var(ddof=1))) for each in (first, second)]
        alarms += Quality("x", samples[0], samples[1]).verdict != "no difference shown"
    # Under the null, 5 of 100 by its own promise; 1,000 trials with this seed.
    assert 30 <= alarms <= 75


def test_batches_of_calls_that_nobody_waits_for(engine: Engine) -> None:
    made = Written()
    usage = Usage(4000, 0, 0, 400)
    cost = made.call(usage) + made.call(usage, "gpt-4o")
    made.call(usage, session="talk")
    made.call(usage, ttft_ns=10**8)
    made.call(usage, price_source="genai-prices 1 openai/gpt-4o, batch 50 % off")
    unknown = made.call(usage, "grok-3", "x-ai", feature="nightly")
    made.put(engine)
    found = asked(engine, kinds=[Kind.BATCH])
    known, missing = only(found, Kind.BATCH)
    half = price(usage, provider="openai", model="gpt-4o", at=AT, service="batch")
    assert half is not None
    assert (known.feature, known.calls, known.cost_usd) == ("chat", 2, cost)
    assert known.saved_usd == cost - 2 * half.total > 0
    assert (missing.saved_usd, missing.cost_usd) == (None, unknown)
    assert "for batches is known" in missing.missing[0]
    assert [what[:7] for kind, what in found.missing if kind is Kind.BATCH] == ["2 calls"]
    chosen = asked(engine, kinds=[Kind.BATCH], can_wait=["chat"])
    assert only(chosen, Kind.BATCH)[0].calls == 4


def test_a_question_that_comes_again_word_for_word(engine: Engine) -> None:
    made = Written()
    usage = Usage(1000, 0, 0, 100)
    made.call(usage, text="Where is my order?", answer="Here.")
    again = made.call(usage, text="Where is my order?", answer="Here.", seconds=60)
    again += made.call(usage, text="Where is my order?", answer="There.", seconds=120)
    made.call(usage, text="Where is my order?", customer="globex")
    made.call(usage, text="Where is my order?", system="Be short.", seconds=130)
    made.call(usage, text="Where is my order?", seconds=2 * 86_400)
    made.call(usage, seconds=140)
    made.put(engine)
    found = asked(engine, kinds=[Kind.SEMANTIC_CACHE])
    (line,) = only(found, Kind.SEMANTIC_CACHE)
    assert (line.calls, line.saved_usd, line.cost_usd) == (2, again, again)
    assert "1 questions came again" in line.basis
    assert "1 of 2 answers were the same" in line.basis
    assert next(what for _, what in found.missing).startswith("1 calls have no text")
    longer = asked(engine, kinds=[Kind.SEMANTIC_CACHE], within=3 * 86_400)
    assert only(longer, Kind.SEMANTIC_CACHE)[0].calls == 3


def test_near_questions_begin_a_session_and_are_lines_of_their_own(engine: Engine) -> None:
    made = Written()
    usage = Usage(1000, 0, 0, 100)
    made.call(usage, vector=[1.0, 0.0, 0.0], session="a")
    saved = made.call(usage, vector=[1.0, 0.1, 0.0], session="b", seconds=10)
    made.call(usage, vector=[1.0, 0.1, 0.0], session="b", seconds=20)
    made.call(usage, vector=[1.0, 0.1, 0.0], session="c", seconds=30, customer="globex")
    made.call(usage, vector=[0.0, 1.0, 0.0], session="d", seconds=40)
    made.put(engine)
    (line,) = only(asked(engine, kinds=[Kind.SEMANTIC_CACHE]), Kind.SEMANTIC_CACHE)
    assert (line.calls, line.saved_usd, line.is_best) == (1, saved, False)
    assert line.basis.startswith("1 of 4 questions")
    strict = asked(engine, kinds=[Kind.SEMANTIC_CACHE], similar=0.999)
    assert strict.lines == []


@given(st.integers(0, 2**32 - 1), st.floats(0.5, 0.99), st.integers(1, 40))
def test_the_cache_of_vectors_is_the_one_kept_by_hand(seed: int, least: float, within: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(30, 3)) * (rng.random((30, 1)) > 0.1)
    seconds = np.sort(rng.integers(0, 60, 30)).astype(float)
    kept: dict[int, float] = {}
    expected: list[int] = []
    for at, vector in enumerate(vectors.astype(np.float32)):
        near = {}
        for row, used in kept.items():
            other = vectors[row].astype(np.float32)
            size = float(np.linalg.norm(vector) * np.linalg.norm(other))
            if size and used >= seconds[at] - within and float(vector @ other) / size >= least:
                near[row] = float(vector @ other) / size
        if near:
            best = max(near, key=lambda row: near[row])
            kept[best] = seconds[at]
        else:
            kept[at] = seconds[at]
        expected.append(best if near else -1)
    assert answered_before(vectors, seconds, least, within).tolist() == expected


def test_what_a_prompt_cache_would_have_read(engine: Engine) -> None:
    """A conversation of three calls: the second and third begin as the one before; the first must have been written."""
    made = Written()
    turns = ['[{"u":"1"}]', '[{"u":"1"},{"a":"2"}]', '[{"u":"1"},{"a":"2"},{"u":"3"}]', '[{"u":"other"}]']
    tokens = [5000, 6000, 7000, 9000]
    where: dict[str, Any] = {"model": "claude-sonnet-4-5", "provider": "anthropic"}
    cost = Decimal(0)
    for number, (text, count) in enumerate(zip(turns, tokens, strict=True)):
        paid = made.call(Usage(count, 0, 0, 10), **where, session="s", seconds=60 * number, text=text)
        cost += paid if number in (1, 2) else 0
    made.call(Usage(8000, 0, 0, 10), **where, session="s", seconds=10_000, text=turns[2])
    made.put(engine)
    (line,) = only(asked(engine, kinds=[Kind.PROMPT_CACHE]), Kind.PROMPT_CACHE)
    assert (line.calls, line.cost_usd) == (2, cost)
    assert "11,000 tokens" in line.basis
    assert "11,000 of them counted" in line.basis
    # 11,000 read at 0.30 instead of 3.00 a million; 5,000 and 1,000 written at 3.75.
    assert line.saved_usd == (11_000 * (Decimal(3) - Decimal("0.3")) - 6000 * Decimal("0.75")) / 1_000_000


def test_a_prefix_counts_from_what_its_provider_caches(embedded: Engine) -> None:
    """Prompts of 1,500 and of 3,000 tokens, said again: of models that cache as few, they were missed."""
    made = Written()
    models = {
        "gpt-4o": "openai", "claude-sonnet-4-5": "anthropic", "claude-opus-4-1-20250805": "anthropic",
        "claude-sonnet-4-6": "anthropic", "claude-3-5-haiku-20241022": "anthropic",
        "claude-opus-4-5": "anthropic", "claude-haiku-4-5": "anthropic",
    }  # fmt: skip
    for at, (model, provider) in enumerate(models.items()):
        for number, (text, prompt) in enumerate((('[{"u":"1"}]', 1500), ('[{"u":"1"},{"a":"2"}]', 1600))):
            made.call(
                Usage(prompt * (2 if at > 2 else 1), 0, 0, 10),
                model=model, provider=provider, session=model, seconds=60 * number, text=text,
            )  # fmt: skip
    made.put(embedded)
    lines = only(asked(embedded, kinds=[Kind.PROMPT_CACHE]), Kind.PROMPT_CACHE)
    assert {each.model for each in lines} == set(list(models)[:5])


def test_instructions_that_calls_share_are_taken_by_their_share_of_the_text(engine: Engine) -> None:
    made = Written()
    system, text = "s" * 300, "t" * 100
    for number in range(3):
        made.call(
            Usage(4000, 0, 0, 10), seconds=100 * number, text=text + str(number), system=system, session=str(number)
        )
    made.call(Usage(1000, 3000, 0, 10), seconds=300, text=text + "4", system=system)
    made.call(Usage(900, 0, 0, 10), seconds=310, text=text + "5", system=system)
    made.put(engine)
    (line,) = only(asked(engine, kinds=[Kind.PROMPT_CACHE]), Kind.PROMPT_CACHE)
    share = 4000 * 300 // 401
    assert line.calls == 2
    assert f"{2 * share:,} tokens" in line.basis
    assert "0 of them counted" in line.basis
    # 1.25 instead of 2.50 a million, and writing costs nothing more.
    assert line.saved_usd == 2 * share * Decimal("1.25") / 1_000_000


def test_own_prices_and_classes_have_no_number_for_batches() -> None:
    usage = Usage(1000, 0, 0, 100)
    own = Calls("f", "openai", "gpt-4o", "chat", "own", False, True, DAY, 0, 1, usage, Decimal(1))
    done = Calls("g", "openai", "gpt-4o", "chat", "class", False, True, DAY, 0, 1, usage, Decimal(1))
    (line,) = batched([own, done])
    assert (line.feature, line.saved_usd) == ("f", None)
    assert "price of your own" in line.missing[0]
    vectors = Calls("f", "openai", "text-embedding-3-large", "embeddings", "list", True, True, DAY, 0, 1,
                    Usage(1000), Decimal(1))  # fmt: skip
    assert cheaper([vectors], {}, ["text-embedding-3-small"]) == []


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"days": 91}, "91 days"),
        ({"within": 5}, "5 seconds"),
        ({"similar": 1.2}, "similarity of 1.2"),
        ({"candidates": ["gpt-99"]}, "'gpt-99' has no price"),
        ({"filters": {Dimension.TAG: ("x",)}}, "several tags"),
    ],
)
def test_what_cannot_be_asked_is_named(values: dict[str, Any], said: str) -> None:
    with pytest.raises(AdviceInvalid, match=said):
        AdviceRequest("default", NOW, **values)


def test_nothing_is_advised_on_nothing(engine: Engine) -> None:
    found = asked(engine)
    assert found.lines == []
    assert found.as_json()["cost_usd"] == "0.000000000000" or Decimal(found.as_json()["cost_usd"]) == 0
