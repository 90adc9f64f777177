"""`spanledger.init`: one call at the program's start."""

from __future__ import annotations

import atexit
import threading
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from opentelemetry import trace

from spanledger._internal import log, runtime
from spanledger._internal.context import baggage as crossing
from spanledger._internal.settings import CaptureMode, load

if TYPE_CHECKING:
    from os import PathLike

    from opentelemetry.sdk.trace import TracerProvider

    from spanledger._internal.budgets.policy import BudgetMode, OnBudget
    from spanledger._internal.content.vectors import Embedder
    from spanledger._internal.masking.names import MaskChoice
    from spanledger._internal.settings import Settings

_lock = threading.Lock()
SCOPE = "spanledger"


def init(
    endpoint: str | None = None,
    api_key: str | None = None,
    *,
    service_name: str | None = None,
    environment: str | None = None,
    release: str | None = None,
    capture_content: CaptureMode | bool | None = None,
    buffer_dir: str | PathLike[str] | None = None,
    embedder: Embedder | str | None = None,
    embedding_model: str | None = None,
    mask: MaskChoice | None = None,
    tracer_provider: TracerProvider | None = None,
    instrument: str | bool | Iterable[str] | None = None,
    sample_rate: float | None = None,
    baggage: Iterable[str] | None = None,
    budgets: BudgetMode | bool | None = None,
    on_budget: OnBudget | None = None,
) -> None:
    """Start observing; afterwards every `@observe`d call and every OpenTelemetry span is sent to the collector.

    Adds a processor to `tracer_provider`, or to the global TracerProvider if one is installed, and installs a
    new one otherwise; never replaces one. A second call changes nothing, and says so where it asks for something
    else. Arguments win over the environment (see `docs/team.md` for all settings); unusable values are named in a
    warning and replaced by defaults. Never raises and never blocks on the network.

    `buffer_dir` is a directory for what cannot be delivered: it survives the program and is sent by the next one.

    `embedder` takes a list of texts and returns one vector per text, or is a word for one: "lexical",
    "openai:text-embedding-3-small", "http://127.0.0.1:11434/v1#nomic-embed-text", "sentence-transformers:MODEL",
    "fastembed:MODEL". It is given the last user message of each llm span, on a thread of its own.

    `mask` is True, names of detectors ("secret", "email", "iban", "card", "ip", "phone"), a callable that takes a
    text and returns it without what must not be sent, or a list of both: all texts of all spans go through it.

    `instrument` is "auto", "off" (the default), or names of libraries: calls of these are observed without
    `@observe`, by the best instrumentation installed, from the moment the program imports them.

    `sample_rate` is the share of traces that are sent whole, from 0 to 1; calls of the others are counted in sums, so
    that the books stay exact, and failed, slow and dear ones are always sent.

    `baggage` names what of `spanledger.context` goes to other services with OpenTelemetry's propagators, and is
    taken from them: "customer", "user", "session", "feature", "team", "environment", "release", "prompt".

    `budgets` and `on_budget` are for all calls what `budget` and `on_budget` of `spanledger.context` are for those
    inside: True has calls refused whose budget is used up, "fail-closed" also where that cannot be told.
    """
    with _lock:
        running = runtime.active
        if running is not None and running.is_pinned:
            return
        try:
            settings, problems = load(
                endpoint=endpoint,
                api_key=api_key,
                service_name=service_name,
                environment=environment,
                release=release,
                capture_content=capture_content,
                buffer_dir=buffer_dir,
                instrument=instrument,
                sample_rate=sample_rate,
                baggage=baggage,
                budgets=budgets,
                mask=mask,
                embedder=embedder if isinstance(embedder, str) else None,
            )
            if running is not None:
                if settings != running.settings:  # the cell of a notebook that is run again says nothing new
                    log.logger.warning("spanledger.init was called again; the first call stays in force")
                return
            log.forget()
            for problem in problems:
                log.logger.warning("%s", problem)
            if settings.enabled:
                _start(settings, None if isinstance(embedder, str) else embedder, embedding_model, tracer_provider)
                with_budgets(on_budget)
        except Exception as error:  # a program must not fail because it cannot be observed
            log.warn_once("init", "spanledger could not start: %s", error, error=error)


