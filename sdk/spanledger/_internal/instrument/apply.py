"""Chooses one instrumentation per library, puts it to use when the library is imported, and takes it back."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache, partial
from importlib import import_module
from importlib.metadata import EntryPoint, PackageNotFoundError, distribution, entry_points
from typing import Any, Final

from opentelemetry.trace import TracerProvider

from spanledger._internal.instrument import clients
from spanledger._internal.instrument.importing import Waiting
from spanledger._internal.instrument.libraries import LIBRARIES, OWN, Library
from spanledger._internal.log import logger, warn_once
from spanledger._internal.settings import CaptureMode

Undo = Callable[[], None]
_GROUP: Final = "opentelemetry_instrumentor"
_OPT_IN: Final = "OTEL_SEMCONV_STABILITY_OPT_IN"
_LATEST: Final = "gen_ai_latest_experimental"
_CONTENT: Final = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"
_SHOWN: Final = {_CONTENT: "SPAN_ONLY"}
_HIDDEN: Final = {
    _CONTENT: "NO_CONTENT",
    "TRACELOOP_TRACE_CONTENT": "false",
    **{
        f"OPENINFERENCE_HIDE_{part}": "true"
        for part in (
            *("INPUTS", "OUTPUTS", "INPUT_MESSAGES", "OUTPUT_MESSAGES", "PROMPTS", "CHOICES", "LLM_TOOLS"),
            *("EMBEDDINGS_TEXT", "EMBEDDINGS_VECTORS", "RETRIEVAL_DOCUMENTS", "LLM_INVOCATION_PARAMETERS"),
        )
    },
}


def start(names: Sequence[str], provider: TracerProvider, capture: CaptureMode) -> Undo:
    """Instrument these libraries, each when the program imports it; return what undoes it. Never raises.

    Of a library that is instrumented already, by the program itself, nothing is touched.
    """
    waiting = Waiting()
    undoings: list[Undo] = [_prepare_environment(capture)]
    for library in LIBRARIES:
        if library.name in names:
            instrument = partial(_first_that_works, library, provider, capture, own_only=OWN in names)
            waiting.when(library.module, _careful(library, instrument, undoings), within=library.within)

    def undo() -> None:
        waiting.stop()
        while undoings:
            try:
                undoings.pop()()
            except Exception as error:
                warn_once("uninstrument", "an instrumentation could not be taken back: %s", error, error=error)

    return undo


def _careful(library: Library, instrument: Callable[[], Undo], undoings: list[Undo]) -> Callable[[], None]:
    def callback() -> None:
        try:
            undoings.append(instrument())
        except Exception as error:
            warn_once(f"instrument-{library.name}", "%s is not observed: %s", library.name, error, error=error)

    return callback


def _first_that_works(library: Library, provider: TracerProvider, capture: CaptureMode, *, own_only: bool) -> Undo:
    if not _is_the_one(library):
        return _nothing
    if _is_in_use(library):
        return clients.complete(library.module, hush_only=True) if library.is_ours else _nothing
    if library.name == "pydantic-ai":
        return _pydantic_ai(provider, capture)
    failed: list[str] = []
    for module in () if own_only and library.is_ours else library.instrumentations:
        try:
            instrumentor = _instrumentor(module)
            if instrumentor is None:
                continue
            undo = _use(library, instrumentor, provider)
        except Exception as error:
            logger.debug("details of an instrumentation that failed", exc_info=error)
            failed.append(f"{module} ({type(error).__name__}: {error})"[:300])
            continue
        _say(library, failed, module)
        return undo
    if library.is_ours:
        undo = clients.wrap(library.module)
        _say(library, failed, "Spanledger's own wrapping")
        return undo
    if failed:
        warn_once(f"instrument-{library.name}", "%s is not observed: %s failed", library.name, ", ".join(failed))
    return _nothing


def _say(library: Library, failed: Sequence[str], used: str) -> None:
    if failed:
        key = f"instrument-{library.name}"
        warn_once(key, "%s is observed by %s, since %s failed", library.name, used, ", ".join(failed))
    else:
        logger.debug("%s is observed by %s", library.name, used)


def _use(library: Library, instrumentor: Any, provider: TracerProvider) -> Undo:
    inner = clients.complete(library.module) if library.is_ours else _nothing
    try:
        instrumentor.instrument(tracer_provider=provider, raise_exception_on_conflict=True)
    except Exception as error:
        if type(error).__name__ != "DependencyConflictError":
            with suppress(Exception):  # what it has changed before it failed
                getattr(instrumentor, "_uninstrument", instrumentor.uninstrument)()
        inner()
        raise
    if getattr(instrumentor, "is_instrumented_by_opentelemetry", True) is False:
        inner()
        raise RuntimeError("it does not support the installed version")
    return _both(_both(_noting_runs_in_place(), instrumentor.uninstrument), inner)


def _noting_runs_in_place() -> Undo:
    """LangChain's runs are noted (`adoption`) in the task that makes the call, in asynchronous code too."""
    tracer = getattr(sys.modules.get("openinference.instrumentation.langchain._tracer"), "OpenInferenceTracer", None)
    if tracer is None or "run_inline" in vars(tracer):
        return _nothing
    tracer.run_inline = True

    def undo() -> None:
        del tracer.run_inline

    return undo


