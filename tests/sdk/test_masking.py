"""Personal data does not leave the program: found where it is, left alone where it only looks like it."""

from __future__ import annotations

import json
import logging
import random
import re
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, SpanContext, Status, StatusCode, TraceFlags

import spanledger
from spanledger import semconv
from spanledger._internal.masking.detectors import DETECTORS
from spanledger._internal.masking.masker import Masker
from spanledger._internal.masking.names import NAMES, chosen
from spanledger._internal.masking.payment import is_card, luhn, mod97
from spanledger._internal.settings import load
from spanledger.testing import capture
from tests.support.pii import KINDS, PHONES, Sample, corpus, email, look_alikes

from .sink import Sink

Start = Callable[..., TracerProvider]
ALL = Masker(NAMES)
MAIL = "alice@example.com"


# --- what is found ---------------------------------------------------------------------------------


def counted(samples: list[Sample]) -> dict[str, tuple[float, float, int]]:
    """Kind -> (precision, recall, how many there are); only the right place and kind counts as found."""
    right: Counter[str] = Counter()
    claimed: Counter[str] = Counter()
    there: Counter[str] = Counter()
    for sample in samples:
        masked = ALL(sample.text)
        for kind in NAMES:
            claimed[kind] += masked.count(f"[{kind.upper()}]")
        if sample.kind is not None:
            there[sample.kind] += 1
            right[sample.kind] += masked == sample.expected
    return {kind: (right[kind] / max(claimed[kind], 1), right[kind] / there[kind], there[kind]) for kind in NAMES}


def test_precision_and_recall_on_a_corpus_of_known_truth() -> None:
    samples = list(corpus(seed=20261121, rounds=20))
    found = counted(samples)
    assert len(samples) == 4660
    assert min(there for _, _, there in found.values()) >= 400
    assert {kind: precision for kind, (precision, _, _) in found.items() if precision < 0.99} == {}
    assert {kind: recall for kind, (_, recall, _) in found.items() if recall < 0.995} == {}


def test_what_merely_looks_like_it_is_left_alone() -> None:
    samples = [sample for sample in corpus(seed=5, rounds=40) if sample.kind is None]
    wrong = [sample.form for sample in samples if ALL(sample.text) != sample.text]
    assert len(wrong) <= len(samples) * 0.002, Counter(wrong)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("mailto:o'brien+x@mail.example.co.uk?subject=a", "mailto:[EMAIL]?subject=a"),
        ("https://x.example/?to=a.b%40example.com", "https://x.example/?to=[EMAIL]"),
        ("+1 (415) 555-2671 2024-01-01", "[PHONE] 2024-01-01"),
        ("4111 1111 1111 1111 12/27 cvv 123", "[CARD] 12/27 cvv 123"),
        ("2024 4111-1111-1111-1111 999", "2024 [CARD] 999"),
        ("DE89 3704 0044 0532 0130 00 is my iban", "[IBAN] is my iban"),
        ("http://192.168.1.7:8080/a", "http://[IP]:8080/a"),
        ("mysql://root:p4ss@db.example/x", "mysql://root:[SECRET]@db.example/x"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEv", "[SECRET]"),
        ("password = hunter2, ok", "password = [SECRET], ok"),
    ],
)
def test_only_the_value_is_replaced(text: str, masked: str) -> None:
    assert ALL(text) == masked


def test_check_digits() -> None:
    # Test numbers that issuers and the registry of IBANs publish.
    for number in ("4111111111111111", "5555555555554444", "378282246310005", "6011111111111117", "3530111333300000"):
        assert luhn(number)
        assert is_card(number)
        assert not is_card(number[:-1] + str((int(number[-1]) + 1) % 10))
    assert not is_card("0000000000000000")
    for iban in (
        "GB82WEST12345698765432",
        "DE89370400440532013000",
        "NO9386011117947",
        "MT84MALT011000012345MTLCAST001S",
    ):
        assert mod97(iban) == 1
        assert ALL(iban) == "[IBAN]"


def test_the_cheap_question_is_never_wrong() -> None:
    asked = 0
    for sample in corpus(seed=3, rounds=5):
        for detector in DETECTORS:
            if list(detector.find(sample.text)):
                asked += 1
                assert detector.may_match(sample.text, sample.text.lower()), (detector.name, sample.text)
    assert asked > 800
    assert tuple(detector.name for detector in DETECTORS) == NAMES


# --- what holds for every text ---------------------------------------------------------------------


