"""Recordings: what was answered once is answered again, alike in use, without anything being called."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Generic, TypeVar
from uuid import UUID

import anthropic
import httpx
import openai
import pytest
from anthropic.types import Message
from hypothesis import given
from hypothesis import strategies as st
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from pydantic import BaseModel

import spanledger
from spanledger._internal.recording.values import NotRecordable, canonical, decode, decode_error, encode, encode_error
from spanledger.testing import ReplayError, capture, replay

T = TypeVar("T")
USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
CHAT = {
    "id": "c-1", "object": "chat.completion", "created": 1, "model": "gpt-4o", "usage": USAGE, "beyond": {"a": [1]},
    "choices": [{"index": 0, "finish_reason": "stop", "logprobs": None,
                 "message": {"role": "assistant", "content": "Héllo", "refusal": None}}],
}  # fmt: skip
CLAUDE = {
    "id": "m-1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5", "stop_reason": "tool_use",
    "stop_sequence": None, "usage": {"input_tokens": 5, "output_tokens": 2},
    "content": [{"type": "text", "text": "Hm.", "citations": None},
                {"type": "tool_use", "id": "t", "name": "f", "input": {"x": 1}}],
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """A program's own result."""

    text: str
    parts: tuple[int, ...] = ()
    inner: Answer | None = None
    notes: dict[str, Decimal] = field(default_factory=dict)


class Note(BaseModel):
    """A model of the program's own."""

    at: datetime
    text: str = ""


class Box(BaseModel, Generic[T]):
    """A generic one."""

    held: T


class Calls:
    """Counts what is really called."""

    def __init__(self) -> None:
        self.made = 0

    def __call__(self, result: Any) -> Any:
        self.made += 1
        if isinstance(result, Exception):
            raise result
        return result


real = Calls()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    real.made = 0


@spanledger.observe(kind="llm")
def ask(prompt: Any, result: Any = None, client: object = None) -> Any:
    return real(ANSWERS[prompt] if result is None else result)


@spanledger.observe(kind="llm")
async def ask_async(prompt: str) -> Any:
    await asyncio.sleep(0)
    return real(ANSWERS[prompt])


@spanledger.observe(kind="llm")
def stream(prompt: str) -> Iterator[Any]:
    for each in real(ANSWERS[prompt]):
        if isinstance(each, Exception):
            raise each
        yield each


@spanledger.observe(kind="llm")
async def stream_async(prompt: str) -> AsyncIterator[Any]:
    for each in real(ANSWERS[prompt]):
        if isinstance(each, Exception):
            raise each
        yield each


@spanledger.observe
def untold(prompt: str) -> Any:
    return real(ANSWERS[prompt])


ANSWERS: dict[str, Any] = {
    "text": "Hello",
    "chat": ChatCompletion.model_validate(CHAT),
    "claude": Message.model_validate(CLAUDE),
    "own": Answer("a", (1, 2), Answer("b"), {"x": Decimal("1.10")}),
    "note": Note(at=datetime(2026, 1, 2, tzinfo=UTC)),
    "box": Box[Note](held=Note(at=datetime(2026, 1, 2, tzinfo=UTC), text="t")),
    "items": ["a", "b", 3],
    "breaks": ["a", ValueError("broken")],
    "dict": CHAT,
    "unusual": {"f": math.inf, "b": b"\x00\xff", "s": {1, 2}, 3: "x", "d": date(2026, 1, 1), "u": UUID(int=5)},
}


async def collect(items: Any) -> list[Any]:
    return [item async for item in items]


CASES: dict[str, Callable[[str], Any]] = {
    "plain": ask,
    "async": lambda prompt: asyncio.run(ask_async(prompt)),
    "stream": lambda prompt: list(stream(prompt)),
    "async stream": lambda prompt: asyncio.run(collect(stream_async(prompt))),
}


@pytest.mark.parametrize("prompt", [name for name in ANSWERS if name != "breaks"])
@pytest.mark.parametrize("case", ["plain", "async"])
def test_an_answer_comes_back_and_nothing_is_called(case: str, prompt: str, tmp_path: Path) -> None:
    with replay(tmp_path / "r.json"):
        first = CASES[case](prompt)
    with replay(tmp_path / "r.json") as tape:
        again = CASES[case](prompt)
    assert again == first
    assert type(again) is type(first)
    assert again is not first or isinstance(first, str)
    assert (real.made, tape.unused) == (1, [])
    assert CASES[case](prompt) == first  # outside it is called again
    assert real.made == 2


