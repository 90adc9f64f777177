"""`spanledger.init`: one call at the program's start."""

from __future__ import annotations

import atexit
import threading
from typing import TYPE_CHECKING

from opentelemetry import trace

from spanledger._internal import log, runtime
from spanledger._internal.settings import CaptureMode, load

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

    from spanledger._internal.settings import Settings
    from spanledger._internal.vectors import Embedder

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
    embedder: Embedder | None = None,
    embedding_model: str | None = None,
    tracer_provider: TracerProvider | None = None,
) -> None:
    """Start observing; afterwards every `@observe`d call and every OpenTelemetry span is sent to the collector.

    Adds a processor to `tracer_provider`, or to the global TracerProvider if one is installed, and installs a
    new one otherwise; never replaces one. A second call changes nothing and says so. Arguments win over the
    environment (see `docs/team.md` for all settings); unusable values are named in a warning and replaced by
    defaults. Never raises and never blocks on the network.

    `embedder` takes a list of texts and returns one vector per text; it is called on the export thread with
    the last user message of each llm span.
    """
    with _lock:
        if runtime.active is not None:
            if not runtime.active.is_pinned:
                log.logger.warning("spanledger.init was called again; the first call stays in force")
            return
        log.forget()
        try:
            settings, problems = load(
                endpoint=endpoint,
                api_key=api_key,
                service_name=service_name,
                environment=environment,
                release=release,
                capture_content=capture_content,
            )
            for problem in problems:
                log.logger.warning("%s", problem)
            if settings.enabled:
                _start(settings, embedder, embedding_model, tracer_provider)
        except Exception as error:  # a program must not fail because it cannot be observed
            log.warn_once("init", "spanledger could not start: %s", error, error=error)


def _start(
    settings: Settings, embedder: Embedder | None, embedding_model: str | None, given: TracerProvider | None
) -> None:
    # The OpenTelemetry SDK takes 0.1 s to import: paid by programs that call init, not by those that only
    # import a library whose functions are decorated.
    from spanledger._internal.enrich import Enricher
    from spanledger._internal.exporter import Ended, Exporter
    from spanledger._internal.processor import LedgerProcessor
    from spanledger._internal.queue import SpanQueue
    from spanledger._internal.transport import Transport

    def build() -> tuple[SpanQueue[Ended], Exporter]:
        queue: SpanQueue[Ended] = SpanQueue(settings.max_queue_size, settings.max_queue_bytes, settings.max_batch_size)
        transport = Transport(settings.endpoint, settings.headers, settings.timeout)
        enrich = Enricher(settings, embedder, embedding_model)
        return queue, Exporter(queue, transport, enrich, settings.schedule_delay)

    provider = given or _provider(settings)
    running = runtime.Runtime(settings, build)
    processor = LedgerProcessor(running.queue, running.exporter, running.calls)
    running.processor = processor
    provider.add_span_processor(processor)
    running.tracer = provider.get_tracer(SCOPE)
    runtime.activate(running)
    atexit.unregister(runtime.shutdown)  # once, however often a program starts and stops
    atexit.register(runtime.shutdown)


def _provider(settings: Settings) -> TracerProvider:
    from opentelemetry.sdk.resources import SERVICE_NAME, Resource
    from opentelemetry.sdk.trace import TracerProvider

    from spanledger import semconv

    installed = trace.get_tracer_provider()
    if isinstance(installed, TracerProvider):
        if settings.service_name:
            log.logger.warning(
                "service_name=%r is not used: the TracerProvider that is installed already has a resource; "
                "set OTEL_SERVICE_NAME or name the service there",
                settings.service_name,
            )
        return installed
    named = {
        SERVICE_NAME: settings.service_name,
        semconv.ENVIRONMENT: settings.environment,
        "service.version": settings.release,
    }
    resource = Resource.create({name: value for name, value in named.items() if value})
    # Its own exit hook would shut down without our deadline.
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    if isinstance(installed, trace.ProxyTracerProvider):
        trace.set_tracer_provider(provider)
    else:
        log.logger.warning(
            "the global TracerProvider is a %s, which takes no span processors; only observed functions are "
            "recorded. Pass init(tracer_provider=...) to choose another",
            type(installed).__name__,
        )
    return provider