def values() -> st.SearchStrategy[str]:
    """A value of any kind, or something like one, or anything at all."""
    kinds = sorted(KINDS)

    def made(seed: int) -> str:
        r = random.Random(seed)
        if seed % 3 == 0:
            return r.choice(list(look_alikes(r)))[1]
        if seed % 3 == 1:
            return "".join(r.choice("123456789") if c in "NX" else c for c in r.choice(PHONES))
        return KINDS[r.choice(kinds)](r)

    return st.one_of(
        st.integers(0, 2**32).map(made),
        st.text(alphabet='@.:/-+ 0123456789aeFskE[]{}()="\\\n', max_size=30),
        st.text(max_size=20),
    )


TEXTS = st.lists(values(), max_size=6).map("".join) | st.lists(values(), max_size=6).map(" ".join)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(TEXTS | st.sampled_from(["password", "role"]), inner, max_size=4)
    ),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.sampled_from([None, "key"]))
def test_masked_text_holds_nothing_that_a_detector_finds(text: str, key: str | None) -> None:
    masker = Masker(NAMES, key=key)
    masked = masker(text)
    assert masker(masked) == masked
    if not masked.lstrip().startswith(("{", "[")):  # JSON is looked at string by string
        without = re.sub(r"\[[A-Z]+:[0-9a-f]{8}\]", "[]", masked)
        assert [detector.name for detector in DETECTORS if list(detector.find(without))] == []


def shape(value: Any) -> Any:
    """The structure of JSON without its texts, keys included."""
    if isinstance(value, dict):
        return {"object": sorted(str(shape(item)) for item in value.values())}
    if isinstance(value, list):
        return [shape(item) for item in value]
    return "text" if isinstance(value, str) else value


@settings(max_examples=300, deadline=None)
@given(st.lists(JSONS, max_size=3) | st.dictionaries(TEXTS, JSONS, max_size=3), st.booleans())
def test_json_stays_json_of_the_same_shape(held: Any, ascii_only: bool) -> None:
    text = json.dumps(held, ensure_ascii=ascii_only)
    masked = ALL(text)
    assert ALL(masked) == masked
    again = json.loads(masked)
    # Two keys may become one; and a number may be a card.
    if "[CARD]" not in masked and not _lost_keys(held):
        assert shape(again) == shape(held)


def _lost_keys(held: Any) -> bool:
    if isinstance(held, dict):
        return len({ALL(key) for key in held}) < len(held) or any(map(_lost_keys, held.values()))
    return isinstance(held, list) and any(map(_lost_keys, held))


def test_json_is_masked_inside_its_strings_and_nowhere_else() -> None:
    given = '[{"role":"user", "n": 1.0E5,\t"parts":[{"content":"line\\na\\u0040example.com"}], "n2": 4111111111111111}]'
    assert ALL(given) == ('[{"role":"user", "n": 1.0E5,\t"parts":[{"content":"line\\n[EMAIL]"}], "n2": "[CARD]"}]')
    inner = json.dumps({"to": MAIL, "path": "C:\\x", "apiKey": "abc"})
    assert json.loads(json.loads(ALL(json.dumps({"arguments": inner})))["arguments"]) == {
        "to": "[EMAIL]",
        "path": "C:\\x",
        "apiKey": "[SECRET]",
    }
    assert ALL('{"a": "' + MAIL + '"') == '{"a": "[EMAIL]"'  # cut off: no JSON, and masked all the same


def test_pseudonyms_are_equal_where_values_are_and_need_the_key() -> None:
    one, other = Masker(NAMES, key="k"), Masker(NAMES, key="other")
    masked = one(f"{MAIL} ALICE@example.com bob@example.com +49 30 901820 +49-30-901820")
    mails = re.findall(r"\[EMAIL:[0-9a-f]{8}\]", masked)
    phones = re.findall(r"\[PHONE:[0-9a-f]{8}\]", masked)
    assert (len(mails), len(set(mails)), len(phones), len(set(phones))) == (3, 2, 2, 1)
    assert other(MAIL) != one(MAIL) == one(MAIL)


# --- what is chosen --------------------------------------------------------------------------------


def test_choices() -> None:
    def hook(text: str) -> str:
        return text

    problems: list[str] = []
    assert not chosen("mask", None, problems)
    assert not chosen("mask", False, problems)
    assert chosen("mask", True, problems) == (NAMES, ())
    assert chosen("mask", "card, email", problems) == (("email", "card"), ())
    assert chosen("mask", hook, problems) == ((), (hook,))
    assert chosen("mask", ["email", hook], problems) == (("email",), (hook,))
    assert problems == []
    assert chosen("SPANLEDGER_MASK", "emails", problems) == (NAMES, ())
    (problem,) = problems
    assert "SPANLEDGER_MASK" in problem
    assert "'emails'" in problem
    assert "all are used" in problem


def test_a_recording_takes_known_names_only() -> None:
    with pytest.raises(ValueError, match="emails"), capture(mask="emails"):
        pass


