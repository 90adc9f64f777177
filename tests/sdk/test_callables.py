"""`@observe` on everything that can be called; what it is put on stays what it was."""

import asyncio
import contextlib
import copy
import functools
import inspect
import logging
import operator
import pickle
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from typing import Any
from unittest.mock import MagicMock

import pytest

import spanledger
from spanledger import testing


@pytest.fixture
def recorded() -> Iterator[testing.Recorder]:
    with testing.capture() as recorder:
        yield recorder


def given(span: testing.CapturedSpan) -> Any:
    """The text of the one input message."""
    assert span["input"] is not None
    return span["input"][0]["parts"][0]["content"]


def names(recorded: testing.Recorder) -> list[str]:
    return [span["name"].rpartition(".")[2] for span in recorded]


class Bot:
    """Talks."""

    def __init__(self, word: str = "hi") -> None:
        self.word = word

    @spanledger.observe
    def method(self, what: str) -> str:
        return what

    @classmethod
    @spanledger.observe
    def inner_class(cls, what: str) -> tuple[type, str]:
        return cls, what

    @spanledger.observe
    @classmethod
    def outer_class(cls, what: str) -> tuple[type, str]:
        return cls, what

    @staticmethod
    @spanledger.observe
    def inner_static(what: str) -> str:
        return what

    @spanledger.observe(kind="tool")
    @staticmethod
    def outer_static(what: str) -> str:
        return what

    @spanledger.observe
    async def coroutine(self, what: str) -> str:
        await asyncio.sleep(0)
        return what

    @spanledger.observe
    def stream(self, what: str) -> Generator[str, None, None]:
        yield what

    @property
    @spanledger.observe
    def prop(self) -> str:
        return self.word

    @spanledger.observe
    @functools.lru_cache(maxsize=1)  # noqa: B019
    def cached(self, what: str) -> str:
        return what

    bound = spanledger.observe(functools.partialmethod(lambda self, first, what: what, 1))  # type: ignore[arg-type]


class Sub(Bot):
    def method(self, what: str) -> str:
        return super().method(what + "!")


class Speaker(Bot):
    def __call__(self, what: str, *, model: str = "gpt-4o") -> str:
        """Say it."""
        return f"{self.word} {what}"

    def __len__(self) -> int:
        return 3

    def __or__(self, other: object) -> tuple[object, object]:
        return self.word, other


class AsyncCallable:
    async def __call__(self, what: str) -> str:
        await asyncio.sleep(0)
        return what


class StreamCallable:
    def __call__(self, what: str) -> Generator[str, None, None]:
        yield what


@spanledger.observe
def module_level(what: str) -> str:
    return what


def test_every_kind_of_method(recorded: testing.Recorder) -> None:
    bot = Sub()
    assert bot.method("a") == "a!"
    assert Bot.method(bot, "b") == "b"
    assert bot.inner_class("c") == Sub.inner_class("c") == (Sub, "c")
    assert bot.outer_class("d") == Sub.outer_class("d") == (Sub, "d")
    assert bot.inner_static("e") == Sub.inner_static("e") == "e"
    assert bot.outer_static("f") == Sub.outer_static("f") == "f"
    assert asyncio.run(bot.coroutine("g")) == "g"
    assert list(bot.stream("h")) == ["h"]
    assert bot.prop == "hi"
    assert bot.cached("i") == bot.cached("i") == "i"
    assert bot.bound("j") == "j"  # type: ignore[operator]
    assert [given(span) for span in recorded if span["input"]][:-1] == ["a!", "b", *"ccddeeffghii"]
    assert Bot.cached.cache_info().hits == 1  # type: ignore[attr-defined]
    assert recorded.named("Bot.prop")["input"] is None
    assert recorded[6]["kind"] == "chain"
    assert recorded[8]["kind"] == "tool"


def test_abstract_methods_stay_abstract() -> None:
    class Base(ABC):
        @spanledger.observe
        @abstractmethod
        def work(self) -> None: ...

    with pytest.raises(TypeError, match="abstract"):
        Base()  # type: ignore[abstract]


