"""Read by a type checker, never run: what `@observe` is put on keeps its signature."""

import functools
from collections.abc import AsyncGenerator, Callable, Generator
from typing import assert_type, reveal_type

import spanledger
from spanledger.testing import CapturedSpan, Recorder, capture


@spanledger.observe
def sync(a: int, *, b: str = "") -> float:
    return a


@spanledger.observe
async def coroutine(a: int) -> str:
    return str(a)


@spanledger.observe
def generator(a: int) -> Generator[int, str, bytes]:
    yield a
    return b""


@spanledger.observe
async def async_generator(a: int) -> AsyncGenerator[int, str]:
    yield a


@spanledger.observe(name="named", kind="tool", capture=False, attributes={"tier": 1})
def parametrised(a: int) -> list[int]:
    return [a]


@spanledger.observe(kind="llm")
async def parametrised_coroutine(a: int) -> list[int]:
    return [a]


class Bot:
    @spanledger.observe
    def method(self, a: int) -> str:
        return str(a)

    @spanledger.observe(kind="agent")
    async def coroutine(self, a: int) -> str:
        return str(a)

    @classmethod
    @spanledger.observe
    def inner_class(cls, a: int) -> str:
        return str(a)

    @spanledger.observe(kind="tool")
    @classmethod
    def outer_class(cls, a: int) -> str:
        return str(a)

    @staticmethod
    @spanledger.observe
    def inner_static(a: int) -> str:
        return str(a)

    @spanledger.observe
    @staticmethod
    def outer_static(a: int) -> str:
        return str(a)

    @property
    @spanledger.observe
    def prop(self) -> int:
        return 1

    def __call__(self, a: int) -> bytes:
        return b""


@spanledger.observe
class Unchanged:
    def hello(self) -> int:
        return 1


assert_type(sync(1, b="x"), float)
assert_type(generator(1), Generator[int, str, bytes])
assert_type(async_generator(1), AsyncGenerator[int, str])
assert_type(parametrised(1), list[int])
assert_type(Bot().method(1), str)
assert_type(Bot.inner_class(1), str)
assert_type(Bot.outer_class(1), str)
assert_type(Bot.inner_static(1), str)
assert_type(Bot.outer_static(1), str)
assert_type(Bot().prop, int)
assert_type(Unchanged().hello(), int)
assert_type(spanledger.observe(Bot())(1), bytes)
assert_type(spanledger.observe(functools.partial(sync, 1))(), float)
assert_type(spanledger.observe(len)([1]), int)


async def awaited() -> None:
    assert_type(await coroutine(1), str)
    assert_type(await parametrised_coroutine(1), list[int])
    assert_type(await Bot().coroutine(1), str)


as_a_callback: Callable[[int], list[int]] = parametrised

with capture(capture_content=False) as recorded:
    assert_type(recorded, Recorder)
    assert_type(recorded[0], CapturedSpan)
    assert_type(recorded.spans, list[CapturedSpan])
    assert_type(recorded.named("sync")["usage"], dict[str, int])

reveal_type(sync)
reveal_type(coroutine)
reveal_type(generator)
reveal_type(async_generator)
reveal_type(parametrised)
reveal_type(Bot().method)