def test_the_environment() -> None:
    env = {"SPANLEDGER_MASK": "email", "SPANLEDGER_MASK_KEY": "secret-key", "SPANLEDGER_MASK_IDS": "true"}
    found, problems = load(env=env)
    assert problems == []
    assert (found.mask.names, found.mask_key, found.mask_ids) == (("email",), "secret-key", True)
    assert "secret-key" not in repr(found)
    assert load(env=env, mask=False)[0].mask == ((), ())


# --- what is sent ----------------------------------------------------------------------------------


def everything(sink: Sink) -> str:
    return repr([(s.name, s.attributes, s.message, s.events, s.resource, s.raw) for s in sink.spans])


def test_every_text_of_every_span(start: Start, sink: Sink) -> None:
    provider = TracerProvider(resource=Resource({"process.command_args": [f"--to={MAIL}"]}), shutdown_on_exit=False)
    start(mask=True, tracer_provider=provider)

    @spanledger.observe(name=f"ask {MAIL}", kind="llm")
    def ask(messages: list[dict[str, Any]], system: str) -> str:
        spanledger.update(metadata={"contact": MAIL}, tags=[MAIL])
        trace.get_current_span().add_event(f"note {MAIL}", {"who": MAIL})
        trace.get_current_span().set_attribute(semconv.SYSTEM_INSTRUCTIONS + ".x", MAIL)
        if system:
            raise ValueError(f"no mailbox {MAIL}")
        return f"write to {MAIL}"

    ask([{"role": "user", "content": f"I am {MAIL}"}, {"role": "assistant", "content": None, "tool_calls": [
        {"id": "call_1", "function": {"name": "send", "arguments": json.dumps({"to": MAIL})}}]}], "")  # fmt: skip
    with pytest.raises(ValueError, match=MAIL):
        ask([], f"be kind to {MAIL}")
    elsewhere = SpanContext(1, 2, is_remote=True, trace_flags=TraceFlags(1))
    with provider.get_tracer("theirs").start_as_current_span(
        f"GET /{MAIL}", links=[Link(elsewhere, {"who": MAIL})]
    ) as span:
        span.set_attribute("input.value", json.dumps({"q": MAIL}))
        span.set_attribute("list", [MAIL, "b"])
        span.set_status(Status(StatusCode.ERROR, f"no {MAIL}"))
        span.record_exception(ValueError(MAIL))
    assert spanledger.flush()
    assert len(sink.spans) == 3
    assert MAIL not in everything(sink)
    assert everything(sink).count("[EMAIL]") >= 20
    first, failed, theirs = sink.spans
    (message, call) = json.loads(first.attributes[semconv.INPUT_MESSAGES])
    assert message["parts"][0]["content"] == "I am [EMAIL]"
    assert json.loads(call["parts"][0]["arguments"]) == {"to": "[EMAIL]"}
    assert failed.message == "ValueError: no mailbox [EMAIL]"
    assert json.loads(theirs.attributes["input.value"]) == {"q": "[EMAIL]"}
    assert theirs.attributes["list"] == ["[EMAIL]", "b"]


def test_what_identifies_and_counts_stays(start: Start, sink: Sink) -> None:
    provider = start(mask=True)
    kept = {
        semconv.RESPONSE_ID: "4111111111111111", semconv.REQUEST_MODEL: "v1@10.2.3.4", semconv.CUSTOMER_ID: MAIL,
        semconv.USER_ID: MAIL, semconv.RELEASE: "10.2.3.4", semconv.USAGE_INPUT_TOKENS: 4111111111111111,
        semconv.COST_USD: "0.002", "session.id": "10.2.3.4",
    }  # fmt: skip
    with provider.get_tracer("theirs").start_as_current_span("call") as span:
        span.set_attributes(kept)
    spanledger.flush()
    assert {key: sink.named("call").attributes[key] for key in kept} == kept