@pytest.mark.parametrize("decorated_first", [True, False])
def test_partials_stay_partials(recorded: testing.Recorder, decorated_first: bool) -> None:
    def ask(prompt: str, model: str, *, note: str = "") -> str:
        return prompt

    observe = spanledger.observe(kind="llm")
    partial: Any = (
        functools.partial(observe(ask), "p", note="n")
        if decorated_first
        else observe(functools.partial(ask, "p", note="n"))
    )
    assert partial(model="gpt-4o") == "p"
    assert isinstance(partial, functools.partial)
    assert (partial.args, partial.keywords) == (("p",), {"note": "n"})
    assert str(inspect.signature(partial)) == "(model: str, *, note: str = 'n') -> str"
    assert names(recorded) == ["ask"]
    assert recorded[0]["model"] == "gpt-4o"


def test_partials_of_anything(recorded: testing.Recorder) -> None:
    async def coroutine(a: int, b: int) -> int:
        await asyncio.sleep(0)
        recorded.advance(1)
        return a + b

    async def stream(a: int, b: int) -> AsyncGenerator[int, None]:
        yield a
        yield b

    nested = spanledger.observe(functools.partial(functools.partial(coroutine, 1)))
    astream = spanledger.observe(functools.partial(stream, 1))
    method = spanledger.observe(functools.partial(Bot().inner_static))
    builtin = spanledger.observe(functools.partial(max, 5))
    thing = spanledger.observe(functools.partial(AsyncCallable()))

    async def main() -> tuple[Any, ...]:
        return await nested(2), [item async for item in astream(2)], await thing("x")

    assert inspect.iscoroutinefunction(nested)
    assert inspect.isasyncgenfunction(astream)
    assert asyncio.run(main()) == (3, [1, 2], "x")
    assert recorded[0]["duration_ns"] == 1_000_000_000
    assert (method("y"), builtin(7)) == ("y", 7)
    assert names(recorded) == ["coroutine", "stream", "AsyncCallable", "inner_static", "max"]


def test_bound_methods(recorded: testing.Recorder) -> None:
    bot = Bot()
    again = spanledger.observe(name="again")(bot.method)
    assert again("x") == "x"
    assert again.__self__ is bot  # type: ignore[attr-defined]
    plain = spanledger.observe([3, 1].index)
    assert plain(1) == 1
    assert names(recorded) == ["again", "index"]


def test_callable_objects_stay_what_they_are(recorded: testing.Recorder) -> None:
    bot = Speaker()
    observed: Any = spanledger.observe(kind="llm")(bot)
    assert observed("x") == "hi x"
    observed.word = "ho"
    assert (bot.word, observed("y"), observed.method("z")) == ("ho", "ho y", "z")
    assert isinstance(observed, Speaker)
    assert (observed == bot, bot == observed, hash(observed) == hash(bot)) == (True, True, True)
    assert (len(observed), observed | 1, repr(observed)) == (3, ("ho", 1), repr(bot))
    assert (observed.__doc__, observed.__module__, vars(observed)) == (bot.__doc__, bot.__module__, vars(bot))
    assert str(inspect.signature(observed)) == str(inspect.signature(bot))
    assert "word" in dir(observed)
    del observed.word
    assert not hasattr(observed, "word")
    assert names(recorded) == ["Speaker", "Speaker", "method"]
    assert (given(recorded[0]), recorded[0]["attributes"]["gen_ai.request.model"]) == ("x", "gpt-4o")
    for other in (copy.copy(observed), copy.deepcopy(observed), pickle.loads(pickle.dumps(observed))):
        assert type(other) is Speaker
        assert other is not bot


def test_objects_with_async_calls_and_streams(recorded: testing.Recorder) -> None:
    talk = spanledger.observe(AsyncCallable())
    stream = spanledger.observe(name="stream")(StreamCallable())
    assert asyncio.run(talk("x")) == "x"  # type: ignore[arg-type]
    assert inspect.iscoroutinefunction(talk.__call__)
    assert list(stream("y")) == ["y"]
    assert names(recorded) == ["AsyncCallable", "stream"]
    assert [span["output"] is not None for span in recorded] == [True, True]


