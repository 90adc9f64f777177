"""Messages as emitters write them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spanledger_dashboard.messages import Message, Part, parse


def one(value: Any, role: str = "user") -> Message:
    found = parse(json.dumps(value), role)
    assert len(found) == 1
    return found[0]


def test_genai_parts() -> None:
    call = {"type": "tool_call", "id": "c1", "name": "lookup", "arguments": {"a": 1}}
    message = one([{"role": "assistant", "parts": [{"type": "text", "content": "Hi"}, call]}])
    assert message == Message("assistant", (Part("text", "Hi"), Part("tool call", '{\n  "a": 1\n}', "lookup")))
    answer = {"type": "tool_call_response", "id": "c1", "response": "done"}
    assert one([{"role": "tool", "parts": [answer]}]).parts == (Part("tool result", "done", "c1"),)


def test_openai_messages() -> None:
    call = {"id": "c1", "function": {"name": "lookup", "arguments": '{"a": 1}'}}
    message = one([{"role": "assistant", "content": None, "tool_calls": [call]}])
    assert message.parts == (Part("tool call", '{\n  "a": 1\n}', "lookup"),)
    assert one([{"role": "tool", "tool_call_id": "c1", "content": "42"}]).parts == (Part("tool result", "42", "c1"),)
    assert one([{"role": "developer", "content": "Be brief"}]).role == "system"


def test_anthropic_blocks() -> None:
    blocks = [
        {"type": "thinking", "thinking": "hm"},
        {"type": "tool_use", "id": "t", "name": "lookup", "input": {}},
        {"type": "tool_result", "tool_use_id": "t", "content": "ok"},
    ]
    kinds = [part.kind for part in one([{"role": "assistant", "content": blocks}]).parts]
    assert kinds == ["reasoning", "tool call", "tool result"]


def test_instructions_are_parts_without_a_role() -> None:
    assert one([{"type": "text", "content": "Be kind"}], "system") == Message("system", (Part("text", "Be kind"),))


@pytest.mark.parametrize("text", ["Where is my order?", "{not json", '"quoted"'])
def test_plain_text_is_somebodys_words(text: str) -> None:
    assert parse(text, "user") == [Message("user", (Part("text", text.strip('"')),))]


def test_nothing_is_nothing() -> None:
    assert parse("  ", "user") == []


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["role", "content", "parts", "type", "text", "tool_calls", "function", "arguments", "name"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_no_json_is_too_odd(value: Any) -> None:
    for message in parse(json.dumps(value), "user"):
        assert all(isinstance(part.text, str) and isinstance(part.kind, str) for part in message.parts)