def test_ids_are_masked_where_that_is_asked_for(start: Start, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPANLEDGER_MASK_IDS", "true")
    monkeypatch.setenv("SPANLEDGER_MASK_KEY", "k")
    start(mask="email")

    @spanledger.observe
    def work() -> None: ...

    with spanledger.context(customer=MAIL, user="u-7"):
        work()
    spanledger.flush()
    attributes = sink.named("work").attributes
    assert attributes[semconv.CUSTOMER_ID] == Masker(["email"], key="k")(MAIL)
    assert attributes[semconv.USER_ID] == "u-7"


def presidio_like(text: str) -> str:
    """As a Presidio analyzer and anonymizer in one function would do it: names, by a model that reads prose."""
    return re.sub(r"\b(?:Alice|Bob) [A-Z]\w+", "<PERSON>", text)


def test_a_masker_of_the_users_own_works_with_the_built_in_ones(start: Start, sink: Sink) -> None:
    seen: list[str] = []

    def hook(text: str) -> str:
        seen.append(text)
        return presidio_like(text)

    start(mask=["email", hook])

    @spanledger.observe
    def work(text: str) -> dict[str, str]:
        return {"role": "Alice Role", "content": "for Bob Smith"}

    work(f"I am Alice Smith, {MAIL}")
    spanledger.flush()
    span = sink.named("work")
    assert "I am <PERSON>, [EMAIL]" in span.attributes[semconv.INPUT_MESSAGES]
    assert "for <PERSON>" in span.attributes[semconv.OUTPUT_MESSAGES]
    assert MAIL not in "".join(seen)  # it is given what the built-in ones have left
    assert {"role", "parts", "user", "text"}.isdisjoint(seen)


@pytest.mark.parametrize("answer", [ValueError("it quotes alice@example.com"), None, b"bytes"])
def test_what_cannot_be_masked_is_not_sent(
    start: Start, sink: Sink, caplog: pytest.LogCaptureFixture, answer: Any
) -> None:
    def hook(text: str) -> Any:
        if isinstance(answer, Exception):
            raise answer
        return answer

    provider = start(mask=hook)

    @spanledger.observe(name=f"to {MAIL}", kind="llm")
    def ask(prompt: str, model: str = "gpt-4o") -> str:
        spanledger.update(input_tokens=10, output_tokens=2, metadata={"m": MAIL})
        return f"{prompt} answered"

    with caplog.at_level(logging.WARNING, "spanledger"):
        ask(f"I am {MAIL}")
        with provider.get_tracer("theirs").start_as_current_span("theirs") as span:
            span.set_attribute("input.value", MAIL)
        spanledger.flush()
    assert len(sink.spans) == 2
    assert MAIL not in everything(sink)
    assert "answered" not in everything(sink)
    ours, theirs = sink.spans
    assert ours.name == "[NOT MASKED]"
    assert ours.attributes[semconv.USAGE_INPUT_TOKENS] == 10
    assert ours.attributes[semconv.REQUEST_MODEL] == "gpt-4o"
    assert ours.attributes[semconv.COST_USD]
    assert ours.attributes[semconv.MASK_DROPPED] == 3
    assert theirs.attributes[semconv.MASK_DROPPED] == 1
    (record,) = caplog.records
    assert "could not be masked" in record.message
    assert MAIL not in caplog.text


def test_text_is_masked_before_it_is_cut(start: Start, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPANLEDGER_MAX_CONTENT_CHARS", "12")
    provider = start(mask=True)

    @spanledger.observe
    def work(text: str) -> None: ...

    work(f"hello {MAIL} and more")
    with provider.get_tracer("theirs").start_as_current_span("theirs") as span:
        span.set_attribute("input.value", f"hello {MAIL} and more")
    spanledger.flush()
    assert "alice" not in everything(sink)
    assert sink.named("theirs").attributes["input.value"] == "hello [EMAIL"


def test_the_embedder_sees_masked_text_only(start: Start, sink: Sink) -> None:
    seen: list[str] = []

    def embed(texts: list[str]) -> list[list[float]]:
        seen.extend(texts)
        return [[1.0]] * len(texts)

    start(mask=True, embedder=embed)

    @spanledger.observe(kind="llm")
    def ask(prompt: str) -> None: ...

    ask(f"I am {MAIL}")
    spanledger.flush()
    assert seen == ["I am [EMAIL]"]


def test_scores_are_masked(start: Start, sink: Sink) -> None:
    from spanledger._internal import runtime

    start(mask=True)
    spanledger.feedback("down", f"answer me at {MAIL}", trace_id="0" * 31 + "1")
    spanledger.flush()
    assert runtime.active is not None
    assert MAIL.encode() not in b"".join(sink.bodies)
    assert b"[EMAIL]" in b"".join(sink.bodies)


def test_other_exporters_see_their_spans_unchanged(start: Start, sink: Sink) -> None:
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    beside = InMemorySpanExporter()
    provider = start(mask=True)
    provider.add_span_processor(SimpleSpanProcessor(beside))
    with provider.get_tracer("theirs").start_as_current_span("theirs") as span:
        span.set_attribute("x", MAIL)
    spanledger.flush()
    (theirs,) = beside.get_finished_spans()
    assert theirs.attributes == {"x": MAIL}
    assert sink.named("theirs").attributes["x"] == "[EMAIL]"


def test_nothing_is_masked_by_default(start: Start, sink: Sink) -> None:
    start()

    @spanledger.observe
    def work(text: str) -> None: ...

    work(email(random.Random(1)))
    spanledger.flush()
    assert email(random.Random(1)) in sink.named("work").attributes[semconv.INPUT_MESSAGES]