def test_caches_and_mocks(recorded: testing.Recorder) -> None:
    @spanledger.observe
    @functools.cache
    def cached(what: str) -> str:
        """Documented."""
        return what

    assert (cached("x"), cached("x")) == ("x", "x")
    assert cached.cache_info().hits == 1  # type: ignore[attr-defined]
    assert cached.__doc__ == "Documented."
    assert str(inspect.signature(cached)) == "(what: str) -> str"
    mock = MagicMock(return_value=5)
    assert spanledger.observe(name="mock")(mock)("y") == 5
    mock.assert_called_once_with("y")
    assert names(recorded) == ["cached", "cached", "mock"]


def test_decorators_of_the_standard_library_go_on_working(recorded: testing.Recorder) -> None:
    @spanledger.observe
    @functools.singledispatch
    def show(value: object) -> str:
        return "object"

    @show.register  # type: ignore[attr-defined]
    def _(value: int) -> str:
        return "int"

    @contextlib.contextmanager
    @spanledger.observe
    def opened() -> Generator[str, None, None]:
        yield "open"

    assert (show(1), show("")) == ("int", "object")
    with opened() as state:
        assert state == "open"
    assert names(recorded) == ["show", "show", "opened"]


def test_builtins(recorded: testing.Recorder) -> None:
    assert spanledger.observe(len)([1]) == 1
    assert spanledger.observe(operator.itemgetter(1))("ab") == "b"
    assert spanledger.observe(str.upper)("a") == "A"
    assert spanledger.observe(print)(end="") is None
    assert spanledger.observe(min)(2, 1) == 1
    assert names(recorded) == ["len", "itemgetter", "upper", "print", "min"]


def test_what_is_observed_twice_is_counted_once(recorded: testing.Recorder) -> None:
    @spanledger.observe(name="outer")
    @spanledger.observe(kind="tool", attributes={"a": 1})
    def work() -> None: ...

    class Twice:
        @spanledger.observe
        @classmethod
        @spanledger.observe(kind="agent")
        def make(cls) -> None: ...

    observed: Any = spanledger.observe(spanledger.observe(kind="tool")(Speaker()))
    work()
    Twice.make()
    observed("x")
    spanledger.observe(functools.partial(work))()
    assert [(span["name"].rpartition(".")[2], span["kind"]) for span in recorded] == [
        ("outer", "tool"),
        ("make", "agent"),
        ("Speaker", "tool"),
        ("outer", "tool"),
    ]
    assert recorded[0]["attributes"]["a"] == 1


def test_another_decorator_between_is_another_call(recorded: testing.Recorder) -> None:
    def thrice(fn: Callable[[], None]) -> Callable[[], None]:
        @functools.wraps(fn)
        def repeated() -> None:
            for _ in range(3):
                fn()

        return repeated

    @spanledger.observe(name="request")
    @thrice
    @spanledger.observe(name="attempt")
    def work() -> None: ...

    work()
    assert names(recorded) == ["attempt", "attempt", "attempt", "request"]


def test_two_observations_of_one_function_are_two(recorded: testing.Recorder) -> None:
    def work() -> None: ...

    one, two = spanledger.observe(name="one")(work), spanledger.observe(name="two")(work)
    one()
    two()
    work()
    assert names(recorded) == ["one", "two"]


@pytest.mark.parametrize(
    ("thing", "remedy"),
    [
        (Bot, "put @spanledger.observe on its methods"),
        (property(lambda self: 1), "beneath @property"),
        (functools.cached_property(lambda self: 1), "on the function beneath"),
        (5, "it cannot be called"),
    ],
)
def test_what_cannot_be_observed_is_returned_with_one_warning(
    recorded: testing.Recorder, caplog: pytest.LogCaptureFixture, thing: Any, remedy: str
) -> None:
    assert spanledger.observe(thing) is thing
    assert spanledger.observe(kind="tool")(thing) is thing
    assert [record.levelno for record in caplog.records if remedy in record.getMessage()] == [logging.WARNING]