@pytest.mark.parametrize("case", ["stream", "async stream"])
def test_streams_come_back_with_how_they_ended(case: str, tmp_path: Path) -> None:
    for number in range(2):
        with replay(tmp_path / "r.json"):
            assert CASES[case]("items") == ["a", "b", 3]
            with pytest.raises(ValueError, match="broken"):
                CASES[case]("breaks")
        assert real.made == 2, number
    entries = json.loads((tmp_path / "r.json").read_text())["calls"]
    assert [len(entry["items"]) for entry in entries] == [3, 1]
    assert all(item["pause"] >= 0 for entry in entries for item in entry["items"])


def test_a_stream_that_was_closed_gives_what_it_gave(tmp_path: Path) -> None:
    for _ in range(2):
        with replay(tmp_path / "r.json"):
            items = stream("items")
            assert next(items) == "a"
            items.close()  # type: ignore[attr-defined]
    assert real.made == 1
    with replay(tmp_path / "r.json"), pytest.raises(ReplayError, match="closed after 1 items"):
        list(stream("items"))


def test_chunks_of_a_provider_and_its_errors(tmp_path: Path) -> None:
    chunk = ChatCompletionChunk.model_validate(
        {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-4o",
         "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}]}
    )  # fmt: skip
    request = httpx.Request("POST", "http://127.0.0.1/")
    response = httpx.Response(429, request=request)
    limit = openai.RateLimitError("slow down", response=response, body={"code": "rate_limit"})
    overloaded = anthropic.InternalServerError("busy", response=httpx.Response(500, request=request), body=None)
    for _ in range(2):
        with replay(tmp_path / "r.json"):
            assert ask("x", [chunk]) == [chunk]
            with pytest.raises(openai.RateLimitError) as told:
                ask("y", limit)
            assert (told.value.status_code, told.value.code, str(told.value)) == (429, "rate_limit", "slow down")
            with pytest.raises(anthropic.APIStatusError):
                ask("z", overloaded)
    assert real.made == 3


def test_equal_calls_are_answered_in_their_order_and_others_by_their_arguments(tmp_path: Path) -> None:
    counted = iter(range(100))

    @spanledger.observe(kind="llm", name="count")
    def count(prompt: str, *, temperature: float = 0) -> int:
        return next(counted)

    with replay(tmp_path / "r.json"):
        first = [count("a"), count("b"), count("a", temperature=0), count("a", temperature=1)]
    with replay(tmp_path / "r.json"):
        assert [count("a", temperature=1), count(prompt="b"), count("a"), count("a")] == [3, 1, 0, 2]
        with pytest.raises(ReplayError, match=r"count\(prompt='a', temperature=0\) was recorded 2 times"):
            count("a")
    assert first == [0, 1, 2, 3]
    assert next(counted) == 4


def test_a_miss_names_the_call_and_the_remedy(tmp_path: Path) -> None:
    with replay(tmp_path / "r.json"):
        ask("text")
    with replay(tmp_path / "r.json"):
        with pytest.raises(ReplayError, match=r"ask\(prompt='other'.*other arguments only.*mode='record'"):
            ask("other")
        with pytest.raises(ReplayError, match=r"ask_async\(prompt='text'\) was not recorded in .*r\.json"):
            asyncio.run(ask_async("text"))
    with pytest.raises(ReplayError, match=r"none\.json does not exist"), replay(tmp_path / "none.json", "replay"):
        pass
    (tmp_path / "bad.json").write_text("[]")
    with pytest.raises(ReplayError, match=r"bad\.json is no recording"), replay(tmp_path / "bad.json"):
        pass
    with pytest.raises(ValueError, match="mode='again'"), replay(tmp_path / "r.json", "again"):  # type: ignore[arg-type]
        pass
    assert real.made == 1


def test_clients_count_by_their_type_and_models_by_their_data(tmp_path: Path) -> None:
    with replay(tmp_path / "r.json"):
        ask(Note(at=datetime(2026, 1, 1, tzinfo=UTC)), "x", client=object())
    with replay(tmp_path / "r.json"):
        assert ask(Note(at=datetime(2026, 1, 1, tzinfo=UTC)), "x", client=object()) == "x"
        with pytest.raises(ReplayError):
            ask(Note(at=datetime(2026, 1, 3, tzinfo=UTC)), "x", client=object())


def test_a_function_without_a_kind_is_replayed_where_it_answered_as_a_model(tmp_path: Path) -> None:
    for _ in range(2):
        with replay(tmp_path / "r.json"):
            assert untold("dict") == CHAT
    assert real.made == 1
    with replay(tmp_path / "other.json"):
        untold("text")
        ask("text")
    with replay(tmp_path / "other.json"):
        assert untold("text") == "Hello"
    assert real.made == 4


def test_what_hands_an_answer_on_is_no_call_of_its_own(tmp_path: Path) -> None:
    @spanledger.observe
    def outer() -> Any:
        return ask("dict")

    with replay(tmp_path / "r.json") as tape:
        outer()
    assert [entry["function"] for entry in tape.entries] == ["ask"]


def test_a_result_that_cannot_be_recorded_is_refused_with_the_remedy(tmp_path: Path) -> None:
    with (
        pytest.raises(ReplayError, match=r"ask cannot be recorded: a builtins\.object is neither plain data"),
        replay(tmp_path / "r.json"),
    ):
        ask("x", object())
    assert not (tmp_path / "r.json").exists()


def test_a_block_that_fails_writes_nothing_and_record_writes_anew(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), replay(tmp_path / "r.json"):
        assert 1 / len(ask("text").strip("Helo"))
    assert list(tmp_path.iterdir()) == []
    for _ in range(2):
        with replay(tmp_path / "deep" / "r.json", "record"):
            ask("text")
    assert real.made == 3
    assert [each.name for each in (tmp_path / "deep").iterdir()] == ["r.json"]


def test_spans_are_recorded_as_if_it_had_been_called(tmp_path: Path) -> None:
    made: list[Any] = []
    for _ in range(2):
        with replay(tmp_path / "r.json"), capture() as recorded:
            ask("chat")
            list(stream("items"))
        made.append([(span["name"], span["model"], span["usage"], span["output"]) for span in recorded])
        durations = [span["duration_ns"] for span in recorded]
    assert made[0] == made[1]
    entries = json.loads((tmp_path / "r.json").read_text())["calls"]
    recorded_seconds = [entry["seconds"] + sum(i["pause"] for i in entry.get("items", ())) for entry in entries]
    assert durations == pytest.approx([seconds * 1e9 for seconds in recorded_seconds], abs=10)


def test_functions_observed_inside_the_block_are_answered_too(tmp_path: Path) -> None:
    for _ in range(2):
        with replay(tmp_path / "r.json"):

            @spanledger.observe(kind="llm", name="late")
            def late() -> str:
                return real("x")

            assert late() == "x"
    assert real.made == 1
    assert late() == "x"
    assert real.made == 2


@pytest.mark.parametrize("name", ["os:system", "subprocess:Popen", "builtins:dict", "pathlib:Path", "none:X"])
def test_only_models_dataclasses_and_exceptions_are_rebuilt(name: str) -> None:
    for kind in ("model", "dataclass"):
        with pytest.raises(NotRecordable):
            decode({"$": kind, "class": name, "data": {}})
    with pytest.raises((NotRecordable, TypeError)):
        decode_error({"class": name, "args": [], "attributes": {}})


plain = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(), st.binary(),
              st.decimals(allow_nan=False), st.dates(), st.uuids()),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner), st.tuples(inner, inner),
                            st.dictionaries(st.integers(), inner)),
    max_leaves=20,
)  # fmt: skip


@given(plain)
def test_plain_data_survives_a_file(value: Any) -> None:
    again = decode(json.loads(json.dumps(encode(value))))
    assert again == value
    assert repr(again) == repr(value)
    json.dumps(canonical(value))


def test_an_exception_of_ones_own_keeps_what_is_plain() -> None:
    class Mine(Exception):
        def __init__(self, code: int) -> None:
            super().__init__(f"code {code}")
            self.code, self.socket = code, object()

    with pytest.raises(NotRecordable, match="define it outside"):
        encode_error(Mine(5))
    again = decode_error(json.loads(json.dumps(encode_error(KeyError("k", (1, 2))))))
    assert repr(again) == repr(KeyError("k", (1, 2)))
