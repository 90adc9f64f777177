"""What a recording of calls does: take down what observed llm calls gave, or give it again without calling."""

from __future__ import annotations

import asyncio
import inspect
import threading
import time
from collections import defaultdict, deque
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from functools import wraps
from typing import Any, Final

from spanledger._internal import clock
from spanledger._internal.observing import callables
from spanledger._internal.observing.declaration import Declaration
from spanledger._internal.recording.calls import Asked, shown
from spanledger._internal.recording.values import NotRecordable, decode, decode_error, encode, encode_error
from spanledger.responses import extract_usage

_MODEL_KINDS: Final = ("llm", "embedding")


class ReplayError(Exception):
    """A call that a recording cannot answer, or a result that it cannot hold; says what to do."""


class Tape:
    """Recorded calls: each a dict as it is in the file."""

    def __init__(self, entries: Sequence[dict[str, Any]], where: str, *, is_recording: bool, pauses: bool) -> None:
        self.entries = list(entries)
        self.is_recording = is_recording
        self._where = where
        self._pauses = pauses
        self._lock = threading.Lock()
        self._left: defaultdict[tuple[str, str], deque[dict[str, Any]]] = defaultdict(deque)
        for entry in entries:
            self._left[entry["function"], entry["key"]].append(entry)
        self._names = {entry["function"] for entry in entries}
        # Results that are taken down already: an outer function that hands one on is no call of its own.
        self._results: deque[Any] = deque(maxlen=64)

    @property
    def unused(self) -> list[dict[str, Any]]:
        """What was recorded and not asked for (yet)."""
        return [entry for entries in self._left.values() for entry in entries]

    def instead(self, fn: Callable[..., Any], declaration: Declaration) -> Callable[..., Any]:
        """Return what is called in the place of `fn`."""
        if declaration.kind not in (None, *_MODEL_KINDS):
            return fn
        code = callables.code_of(fn)
        for is_kind, wrap in (
            (inspect.isasyncgenfunction, self._async_generator),
            (inspect.isgeneratorfunction, self._generator),
            (inspect.iscoroutinefunction, self._coroutine),
        ):
            if is_kind(code):
                return wrap(fn, declaration)
        return self._plain(fn, declaration)

    # --- the four kinds of functions ---------------------------------------------------------------

    def _plain(self, fn: Callable[..., Any], declaration: Declaration) -> Callable[..., Any]:
        @wraps(fn)
        def stand_in(*args: Any, **kwargs: Any) -> Any:
            call = Asked(declaration, args, kwargs)
            if not self.is_recording:
                entry = self._take(call)
                if entry is None:
                    return fn(*args, **kwargs)
                self._wait(entry["seconds"], time.sleep)
                return self._answer(entry)
            began = time.perf_counter()
            try:
                result = fn(*args, **kwargs)
            except Exception as error:
                self._failed(call, began, error)
                raise
            self._returned(call, began, result)
            return result

        return stand_in

    def _coroutine(self, fn: Callable[..., Any], declaration: Declaration) -> Callable[..., Any]:
        @wraps(fn)
        async def stand_in(*args: Any, **kwargs: Any) -> Any:
            call = Asked(declaration, args, kwargs)
            if not self.is_recording:
                entry = self._take(call)
                if entry is None:
                    return await fn(*args, **kwargs)
                await self._wait_async(entry["seconds"])
                return self._answer(entry)
            began = time.perf_counter()
            try:
                result = await fn(*args, **kwargs)
            except Exception as error:
                self._failed(call, began, error)
                raise
            self._returned(call, began, result)
            return result

        return stand_in

    def _generator(self, fn: Callable[..., Any], declaration: Declaration) -> Callable[..., Any]:
        @wraps(fn)
        def stand_in(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            call = Asked(declaration, args, kwargs)
            if not self.is_recording:
                entry = self._take(call)
                if entry is None:
                    return (yield from fn(*args, **kwargs))
                for item in entry.get("items", ()):
                    self._wait(item["pause"], time.sleep)
                    yield decode(item["value"])
                self._wait(entry["seconds"], time.sleep)
                return self._answer(entry)
            stream, inner = _Stream(self, call), fn(*args, **kwargs)
            sent: Any = None
            thrown: BaseException | None = None
            while True:
                try:
                    item = inner.send(sent) if thrown is None else inner.throw(thrown)
                except StopIteration as stop:
                    stream.end(stop.value)
                    return stop.value
                except Exception as error:
                    stream.fail(error)
                    raise
                stream.item(item)
                sent = thrown = None
                try:
                    sent = yield item
                except GeneratorExit:
                    inner.close()
                    stream.close()
                    raise
                except BaseException as error:
                    thrown = error

        return stand_in

    def _async_generator(self, fn: Callable[..., Any], declaration: Declaration) -> Callable[..., Any]:
        @wraps(fn)
        async def stand_in(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            call = Asked(declaration, args, kwargs)
            if not self.is_recording and (entry := self._take(call)) is not None:
                for item in entry.get("items", ()):
                    await self._wait_async(item["pause"])
                    yield decode(item["value"])
                await self._wait_async(entry["seconds"])
                self._answer(entry)
                return
            stream, inner = _Stream(self, call), fn(*args, **kwargs)
            sent: Any = None
            thrown: BaseException | None = None
            while True:
                try:
                    item = await (inner.asend(sent) if thrown is None else inner.athrow(thrown))
                except StopAsyncIteration:
                    stream.end(None)
                    return
                except Exception as error:
                    stream.fail(error)
                    raise
                stream.item(item)
                sent = thrown = None
                try:
                    sent = yield item
                except GeneratorExit:
                    await inner.aclose()
                    stream.close()
                    raise
                except BaseException as error:
                    thrown = error

        return stand_in

    # --- giving again --------------------------------------------------------------------------------

    def _take(self, call: Asked) -> dict[str, Any] | None:
        with self._lock:
            left = self._left.get((call.function, call.key))
            if left:
                return left.popleft()
        # Without a kind it may be any function; one that never answered as a model was no call of one.
        if call.kind is None and call.function not in self._names:
            return None
        raise ReplayError(self._miss(call))

    def _miss(self, call: Asked) -> str:
        same = [entry for entry in self.entries if entry["function"] == call.function]
        if any(entry["key"] == call.key for entry in same):
            times = sum(entry["key"] == call.key for entry in same)
            why = f"was recorded {times} time{'s' if times > 1 else ''} with these arguments, and is called once more"
        elif same:
            why = f"was recorded with other arguments only, such as {shown(same[-1]['arguments'])}"
        else:
            why = "was not recorded"
        return (
            f"{call.function}({shown(call.arguments)}) {why} in {self._where}. Delete the file or use "
            f"replay(..., mode='record') to record anew"
        )

    def _answer(self, entry: dict[str, Any]) -> Any:
        if "error" in entry:
            raise decode_error(entry["error"])
        if entry.get("is_closed"):
            raise ReplayError(
                f"{entry['function']}: when it was recorded in {self._where} the stream was closed after "
                f"{len(entry['items'])} items, and now more are asked for. Record anew with mode='record'"
            )
        return decode(entry.get("result"))

    def _wait(self, seconds: float, sleep: Callable[[float], object]) -> None:
        advance = getattr(getattr(clock.time_ns, "__self__", None), "advance", None)
        if callable(advance):  # a recording's clock, which stands still: so latencies are those of the recording
            advance(seconds)
        if self._pauses:
            sleep(seconds)

    async def _wait_async(self, seconds: float) -> None:
        self._wait(seconds, lambda _: None)
        if self._pauses:
            await asyncio.sleep(seconds)

    # --- taking down ---------------------------------------------------------------------------------

    def _returned(self, call: Asked, began: float, result: Any) -> None:
        if call.kind is None:
            told = None if isinstance(result, (str, type(None))) else extract_usage(result)
            if told is None or told.usage.is_empty or any(result is earlier for earlier in self._results):
                return
        self._results.append(result)
        self.keep(call, {"seconds": _since(began), "result": self.encoded(call, result)})

    def _failed(self, call: Asked, began: float, error: Exception) -> None:
        # Of a function without a kind nobody knows whether it was a model's failure.
        if call.kind is not None and not isinstance(error, ReplayError):
            self.keep(call, {"seconds": _since(began), "error": encode_error(error)})

    def encoded(self, call: Asked, value: Any) -> Any:
        """Return the value as JSON data that is known to come back."""
        try:
            data = encode(value)
            if encode(decode(data)) != data:
                raise NotRecordable(f"a {type(value).__qualname__} does not come back as it was")
            return data
        except Exception as error:
            raise ReplayError(f"{call.function} cannot be recorded: {error}") from error

    def keep(self, call: Asked, facts: dict[str, Any]) -> None:
        """Add one call to the tape."""
        entry = {"function": call.function, "key": call.key, "arguments": call.arguments, **facts}
        with self._lock:
            self.entries.append(entry)


class _Stream:
    """A stream that is being taken down."""

    def __init__(self, tape: Tape, call: Asked) -> None:
        self._tape = tape
        self._call = call
        self._items: list[dict[str, Any]] = []
        self._last = time.perf_counter()

    def item(self, value: Any) -> None:
        if self._call.kind is not None:
            self._items.append({"pause": _since(self._last), "value": self._tape.encoded(self._call, value)})
        self._last = time.perf_counter()

    def end(self, result: Any) -> None:
        self._keep({"result": self._tape.encoded(self._call, result)} if self._call.kind is not None else {})

    def close(self) -> None:
        self._keep({"is_closed": True})

    def fail(self, error: Exception) -> None:
        if not isinstance(error, ReplayError):
            self._keep({"error": encode_error(error)})

    def _keep(self, facts: dict[str, Any]) -> None:
        # A generator without a kind is run again: what it yields may be anything.
        if self._call.kind is not None and self._tape.is_recording:
            self._tape.keep(self._call, {"seconds": _since(self._last), "items": self._items, **facts})


def _since(began: float) -> float:
    return round(time.perf_counter() - began, 6)