def test_a_name_without_its_keyword_is_understood(recorded: testing.Recorder, caplog: pytest.LogCaptureFixture) -> None:
    observe: Any = spanledger.observe
    observe("greet")(lambda: None)()
    assert names(recorded) == ["greet"]
    assert "observe(name='greet')" in caplog.text


def test_a_callable_that_defends_itself_is_left_alone(
    recorded: testing.Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    class Unbound:
        def __getattribute__(self, name: str) -> Any:
            raise RuntimeError("nothing is bound")

        def __call__(self) -> int:
            return 7

    thing = Unbound()
    observed = spanledger.observe(thing)
    assert observed() == 7
    assert observed is thing
    assert "nothing is bound" in caplog.text


def test_module_level_functions_are_pickled_by_name(recorded: testing.Recorder) -> None:
    assert pickle.loads(pickle.dumps(module_level)) is module_level
    partial = spanledger.observe(functools.partial(module_level, "x"))
    assert pickle.loads(pickle.dumps(functools.partial(module_level, "x")))() == partial() == "x"


def test_tools_see_the_function() -> None:
    assert (module_level.__name__, module_level.__qualname__, module_level.__module__) == (
        "module_level",
        "module_level",
        __name__,
    )
    assert inspect.iscoroutinefunction(Bot.coroutine)
    assert inspect.isgeneratorfunction(Bot.stream)
    assert str(inspect.signature(Bot.method)) == "(self, what: str) -> str"
    assert str(inspect.signature(Bot().method)) == "(what: str) -> str"
    assert inspect.unwrap(module_level).__name__ == "module_level"


def test_async_generators_keep_send_throw_and_close(recorded: testing.Recorder) -> None:
    events: list[object] = []

    @spanledger.observe
    async def talk() -> AsyncGenerator[int, str]:
        try:
            events.append((yield 1))
            try:
                yield 2
            except KeyError as error:
                events.append(error)
            yield 3
        finally:
            await asyncio.sleep(0)
            events.append("closed")

    problem = KeyError("thrown")

    async def main() -> None:
        conversation = talk()
        assert await conversation.asend(None) == 1  # type: ignore[arg-type]
        assert await conversation.asend("sent") == 2
        assert await conversation.athrow(problem) == 3
        await conversation.aclose()
        with pytest.raises(StopAsyncIteration):
            await conversation.asend("late")
        await conversation.aclose()

    asyncio.run(main())
    assert events == ["sent", problem, "closed"]
    assert (names(recorded), recorded[0]["status"]) == (["talk"], "ok")


def test_an_async_generator_that_will_not_close_says_so(recorded: testing.Recorder) -> None:
    @spanledger.observe
    async def stubborn() -> AsyncGenerator[int, None]:
        try:
            yield 1
        except GeneratorExit:
            yield 2

    @spanledger.observe
    async def failing() -> AsyncGenerator[int, None]:
        try:
            yield 1
        finally:
            raise OSError("cleaning up")

    async def main() -> None:
        for generator, error in ((stubborn(), RuntimeError), (failing(), OSError)):
            await generator.__anext__()
            with pytest.raises(error):
                await generator.aclose()

    asyncio.run(main())
    assert [(span["name"].rpartition(".")[2], span["status"]) for span in recorded] == [
        ("stubborn", "error"),
        ("failing", "error"),
    ]


def test_a_thrown_error_that_is_not_caught_ends_the_stream(recorded: testing.Recorder) -> None:
    @spanledger.observe
    async def stream() -> AsyncGenerator[int, None]:
        yield 1

    async def main() -> None:
        generator = stream()
        await generator.__anext__()
        with pytest.raises(ValueError, match="mine"):
            await generator.athrow(ValueError("mine"))
        with pytest.raises(StopAsyncIteration):
            await generator.__anext__()

    asyncio.run(main())
    assert recorded[0]["error"] == "ValueError: mine"