def _instrumentor(module: str) -> Any:
    """The module's instrumentor object; None if the module is not installed."""
    if (entry := _installed().get(module)) is not None:
        return entry.load()()
    try:
        found = import_module(module)
    except ModuleNotFoundError as error:
        if error.name is not None and f"{module}.".startswith(f"{error.name}."):
            return None
        raise
    for name, member in vars(found).items():
        if name.endswith("Instrumentor") and name != "BaseInstrumentor" and hasattr(member, "instrument"):
            return member()
    return None


@cache
def _installed() -> dict[str, EntryPoint]:
    """Entry points by module: the same name (`openai`) is claimed by several packages."""
    return {entry.module: entry for entry in entry_points(group=_GROUP)}


def _is_the_one(library: Library) -> bool:
    if library.distribution is None:
        return True
    try:
        distribution(library.distribution)
    except PackageNotFoundError:
        return False
    return True


def _is_in_use(library: Library) -> bool:
    """True if the program has instrumented the library itself, by whatever means; it may undo that."""
    for module in library.instrumentations:
        if module in sys.modules:
            instrumentor = _instrumentor(module)
            if getattr(instrumentor, "is_instrumented_by_opentelemetry", False):
                return True
    return False


def _pydantic_ai(provider: TracerProvider, capture: CaptureMode) -> Undo:
    agent: Any = import_module("pydantic_ai").Agent
    if getattr(agent, "_instrument_default", False):
        return _nothing
    settings: Any = import_module("pydantic_ai.models.instrumented").InstrumentationSettings
    agent.instrument_all(settings(tracer_provider=provider, include_content=capture == "on"))
    return lambda: agent.instrument_all(False)


def _prepare_environment(capture: CaptureMode) -> Undo:
    """What instrumentations record is told by variables: content on spans where we may have it, else none at all."""
    wanted = dict(_HIDDEN)
    if capture == "on":
        wanted = {name: value for name, value in _SHOWN.items() if name not in os.environ}
        chosen = [word for word in os.environ.get(_OPT_IN, "").split(",") if word]
        if not any(word.startswith("gen_ai") for word in chosen):
            wanted[_OPT_IN] = ",".join([*chosen, _LATEST])
    before = {name: os.environ.get(name) for name in wanted}
    os.environ.update(wanted)

    def undo() -> None:
        for name, value in before.items():
            if os.environ.get(name) == wanted[name]:  # or the program has set it since
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    return undo


def _both(first: Undo, second: Undo) -> Undo:
    def undo() -> None:
        try:
            first()
        finally:
            second()

    return undo


def _nothing() -> None:
    """Undo nothing."""