def _start(
    settings: Settings, embedder: Embedder | None, embedding_model: str | None, given: TracerProvider | None
) -> None:
    # The OpenTelemetry SDK takes 0.1 s to import: paid by programs that call init, not by those that only
    # import a library whose functions are decorated.
    from spanledger._internal.delivery.buffer import buffer_of
    from spanledger._internal.delivery.exporter import Ended, Exporter
    from spanledger._internal.delivery.queue import SpanQueue
    from spanledger._internal.delivery.transport import Transport
    from spanledger._internal.embedders.choice import vectors_for
    from spanledger._internal.enrich import Enricher, span_masker
    from spanledger._internal.processor import LedgerProcessor
    from spanledger._internal.sampling.sampler import Sampler
    from spanledger._internal.scores.export import Scores

    def build() -> tuple[SpanQueue[Ended], Exporter]:
        queue: SpanQueue[Ended] = SpanQueue(settings.max_queue_size, settings.max_queue_bytes, settings.max_batch_size)
        transport = Transport(settings.endpoint, settings.headers, settings.timeout)
        enrich = Enricher(settings, vectors_for(settings, embedder, embedding_model, queue))
        buffer = buffer_of(settings, settings.endpoint)
        sampler = Sampler(settings.sampling, queue, enrich)
        return queue, Exporter(queue, transport, sampler, settings.schedule_delay, buffer)

    crossing.allow(settings.baggage)
    provider, is_ours = (given, False) if given else _provider(settings)

    def build_scores() -> Scores:
        masker = span_masker(settings)
        return Scores(settings, provider.resource, masker and masker.name)

    running = runtime.Runtime(settings, build, build_scores)
    processor = LedgerProcessor(running.queue, running.exporter, running.calls, takes_unsampled=is_ours)
    running.processor = processor
    provider.add_span_processor(processor)
    running.tracer = provider.get_tracer(SCOPE)
    runtime.activate(running)
    atexit.unregister(runtime.shutdown)  # once, however often a program starts and stops
    atexit.register(runtime.shutdown)
    running.exporter.resume()
    running.scores.exporter.resume()
    if settings.instrument:
        from spanledger._internal.instrument import apply

        running.undo = apply.start(settings.instrument, provider, settings.capture)


def with_budgets(on_budget: OnBudget | None) -> None:
    """Let the running SDK know how to keep the state of budgets; begin at once where `init` asks for it."""
    from spanledger import semconv
    from spanledger._internal.budgets.policy import Policy
    from spanledger._internal.budgets.spending import Spending
    from spanledger._internal.budgets.standing import Budgets

    running = runtime.active
    if running is None:
        return
    settings = running.settings
    resource: Mapping[str, object] = getattr(getattr(running.tracer, "resource", None), "attributes", {})
    environment = settings.environment or str(resource.get(semconv.ENVIRONMENT) or "")

    def build() -> Budgets:
        held = Budgets(running, Policy(settings.budgets, on_budget), environment, Spending(settings, environment).of)
        running.processor.watch = held.ended
        held.start()
        return held

    running.build_budgets = build
    if settings.budgets != "off":
        runtime.start_budgets()


def _provider(settings: Settings) -> tuple[TracerProvider, bool]:
    """(the provider to observe, True if it was made here)."""
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider

    from spanledger import semconv
    from spanledger._internal.sampling import head

    installed = trace.get_tracer_provider()
    if isinstance(installed, TracerProvider):
        if settings.service_name:
            log.logger.warning(
                "service_name=%r is not used: the TracerProvider that is installed already has a resource; "
                "set OTEL_SERVICE_NAME or name the service there",
                settings.service_name,
            )
        return installed, False
    named = {
        SERVICE_NAME: settings.service_name,
        semconv.ENVIRONMENT: settings.environment,
        "service.version": settings.release,
    }
    resource = Resource.create({name: value for name, value in named.items() if value})
    # Its own exit hook would shut down without our deadline.
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.sampler = head.counting(provider.sampler)
    if isinstance(installed, trace.ProxyTracerProvider):
        trace.set_tracer_provider(provider)
    else:
        log.logger.warning(
            "the global TracerProvider is a %s, which takes no span processors; only observed functions are "
            "recorded. Pass init(tracer_provider=...) to choose another",
            type(installed).__name__,
        )
    return provider, True
